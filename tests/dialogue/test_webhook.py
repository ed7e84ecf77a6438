"""Webhooks: what is sent, what counts as an answer, and what the log says."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from bargein.dialogue import http_client
from bargein.dialogue.webhook import WebhookRequest, Webhooks


async def ask(answer: httpx.Response | Exception, **of: Any) -> tuple[dict[str, str] | None, httpx.Request | None]:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    request = WebhookRequest(**{"url": "https://shop.example/x", "key": "call/step/1", **of})
    saved = await Webhooks(httpx.MockTransport(serve)).ask(request)
    return saved, seen[0] if seen else None


OK = httpx.Response(200, json={"order": {"id": 7}})


async def test_a_get_keeps_the_query_of_its_url() -> None:
    _, sent = await ask(OK, url="https://shop.example/x?key=1&mug={mug}", method="GET", fill=lambda path: "red & blue")
    assert sent is not None
    assert dict(sent.url.params) == {"key": "1", "mug": "red & blue"}
    _, sent = await ask(OK, url="https://shop.example/x?key=1", method="GET", body={"mug": "red"})
    assert sent is not None
    assert dict(sent.url.params) == {"key": "1", "mug": "red"}


async def test_letters_of_any_language_leave() -> None:
    saved, sent = await ask(OK, key="call/prüfen/1", headers={"X-Name": "Jürgen 日本"}, save={"id": "order.id"})
    assert saved == {"id": "7"}
    assert sent is not None
    raw = dict(sent.headers.raw)
    assert raw[b"X-Name"].decode() == "Jürgen 日本"
    assert raw[b"Idempotency-Key"] == b"call/pr%C3%BCfen/1"


async def test_a_value_adds_no_header() -> None:
    _, sent = await ask(OK, headers={"X-Name": "Jo\r\nX-Admin: yes"})
    assert sent is not None
    assert "x-admin" not in sent.headers


@pytest.mark.parametrize("value", ["..", ".", "../admin", "a/b", "a?b#c", "@evil.example"])
async def test_a_field_stays_in_its_place(value: str) -> None:
    saved, sent = await ask(OK, url="https://shop.example/orders/{id}/lines", fill=lambda path: value)
    if value in (".", ".."):
        assert (saved, sent) == (None, None)
    else:
        assert sent is not None
        assert sent.url.host == "shop.example"
        assert sent.url.raw_path.count(b"/") == 3
        assert sent.url.query == b""


async def test_a_field_is_no_part_of_the_host() -> None:
    saved, sent = await ask(OK, url="https://shop{queue}/x", fill=lambda path: ".evil.example")
    assert (saved, sent) == (None, None)


async def test_no_content_is_a_success(caplog: pytest.LogCaptureFixture) -> None:
    saved, _ = await ask(httpx.Response(204), save={"id": "order.id"})
    assert saved == {"id": ""}
    assert "no content" in caplog.text


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(301, headers={"Location": "https://shop.example/y"}), "it redirects (301)"),
        (httpx.Response(307, headers={"Location": "https://shop.example/y"}), "it redirects (307)"),
        (httpx.Response(308, headers={"Location": "https://shop.example/y"}), "it redirects (308)"),
        (httpx.Response(500, text="oops"), "it answers 500"),
        (httpx.Response(200, text="<html>"), "the answer is not JSON"),
        (httpx.Response(200, content=b"[" * 300_000), "larger than"),
        (httpx.ConnectError("refused"), "cannot be reached"),
    ],
)
async def test_a_failure_says_why(answer: Any, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bargein"):
        saved, _ = await ask(
            answer, url="https://shop.example/{caller}", save={"id": "id"}, fill=lambda path: "5550104278"
        )
    assert saved is None
    assert reason in caplog.text
    assert "5550104278" not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("bargein"))


async def test_cookies_do_not_go_from_one_call_to_the_next() -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"Set-Cookie": "session=1; Path=/"})

    hooks = Webhooks(httpx.MockTransport(serve))
    for key in ("a", "b"):
        await hooks.ask(WebhookRequest(url="https://shop.example/x", key=key))
    assert "cookie" not in seen[1].headers


async def test_webhooks_of_all_calls_share_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """To make one takes 40 ms of the event loop."""
    made: list[httpx.AsyncClient] = []
    plain = http_client.new_client
    monkeypatch.setattr(http_client, "new_client", lambda *of: made.append(plain(*of)) or made[-1])
    for number in range(3):
        assert await Webhooks().ask(WebhookRequest("http://127.0.0.1:9/x", f"call/{number}")) is None
    assert len(made) == 1
