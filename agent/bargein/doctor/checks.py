"""The checks of this machine and of the configuration, one line each. Those of the PBX are in `pbx.py`."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np

from ..clock import Clock, SystemClock
from ..config import Config, parse_address
from ..core.audio.pcm import RATE, Pcm
from ..errors import UserError
from ..store import Reader, try_to_write
from ..store.connect import shown
from ..store.url import sqlite_file
from .check import Check, Status, failed, ok
from .manager import manager_interface

if TYPE_CHECKING:
    from ..dialogue.flow import Flow
    from ..speech.base import Recognizer

SAID = "All is well."

FRAME_S = 0.02
LOAD_S = 2.0  # for /healthz to answer
FRAMES = 100  # two seconds of a call
LATE_S = 0.005  # any phone's jitter buffer makes up for less
OLDEST_YEAR = 2025  # a clock before that was never set


async def examine(config_path: str | None, db: str | None = None, clock: Clock | None = None) -> AsyncIterator[Check]:
    """Every check of this machine, as it is done. After a wrong configuration there are no more."""
    clock = clock or SystemClock()
    yield python()
    try:
        config = Config.load(config_path)
    except UserError as error:
        yield failed("config", error)
        return
    yield ok("config", str(config.source or "no file, defaults"))
    yield flow(config)
    yield await speech_to_text(config, clock)
    yield await text_to_speech(config, clock)
    if config.dialogue.planner == "llm":
        from .language_model import language_model

        yield await language_model(config.llm)
    for check in await ports(config):
        yield check
    if config.fastagi.ami:
        yield await manager_interface(config.fastagi.ami)
    if config.server.metrics:
        yield await load(config.server.metrics)
    url = db or config.store.url
    yield await database(url)
    for check in disks(config, url):
        yield check
    yield open_files(config)
    yield wall_clock(clock)
    yield await pace(clock)


def python() -> Check:
    """The interpreter."""
    version = f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    if sys.version_info >= (3, 14):
        return Check("python", "warn", version, "it is tested with 3.11 to 3.13")
    return ok("python", version)


def flow(config: Config) -> Check:
    """The flow can be read and its steps exist."""
    try:
        path, loaded = _flow(config)
    except UserError as error:
        return failed("flow", error)
    except (OSError, ImportError) as error:
        return Check("flow", "fail", f"{config.dialogue.flow}: {error}", "set [dialogue] flow to a flow that is there")
    steps = len(getattr(loaded, "steps", ()))
    return ok("flow", f"{path}: {steps} steps, language {loaded.language}")


def _flow(config: Config) -> tuple[Path, Flow]:
    """The configured flow and its file. Raises UserError or OSError."""
    from ..dialogue import dialogues

    path = dialogues.find(config.dialogue.flow)
    return path, dialogues.read(path, config.dialogue.language)


async def speech_to_text(config: Config, clock: Clock) -> Check:
    """The recognizer and its model load; one on another machine answers."""
    name = "speech to text"
    started = clock.monotonic()
    try:
        from ..speech import catalog

        engine = catalog.recognizer(config.speech)
        await asyncio.to_thread(engine.load)
        language, _ = _spoken(config)
        engine.check(language)
        if config.speech.stt in catalog.REMOTE:
            pcm = await _spoken_pcm(config)
            try:
                await _recognized(engine, language, pcm)
            except UserError:  # the first request of a server that has just started is slow
                await _recognized(engine, language, pcm)
    except UserError as error:
        return failed(name, error)
    except Exception as error:  # a broken model or package may raise anything
        return Check(name, "fail", f"{config.speech.stt}: {error}", "set [speech] stt and stt_model")
    return ok(name, f"{engine.name}, loaded in {clock.monotonic() - started:.1f} s")


async def _recognized(engine: Recognizer, language: str, pcm: Pcm) -> None:
    """Have 8 kHz speech recognized. Raises EngineError."""
    stream = engine.stream(language)
    stream.feed(pcm)
    await stream.final()


async def _spoken_pcm(config: Config) -> Pcm:
    """Something that the configured voice says, or a tone if it says nothing: silence is not sent to a recognizer."""
    from ..speech import catalog

    try:
        voice = catalog.voice(config.speech, *_spoken(config))
        said = (await voice.whole(SAID)).pcm
        voice.close()
        return said
    except UserError:  # its own check tells
        return (8000 * np.sin(np.arange(RATE) / 4)).astype(np.int16)


async def text_to_speech(config: Config, clock: Clock) -> Check:
    """The voice of the flow loads and says something."""
    name = "text to speech"
    started = clock.monotonic()
    try:
        from ..speech import catalog

        language, wanted = _spoken(config)
        voice = catalog.voice(config.speech, language, wanted)
        await voice.warm([SAID])
        said = await voice.whole(SAID)
        voice.close()
    except UserError as error:
        return failed(name, error)
    except Exception as error:
        return Check(name, "fail", f"{config.speech.tts}: {error}", "set [speech] tts and voice")
    length_s = len(said.pcm) / RATE
    engine = catalog.engine_for(config.speech.tts, language)
    told = f"{engine} in {language}, {length_s:.1f} s of speech in {clock.monotonic() - started:.1f} s"
    if engine == "espeak":
        other = "kokoro or piper" if catalog.can_speak("kokoro", language) else "piper"
        return Check(name, "warn", f"{told}; callers understand little of it", f"set [speech] tts: {other}")
    return ok(name, told)


def flow_queues(config: Config) -> list[str]:
    """The queues that the flow names; none if it cannot be read, which its own check tells."""
    try:
        _, loaded = _flow(config)
    except (UserError, OSError, ImportError):
        return []
    ends = [step.end.queue for step in loaded.steps.values() if step.end is not None]
    return [queue for queue in dict.fromkeys([loaded.queue, *loaded.queues, *ends]) if queue and "{" not in queue]


def _spoken(config: Config) -> tuple[str, str]:
    """The language and the voice of the flow; English if it cannot be read, which its own check tells."""
    try:
        _, loaded = _flow(config)
    except (UserError, OSError):
        return "en", ""
    return loaded.language, loaded.voice


async def ports(config: Config) -> list[Check]:
    """Each port is free, or our own server uses it."""
    fastagi, audio = config.fastagi.listen, config.audiosocket.listen
    ours = await is_our_fastagi(fastagi)
    checks = []
    for name, address, section in (("AudioSocket", audio, "audiosocket"), ("FastAGI", fastagi, "fastagi")):
        error = await _cannot_listen(address)
        if error is None:
            checks.append(ok(name, f"{address} is free: the server is not running"))
        elif ours:
            checks.append(ok(name, f"{address}: the server is running"))
        else:
            remedy = f"end the program that uses it (ss -ltnp), or set [{section}] listen"
            checks.append(Check(name, "fail", f"{address}: {error}", remedy))
    return checks


async def _cannot_listen(address: str) -> str | None:
    try:
        server = await asyncio.start_server(lambda _r, w: w.close(), *parse_address(address))
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    server.close()
    return None


async def is_our_fastagi(address: str) -> bool:
    """Whether our server answers there. The check leaves as soon as BARGEIN_ID is cleared: no call id."""
    host, port = parse_address(address)
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"agi_network: yes\nagi_network_script: start\nagi_request: agi://doctor/start\n\n")
                return b"BARGEIN_ID" in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


async def load(address: str) -> Check:
    """Whether the server that runs takes new calls."""
    try:
        async with httpx.AsyncClient(timeout=LOAD_S) as client:
            told = (await client.get(f"http://{address}/healthz")).json()
        text = f"{told['calls']} calls on {told['workers']} workers"
        if told["admits"]:
            return ok("load", f"{text}, new calls are taken")
        why = told["reason"] or ("no worker serves calls" if not told["well"] else "as many calls as are allowed")
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return Check("load", "warn", f"no answer from http://{address}/healthz", "is the server running?")
    return Check("load", "warn", f"{text}, new calls go to people: {why}", "more workers or machines: docs/scale.md")


async def database(url: str) -> Check:
    """The database can be written, or made. One of an older version is migrated."""
    name = "database"
    try:
        file = sqlite_file(url)
        if file and not file.exists():
            if os.access(file.absolute().parent, os.W_OK):
                return ok(name, f"{file}: none yet, the server will make it")
            remedy = "make the directory, and give it to the user that runs bargein"
            return Check(name, "fail", f"{file}: cannot be made there", remedy)
        await try_to_write(url)
        async with await Reader.open(url) as log:
            stats = await log.stats()
    except UserError as error:
        return failed(name, error)
    return ok(name, f"{shown(url)}: {stats.calls} call{'' if stats.calls == 1 else 's'}")


def _file(url: str) -> Path | None:
    """The file of the database; None for a wrong url, which its own check reports."""
    try:
        return sqlite_file(url)
    except UserError:
        return None


def disks(config: Config, url: str) -> list[Check]:
    """There is room where the database is, and where recordings go."""
    file = _file(url)
    places = [file.absolute().parent] if file else []
    checks = []
    if config.recording.enabled:
        directory = Path(config.recording.directory)
        places.append(directory.absolute())
        there = next(place for place in (directory.absolute(), *directory.absolute().parents) if place.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            remedy = "make the directory, and give it to the user that runs bargein"
            checks.append(Check("recordings", "fail", f"{directory}: cannot be written", remedy))
        elif not directory.exists():
            checks.append(ok("recordings", f"{directory}: none yet, the server will make it"))
    for place in dict.fromkeys(place for place in places if place.exists()):
        free_mb = shutil.disk_usage(place).free // 2**20
        text = f"{place}: {free_mb / 1024:.1f} GB free"
        status: Status = "fail" if free_mb < 100 else "warn" if free_mb < 1024 else "ok"
        remedy = "" if status == "ok" else "make room: bargein prune --older-than 90d --vacuum"
        checks.append(Check("disk", status, text, remedy))
    return checks


def open_files(config: Config) -> Check:
    """Every call is a socket, and while it begins and ends there is one more."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * config.audiosocket.max_calls + config.fastagi.max_connections + 100
    if limit != resource.RLIM_INFINITY and limit < needed:
        remedy = f"LimitNOFILE={needed} in the unit, or ulimit -n, or a smaller [audiosocket] max_calls"
        return Check("open files", "warn", f"{limit} allowed, {needed} may be needed", remedy)
    return ok("open files", f"{limit} allowed, {needed} may be needed")


def wall_clock(clock: Clock) -> Check:
    """The time of day was set."""
    now = clock.utc()
    if now.year < OLDEST_YEAR:
        return Check("clock", "fail", f"it is {now:%Y-%m-%d %H:%M} UTC?", "set the clock: timedatectl set-ntp true")
    here = now.astimezone()
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, here {here:%H:%M} {here.tzname()}")


async def pace(clock: Clock) -> Check:
    """This machine keeps 20 ms deadlines. A late frame is a gap in what the caller hears."""
    late = []
    first = clock.monotonic()
    for frame in range(1, FRAMES + 1):
        deadline = first + frame * FRAME_S
        await clock.sleep_until(deadline)
        late.append(clock.monotonic() - deadline)
    late.sort()
    often, worst = late[int(0.95 * FRAMES)], late[-1]
    text = f"20 ms frames: 95 % within {1000 * often:.1f} ms of their time, the worst {1000 * worst:.1f} ms late"
    if often > LATE_S or worst > FRAME_S:
        return Check("pace", "warn", text, "less load on this machine, or a processor of its own (CPUAffinity=)")
    return ok("pace", text)
