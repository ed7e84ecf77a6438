"""The pages: live calls, the list of calls, one call, interruptions, callbacks, statistics."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from ..core.language.kinds import Kind
from ..errors import UserError
from ..store import CallFilter, Reader
from ..store.filters import MOST_COUNTED
from ..store.privacy import REDACTED
from ..view.choose import MOST, fate, milliseconds, moment, outcome
from ..view.timeline import of_call
from . import present
from .access import Access, Guard
from .live import Live

HERE = Path(__file__).parent
PAGE = 50  # rows
MOST_DIGITS = 12  # of a number in an address
COUNTED = 1000  # interruptions; to count more takes too long
FILTERS = ("since", "until", "queue", "caller", "called", "flow", "outcome", "fate", "interrupted", "longer", "step",
           "trunk", "linkedid", "uniqueid", "text")  # fmt: skip
OF_PEOPLE = ("caller", "trunk", "text")  # filters that tell what redacted pages leave out: +4930*, +49301*, ...
# What a filter means; the others are text.
MEANT: Mapping[str, Callable[[str], Any]] = {
    "since": moment, "until": moment, "outcome": outcome, "fate": fate, "longer": milliseconds,
    "interrupted": {"yes": True, "no": False}.get,
}  # fmt: skip
LABELS = {"fate": "What became of it", "longer": "Longer than"}  # of the form, where they are not the filter's name
KEEP_ALIVE_S = 15.0  # a proxy closes a silent connection


class WrongFilter(Exception):
    """A filter in the address that means nothing."""


def chosen(query: Mapping[str, str]) -> CallFilter:
    """The filter of an address. Raises WrongFilter."""
    given = {name: query[name].strip() for name in FILTERS if query.get(name, "").strip()}
    meant = {"longer_than_ms" if name == "longer" else name: _meant(name, text) for name, text in given.items()}
    which = CallFilter(**meant)
    if which.since and which.until and which.until <= which.since:
        raise WrongFilter("Until is not after Since")
    return which


def _meant(name: str, text: str) -> Any:
    """The value of a filter. Raises WrongFilter with the label of its field."""
    try:
        return MEANT[name](text) if name in MEANT else text
    except ValueError as error:
        raise WrongFilter(f"{LABELS.get(name, name.capitalize())}: {error}") from error


class Pages:
    """The routes. `log` is open for as long as the application runs."""

    def __init__(self, url: str, recordings: Path, redact: bool) -> None:
        self._url, self._recordings, self._redact = url, recordings.resolve(), redact
        self._log: Reader
        self._live: Live
        self._templates = Jinja2Templates(HERE / "templates")
        present.prepare(self._templates.env)
        self._templates.env.globals["redacted"] = redact

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/", self.live),
            Route("/events", self.events),
            Route("/calls", self.calls),
            Route("/calls/{call}", self.call),
            Route("/calls/{call}/audio.wav", self.audio),
            Route("/interruptions", self.interruptions),
            Route("/callbacks", self.callbacks),
            Route("/statistics", self.statistics),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with await Reader.open(self._url) as log:
            log.shows = REDACTED if self._redact else log.shows
            self._log, self._live = log, Live(log)
            follower = asyncio.create_task(self._live.run())
            yield
            self._live.stop()
            await follower  # before the log closes: a query that is cancelled can leave its connection hanging

    def _page(self, request: Request, name: str, code: int = 200, **values: Any) -> Response:
        query = {key: value for key, value in request.query_params.items() if key in FILTERS and value}
        return self._templates.TemplateResponse(request, name, {"query": query, **values}, code)

    async def live(self, request: Request) -> Response:
        """Calls in progress, and the last events."""
        name = "live_part.html" if request.query_params.get("part") else "live.html"
        values: dict[str, Any] = {
            "calls": self._live.calls,
            "events": self._live.recent,
            "last_turn": self._live.last_turn,
            "now": self._live.now,
        }
        return self._page(request, name, version=self._live.version, **values)

    async def events(self, request: Request) -> Response:
        """Server-sent events: `changed` whenever there is something newer than the page, which names its version; `now`
        with the levels and words of all calls, as the page shows them."""
        shown = request.query_params.get("version", "")

        async def stream() -> AsyncIterator[str]:
            yield "retry: 3000\n\n"
            version = int(shown) if shown.isascii() and shown.isdigit() and len(shown) < 12 else -1
            beat = -1
            while not await request.is_disconnected():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._live.wait(version, beat), KEEP_ALIVE_S)
                told = ": still here\n\n"
                if version != self._live.version:
                    version = self._live.version
                    told = f"event: changed\ndata: {version}\n\n"
                if beat != self._live.beat:
                    beat = self._live.beat
                    told += f"event: now\ndata: {_now(self._live)}\n\n"
                yield told

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def calls(self, request: Request) -> Response:
        which, page = self._chosen(request), _page_number(request)
        rows = await self._log.calls(which, limit=PAGE, offset=(page - 1) * PAGE)
        if len(rows) < PAGE and (rows or page == 1):  # the last page: nothing more to count
            total = (page - 1) * PAGE + len(rows)
        else:
            total = await self._log.count_calls(which)
        queues = [] if total else await self._queues(which)
        return self._page(request, "calls.html", calls=rows, total=total, page=page, size=PAGE, queues=queues)

    async def _queues(self, which: CallFilter) -> list[str]:
        """The queues of the log, for a page without rows, if the queue that it asks for is none of them."""
        queues = await self._log.queues() if which.queue else []
        return [] if which.queue in queues else queues

    def _chosen(self, request: Request) -> CallFilter:
        """The filter of a page. Raises WrongFilter."""
        if self._redact and any(request.query_params.get(name, "").strip() for name in OF_PEOPLE):
            raise WrongFilter("these pages have no filter for callers, trunks and words")
        return chosen(request.query_params)

    async def interruptions(self, request: Request) -> Response:
        which, page = self._chosen(request), _page_number(request)
        own = {name: text for name in ("kind", "slow") if (text := request.query_params.get(name, "").strip())}
        kind, slow = own.get("kind"), own.get("slow")
        if kind is not None and kind not in list(Kind):
            raise WrongFilter(f"{kind!r} is no kind of interruption")
        slow_ms = None if slow is None else _number(slow, 0, MOST, "Silent after: {!r} is no number of milliseconds")
        rows = await self._log.interruptions(which, kind=kind, slow_ms=slow_ms, limit=PAGE, offset=(page - 1) * PAGE)
        most = max(COUNTED, page * PAGE) + 1
        total = await self._log.count_interruptions(which, kind=kind, slow_ms=slow_ms, most=most)
        queues = [] if total else await self._queues(which)
        found: dict[str, Any] = {"rows": rows, "total": total, "page": page, "size": PAGE, "own": own}
        found["at_least"] = total == most
        return self._page(request, "interruptions.html", queues=queues, **found)

    async def callbacks(self, request: Request) -> Response:
        """Who waits to be called back; with `done=yes` also those who were called, at the end."""
        which, page, kept = self._chosen(request), _page_number(request), request.query_params.get("done") == "yes"
        rows = await self._log.callbacks(which, kept=kept, limit=PAGE, offset=(page - 1) * PAGE)
        total = await self._log.count_callbacks(which, kept=kept)
        found: dict[str, Any] = {
            "rows": rows,
            "total": total,
            "page": page,
            "size": PAGE,
            "done": "yes" if kept else "",
        }
        return self._page(request, "callbacks.html", **found)

    async def statistics(self, request: Request) -> Response:
        which = self._chosen(request)
        stats = await self._log.stats(which, most=MOST_COUNTED)
        queues = [] if stats.calls else await self._queues(which)
        return self._page(request, "statistics.html", stats=stats, charts=present.charts(stats), queues=queues)

    async def call(self, request: Request) -> Response:
        call = await self._found(request)
        turns = [logged.turn for logged in await self._log.turns(call.id)]
        logged = await self._log.interruptions(call_id=call.id, descending=False)
        cuts = sorted((one.interruption for one in logged), key=lambda cut: cut.onset_ms)
        audio = self._audio(call.recording)
        line = await asyncio.to_thread(of_call, call.id, call.duration_ms, turns, cuts, audio)
        picture = await asyncio.to_thread(present.picture, line)
        audio_url = f"/calls/{call.id}/audio.wav" if line.agent is not None else ""
        return self._page(request, "call.html", call=call, line=line, cuts=cuts, picture=picture, audio_url=audio_url)

    async def audio(self, request: Request) -> Response:
        call = await self._found(request)
        path = self._audio(call.recording)
        if path is None:
            raise HTTPException(404, "This call has no recording on this machine.")
        return FileResponse(path, media_type="audio/wav")

    async def _found(self, request: Request) -> Any:
        name = request.path_params["call"]
        try:
            return await self._log.call(name)
        except UserError:
            raise HTTPException(404, "There is no such call.") from None

    def _audio(self, recording: str) -> Path | None:
        """The recording, if it is a WAV in our directory: paths from a database are not trusted."""
        path = Path(recording).resolve() if recording else None
        inside = path is not None and self._recordings in path.parents and path.suffix == ".wav" and path.is_file()
        return path if inside else None

    async def wrong(self, request: Request, error: Exception) -> Response:
        """A page for an error, in the same style."""
        code = error.status_code if isinstance(error, HTTPException) else 400
        told = error.detail if isinstance(error, HTTPException) else str(error)
        told = "There is no such page." if told == HTTPStatus.NOT_FOUND.phrase else told
        typed = dict(request.query_params) if isinstance(error, WrongFilter) else None
        return self._page(request, "error.html", code, message=told, query={}, typed=typed)


def _now(live: Live) -> str:
    """Levels and words as JSON: for each call in progress both sides, as the page shows them."""
    return json.dumps({call.id: [asdict(side) for side in present.sides(live.now.get(call.id))] for call in live.calls})


def _page_number(request: Request) -> int:
    return _number(request.query_params.get("page", "1"), 1, MOST // PAGE, "{!r} is no page")


def _number(text: str, least: int, most: int, wrong: str) -> int:
    """A number of an address. Raises WrongFilter with `wrong`."""
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and least <= int(text) <= most):
        raise WrongFilter(wrong.format(text))
    return int(text)


def application(url: str, recordings: Path, access: Access, *, redact: bool = False) -> Starlette:
    """The application. It reads the log at `url`, and recordings only in the directory `recordings`.

    `redact`: the pages show no words, no numbers and no recordings.
    """
    pages = Pages(url, recordings, redact)
    return Starlette(
        routes=pages.routes(),
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={HTTPException: pages.wrong, WrongFilter: pages.wrong, UserError: pages.wrong},
        lifespan=pages.lifespan,
    )
