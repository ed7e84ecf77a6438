"""The pages in a real Chromium: for people who use a keyboard, a screen reader or a phone, in light and in dark."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bargein.core.turns.records import CallNow
from bargein.store import Store
from tests.web.browser import CHROMIUM, Browser, browser
from tests.web.test_pages import CALL, place

__all__ = ["place"]  # a fixture

AXE = importlib.util.find_spec("axe_core_python")
PLACES = ["/", "/calls", f"/calls/{CALL}", "/interruptions", "/callbacks?done=yes", "/statistics"]
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
SERIOUS = """axe.run().then(found => found.violations.filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => one.id + ": " + one.nodes.map(node => node.target + " " + node.failureSummary).join("; ")))"""
OUTLINED = """["BODY", "AUDIO"].includes(document.activeElement.tagName) ||
    getComputedStyle(document.activeElement).outlineStyle != "none" """  # a player marks its parts itself

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def shown(place: Path) -> Iterator[tuple[Browser, str]]:
    """A Chromium that has the token, and the address of the pages."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bargein", "web", "--listen", "127.0.0.1:0"],
        cwd=place, env={**os.environ, "BARGEIN_WEB_TOKEN": "secret"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = server.stdout.readline().partition("/?")[0]
        with browser() as page:
            page.ask("Page.navigate", url=f"{address}/calls?token=secret")
            page.go(f"{address}/calls")
            yield page, address
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.skipif(AXE is None, reason="no axe: pip install axe-core-python")
@pytest.mark.parametrize("where", [*PLACES, "/calls?page=x"])
def test_axe_finds_nothing_serious(shown: tuple[Browser, str], where: str) -> None:
    page, address = shown
    assert AXE is not None
    assert AXE.origin is not None
    axe = (Path(AXE.origin).parent / "axe.min.js").read_text("utf-8")
    for size in WIDTHS.values():
        for scheme in ("light", "dark"):
            page.look_like(*size, scheme)
            page.go(address + where)
            page.evaluate(axe)
            assert page.evaluate(SERIOUS) == [], scheme


NOW = """[...document.querySelectorAll("[data-call=running] div")].map(side => [side.dataset.side,
    side.querySelector("meter").value, side.querySelector("small").innerText,
    side.querySelector("span").innerText])"""


async def test_levels_and_words_of_a_call_in_progress_move(shown: tuple[Browser, str], place: Path) -> None:
    page, address = shown
    page.go(f"{address}/")
    store = await Store.open(f"sqlite:///{place}/bargein.db")
    page.evaluate("document.body.dataset.same = 'yes'")
    for level in (-20, -35):
        expected = [["caller", level, f"{level} dB", f"<b>I {level}"], ["agent", -60, "silent", "the red mug"]]
        async with asyncio.timeout(60):
            while page.evaluate(NOW) != expected:
                store.show({"running": CallNow(level, -120, f"<b>I {level}", "the red mug")})
                await asyncio.sleep(0.2)
    await store.close()
    assert page.evaluate("document.body.dataset.same") == "yes"  # it was not loaded again


@pytest.mark.parametrize("where", PLACES)
def test_a_phone_scrolls_in_one_direction(shown: tuple[Browser, str], where: str) -> None:
    page, address = shown
    page.look_like(*WIDTHS["phone"], "light")
    page.go(address + where)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    levels = page.evaluate("[...document.querySelectorAll('meter')].map(one => one.getBoundingClientRect().right)")
    assert (max(levels, default=0) <= 390, bool(levels)) == (True, where == "/")


BROKEN_NAMES = """[...document.querySelectorAll(".bars th[scope=row]")]
    .filter(one => /^[^ ]{1,10}$/.test(one.innerText))
    .filter(one => {
        const text = document.createRange();
        text.selectNodeContents(one);
        return text.getClientRects().length > 1;
    }).map(one => one.innerText)"""
UNEVEN = """new Set([...document.querySelectorAll(".filters > label")].slice(-2)
    .map(one => one.getBoundingClientRect().height)).size"""


def test_on_a_phone_short_names_stay_whole_and_rows_are_one_line_high(shown: tuple[Browser, str]) -> None:
    page, address = shown
    page.look_like(*WIDTHS["phone"], "light")
    page.go(f"{address}/statistics")
    assert page.evaluate(BROKEN_NAMES) == []
    assert page.evaluate(UNEVEN) == 1
    page.go(f"{address}/calls")
    assert page.evaluate("Math.max(...[...document.querySelectorAll('tbody tr')].map(row => row.clientHeight))") < 50


def test_the_keyboard_reaches_everything(shown: tuple[Browser, str]) -> None:
    page, address = shown
    page.look_like(*WIDTHS["desktop"], "light")
    page.go(f"{address}/calls/{CALL}")
    reached = []
    for _ in range(60):
        page.press("Tab", 9)
        name = page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        assert page.evaluate(OUTLINED), name
        reached.append(name)
    assert reached[0] == "Skip to the content"
    for wanted in ("Live", "Calls", "Statistics", "Play the interruption at 0:02.9"):
        assert wanted in reached
