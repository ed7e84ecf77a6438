"""The web pages, asked over HTTP; and shown by a real Chromium where there is one."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from bargein.core.turns.records import Callback, Interruption, Turn
from bargein.store import Store, keep
from bargein.web.access import Access
from bargein.web.application import application

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\u202e"
CALL = "3f2a9c1e-77aa-4b1e-9e0a-000000000001"
HEARD, UNHEARD = "The red mug is ten dollars, the", "green mug is twelve dollars."
PAGES = ["/", "/calls", f"/calls/{CALL}", "/interruptions", "/callbacks?done=yes", "/statistics", "/?part=1"]


async def _fill(place: Path) -> None:
    import wave

    recording = place / "recordings" / "one.wav"
    recording.parent.mkdir()
    with wave.open(str(recording), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(2 * 8000 * 7)) * 9000).astype("<i2").tobytes())
    (place / "secret.wav").write_bytes(b"RIFF secret")
    store = await Store.open(f"sqlite:///{place}/bargein.db")
    for call_id, path in ((CALL, recording), ("other", place / "secret.wav")):
        store.call_started(
            call_id, caller="+4930123", caller_name=EVIL, called="700", queue="support", recording=str(path),
            trunk="PJSIP/trunk", codec="ulaw", linkedid="1700.1", uniqueid="1700.2",
        )  # fmt: skip
        store.turn(call_id, Turn(0, "agent", 0, 3000, f"{HEARD} {UNHEARD}", HEARD, UNHEARD, "offer", "green", 60))
        store.interruption(
            Interruption(
                id=f"{call_id}-1", call_id=call_id, turn_seq=0, step="offer", onset_ms=2900, paused_ms=2980,
                decided_ms=3300, silent_ms=3020, detect_latency_ms=80, stop_latency_ms=120,
                agent_text=f"{HEARD} {UNHEARD}", heard_text=HEARD, unheard_text=UNHEARD, cut_word="green",
                played_ms=3000, caller_text=EVIL, kind="correct", resolution="replanned",
            )
        )  # fmt: skip
        store.turn(call_id, Turn(1, "caller", 2900, 4000, EVIL, EVIL, confidence=0.9))
        store.callback(call_id, Callback("+4930777", "15:30" if call_id == CALL else "", EVIL))
        store.call_ended(call_id, outcome="queue", duration_ms=7000, summary=EVIL)
    store.interruption(
        Interruption(
            id="other-2", call_id="other", turn_seq=0, step="offer", onset_ms=1000, paused_ms=1080, decided_ms=1500,
            silent_ms=1095, detect_latency_ms=80, stop_latency_ms=95, agent_text=HEARD, heard_text=HEARD,
            unheard_text="", cut_word="mug", played_ms=1080, caller_text="Okay.", kind="backchannel",
            resolution="resumed",
        )
    )  # fmt: skip
    store.call_started("running", caller="+4930999", called="700")
    store.turn("running", Turn(0, "agent", 0, 900, "How can I help?", "How can I help?"))
    await store.close()
    await keep(f"sqlite:///{place}/bargein.db", "other")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("web")
    asyncio.run(_fill(place))
    return place


@pytest.fixture
def browser(place: Path) -> Iterator[TestClient]:
    """Somebody with the token."""
    app = application(f"sqlite:///{place}/bargein.db", place / "recordings", Access("secret"))
    with TestClient(app, headers={"Authorization": "Bearer secret"}) as client:
        yield client


@pytest.mark.parametrize("page", PAGES)
def test_hostile_names_and_words_are_text(browser: TestClient, page: str) -> None:
    answer = browser.get(page)
    assert answer.status_code == 200
    for acting in ("<script>alert", "<img", "\x1b", "\u202e"):
        assert acting not in answer.text
    assert " style=" not in answer.text
    assert not re.search(r" on\w+=", answer.text.replace("&lt;", ""), re.IGNORECASE) or "&#34;" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_call_shows_heard_and_unheard_words_and_its_interruption(browser: TestClient) -> None:
    page = browser.get(f"/calls/{CALL}").text
    assert re.search(r'<span class="w" data-s="0" data-e="\d+">The</span>', page)
    assert f'<s><span class="vh">not heard: </span>{UNHEARD}</s>' in page
    assert "<mark>interrupted</mark> on “green”: a correction, the agent planned a new reply" in page
    assert "silent after 120 ms" in page
    assert f'src="/calls/{CALL}/audio.wav"' in page


def test_recordings_come_only_from_their_directory(browser: TestClient) -> None:
    assert browser.get(f"/calls/{CALL}/audio.wav").content.startswith(b"RIFF")
    part = browser.get(f"/calls/{CALL}/audio.wav", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert browser.get("/calls/other/audio.wav").status_code == 404


def test_filters_are_those_of_the_command_line(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "2 of 2 calls" in browser.get("/calls?since=1h&queue=support&interrupted=yes&text=mug&step=offer").text
    assert "No calls match." in browser.get("/calls?queue=sales").text
    assert "2 of 2 calls" in browser.get("/calls?trunk=PJSIP/*&linkedid=1700.1&uniqueid=1700.2").text
    assert "No calls match." in browser.get("/calls?linkedid=1700.2").text
    assert "1 of 1 call<" in browser.get("/calls?outcome=in+progress").text
    monkeypatch.setattr("bargein.web.application.COUNTED", 0)
    monkeypatch.setattr("bargein.web.application.PAGE", 1)
    assert "1 of more than 1 interruptions" in browser.get("/interruptions?kind=correct").text
    monkeypatch.undo()
    assert "2 of 2 interruptions" in browser.get("/interruptions?kind=correct").text
    slow = browser.get("/interruptions?kind=correct&slow=120").text
    assert "2 of 2 interruptions" in slow
    assert 'name="slow" value="120"' in slow
    assert "No interruptions match" in browser.get("/interruptions?slow=121").text
    assert "More calls match" not in browser.get("/statistics?interrupted=yes").text
    monkeypatch.setattr("bargein.web.application.MOST_COUNTED", 1)
    assert "These are the newest 1, since 2" in browser.get("/statistics?interrupted=yes").text
    monkeypatch.undo()
    assert "The log has no such queue. It has support." in browser.get("/calls?queue=suport").text
    assert "no such queue" not in browser.get("/calls?queue=support&until=2001-01-01").text
    assert "It has support." in browser.get("/statistics?queue=suport").text
    for wrong in ("slow=soon", "slow=" + "0" * 15 + "9" * 20, "page=" + "0" * 15 + "9" * 20):
        assert browser.get(f"/interruptions?{wrong}").status_code == 400
    for wrong in ("since=soon", "outcome=nonsense", "longer=x", "page=-1", "page=9" + "9" * 40):
        assert browser.get(f"/calls?{wrong}").status_code == 400
    page = browser.get("/statistics?since=xx&queue=support").text  # the form is there to correct it
    assert 'action="/statistics"' in page
    assert 'name="since" value="xx"' in page
    assert 'name="queue" value="support"' in page
    assert 'href="/calls"' in page  # no wrong filter goes along to another page
    assert browser.get("/calls/nothing").status_code == 404


def test_a_page_that_does_not_exist_says_so(browser: TestClient) -> None:
    answer = browser.get("/stats")
    assert answer.status_code == 404
    assert "There is no such page." in answer.text


def test_a_backchannel_comes_with_how_long_the_agent_was_silent(browser: TestClient) -> None:
    assert "backchannel “Okay.”, silent for 405 ms: the agent went on" in browser.get("/calls/other").text


def test_callbacks_are_open_until_they_are_done(browser: TestClient) -> None:
    page = browser.get("/callbacks?queue=support").text
    assert "1 of 1 callback<" in page
    assert re.search(rf'<a href="/calls/{CALL}">.*</a></td><td>\+4930777</td><td class="keep">15:30</td>', page)
    assert f"<code>{CALL[:8]}</code>" in page
    assert "/calls/other" not in page
    page = browser.get("/callbacks?done=yes").text
    assert "2 of 2 callbacks" in page
    assert page.index("<td>open</td>") < page.index("/calls/other")
    assert "Nobody waits" in browser.get("/callbacks?queue=sales").text
    assert browser.get("/callbacks?page=2").text.count("/callbacks?page=1") == 0  # all are on one page
    assert browser.post("/callbacks?done=yes").status_code == 405


def test_callbacks_on_more_than_one_page_keep_the_filter(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bargein.web.application.PAGE", 1)
    first = browser.get("/callbacks?queue=support&done=yes").text
    assert '<a rel="next" href="/callbacks?queue=support&amp;page=2&amp;done=yes">Newer</a>' in first
    assert "/calls/other" in browser.get("/callbacks?queue=support&page=2&done=yes").text
    assert "kind=correct" in browser.get("/interruptions?kind=correct").text


def test_filters_stay_from_page_to_page_unless_they_are_wrong(browser: TestClient) -> None:
    page = browser.get("/calls?since=1h&until=&queue=support").text
    for other in ("interruptions", "callbacks", "statistics"):
        assert f'<a href="/{other}?since=1h&amp;queue=support">' in page
    assert '<a href="/">Live' in page
    wrong = browser.get("/statistics?longer=soon&queue=support").text
    assert "Longer than: &#39;soon&#39;: expected a duration" in wrong
    assert '<a href="/calls">' in wrong
    assert "Until is not after Since" in browser.get("/calls?since=1h&until=2h").text


def test_redacted_pages_have_no_words_and_no_numbers(place: Path) -> None:
    app = application(f"sqlite:///{place}/bargein.db", place / "recordings", Access("secret"), redact=True)
    with TestClient(app, headers={"Authorization": "Bearer secret"}) as client:
        for page in ("/calls", f"/calls/{CALL}", "/interruptions", "/callbacks?done=yes", "/statistics?since=1h"):
            answer = client.get(page)
            assert answer.status_code == 200
            secrets = ("+4930123", "+4930777", "mug", "green", "alert", "audio.wav")
            assert not [word for word in secrets if word in answer.text]
        assert client.get(f"/calls/{CALL}/audio.wav").status_code == 404
        assert 'name="queue"' in client.get("/calls").text
        for name, value in (("caller", "+49*"), ("text", "mug"), ("trunk", "PJSIP/*")):  # which would find them out
            assert f'name="{name}"' not in client.get("/calls").text
            for page in ("/calls", "/interruptions", "/callbacks", "/statistics"):
                assert client.get(page, params={name: value}).status_code == 400


def test_statistics_name_the_word_and_the_step(browser: TestClient) -> None:
    page = browser.get("/statistics?since=1h&queue=support").text
    assert "“green”" in page
    assert "step offer" in page


def test_live_shows_calls_in_progress(browser: TestClient) -> None:
    import time

    for _ in range(100):
        if "+4930999" in (page := browser.get("/?part=1").text):
            break
        time.sleep(0.05)
    assert "+4930999" in page
    assert "call ends: queue" in page
    assert re.search(r'<td class="wide"><b>agent</b> How can I help\?</td>', page)


def test_strangers_and_writers_are_refused(place: Path) -> None:
    app = application(f"sqlite:///{place}/bargein.db", place, Access("secret"))
    with TestClient(app, follow_redirects=False) as stranger:
        for page in [*PAGES, "/events", f"/calls/{CALL}/audio.wav"]:
            assert stranger.get(page).status_code == 401
            assert "default-src" in stranger.get(page).headers["content-security-policy"]
        assert stranger.get("/calls?token=wrong").status_code == 401
        assert stranger.get("/calls", headers={"X-Forwarded-User": "ada"}).status_code == 401
        welcome = stranger.get("/calls?queue=support&token=secret")
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/calls?queue=support")
        assert "HttpOnly" in welcome.headers["set-cookie"]
        assert stranger.get("/calls").status_code == 200  # with the cookie
        assert stranger.post("/calls").status_code == 405


def test_a_proxy_names_the_user(place: Path) -> None:
    url = f"sqlite:///{place}/bargein.db"
    for network, code in (("127.0.0.0/8", 200), ("10.0.0.0/8", 401)):
        app = application(url, place, Access(user_header="X-Forwarded-User", proxies=[ip_network(network)]))
        with TestClient(app, client=("127.0.0.1", 5)) as behind:
            assert behind.get("/calls", headers={"X-Forwarded-User": "ada"}).status_code == code
            assert behind.get("/calls").status_code == 401


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium: apt-get install chromium")
def test_a_real_browser_runs_nothing_that_a_caller_wrote(place: Path) -> None:
    """The page of a call in Chromium: our script ran (the playhead moved to the start), the caller's did not."""
    env = {**os.environ, "BARGEIN_WEB_TOKEN": "secret"}
    server = subprocess.Popen(
        [sys.executable, "-m", "bargein", "web", "--listen", "127.0.0.1:0"], cwd=place, env=env, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = server.stdout.readline().partition("?")[0].rstrip("/\n")
        told = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom", "--timeout=8000",
             f"{address}/calls/{CALL}?token=secret"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)
    assert "&lt;script&gt;alert(1)" in told.stdout
    assert "<script>alert" not in told.stdout
    assert 'id="playhead"' in told.stdout
    assert "Content Security Policy" not in told.stderr
