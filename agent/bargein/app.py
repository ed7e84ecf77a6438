"""The whole server, made from one Config: engines, store, FastAGI and AudioSocket."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import gc
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import numpy as np

from .clock import Clock, SystemClock
from .config import Config, networks, parse_address
from .core.audio.pcm import RATE
from .core.detector.block import DetectorBlock
from .core.detector.speech_detector import SpeechDetector
from .core.turns.overlap_classifier import OverlapClassifier, OverlapNetwork
from .core.turns.prosody import prosody
from .core.turns.records import CallInfo
from .core.turns.turn_end import TurnEndModel
from .data.trained import load_weights
from .dialogue import http_client
from .dialogue.base import Planner
from .dialogue.dialogues import Dialogues
from .errors import UserError
from .machine import cores
from .server.admission import AdmissionControl
from .server.audiosocket import AudioSocketServer, Limits
from .server.call_records import CallRecords
from .server.fastagi import FastAgiServer
from .server.lasting import lasting
from .server.media import MediaEngine
from .server.metrics import Health, Meter, MetricsServer
from .server.monitor import Monitor, RecognizerState
from .server.queue_watch import QueueWatch
from .server.recorder import recording_of
from .server.registry import Registry
from .server.session import CallLog, Engines, Session
from .server.settings import conversation_class, conversation_settings
from .server.showing import show_calls
from .speech import catalog
from .speech.base import ClosableRecognizer, Recognizer
from .speech.voice import Voice, WideVoice
from .store import Privacy, Store

log = logging.getLogger(__name__)

SWITCH_S = 0.0005  # s; then a busy thread hands the interpreter to the audio (Python waits 5 ms)
FIRST_SOUND = (8000 * np.sin(np.arange(RATE) / 8)).astype(np.int16)  # a second of 160 Hz
MOST_ROWS = 1000  # of the detector, at the start

MakePlanner = Callable[[CallInfo], Planner]
MakeVoice = Callable[[str, str], Voice]  # takes a language and a voice name


class App:
    """`start` it, and it serves calls until `close` or `drain`.

    Each argument replaces what the configuration names:
    make_planner: the planner of a call. recognizer: the speech-to-text engine. make_voice: the voice for a language and
    a voice name. make_detector: the speech detector of a call. clock: the time.
    observer: is told every row that is logged. recordings: WAV files to load before the first call.
    registry: where a supervisor leaves the calls of this worker. A worker has no FastAGI of its own.
    """

    def __init__(
        self,
        config: Config,
        make_planner: MakePlanner | None = None,
        clock: Clock | None = None,
        observer: CallLog | None = None,
        recordings: Sequence[str] = (),
        recognizer: Recognizer | None = None,
        make_voice: MakeVoice | None = None,
        make_detector: Callable[[], SpeechDetector] | None = None,
        registry: Registry | None = None,
        make_classifier: Callable[[], OverlapClassifier | None] | None = None,
    ) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.registry = Registry(self.clock, ttl_s=config.fastagi.id_valid_s) if registry is None else registry
        self.admission = AdmissionControl(lambda: self.server.room, by_load=config.server.admission)
        self.meter = Meter()
        self._is_worker = registry is not None
        self._queues = QueueWatch(config.fastagi.ami, lambda: bool(self._records.in_progress), self.clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._metrics: MetricsServer | None = None
        self._records: CallRecords
        self.media = MediaEngine(self.clock)
        self.server: AudioSocketServer
        self.fastagi: FastAgiServer
        self.store: Store
        self._make_planner = make_planner
        self._observer = observer
        self._wavs = recordings
        self._dialogues: Dialogues | None = None
        self._reloading = asyncio.Lock()
        self._recognizer = recognizer or catalog.recognizer(config.speech, separate=config.speech.stt_process)
        self._make_voice = make_voice or partial(catalog.voice, config.speech)
        self._detectors = DetectorBlock(load_weights(), min(config.audiosocket.max_calls, MOST_ROWS))
        self._make_detector = make_detector
        # A custom detector may report a `near` that the shipped classifier was not trained on.
        self._make_classifier = make_classifier or (
            (lambda: None) if make_detector else partial(OverlapClassifier, OverlapNetwork(load_weights("overlap")))
        )
        self._turn_end = TurnEndModel.of(load_weights("turn_end"))
        self._voices: dict[tuple[str, str], Voice] = {}

    async def start(self) -> None:
        """Load the engines, open the store, listen. Raises UserError, one line."""
        try:
            await self._load()
            await self._open()
            sys.setswitchinterval(SWITCH_S)
            gc.collect()
            gc.freeze()  # the garbage collector stops all calls, so it must not scan what stays loaded
            await self._listen()
        except BaseException:
            await self._close_recognizer()
            raise

    async def _load(self) -> None:
        """The engines, the flows and their sentences: what must not be loaded during a call."""
        loading = asyncio.create_task(asyncio.to_thread(self._recognizer.load))
        if self._make_planner is None:
            self._dialogues = await asyncio.to_thread(Dialogues, self.config, self._queues.now)
        await loading
        http_client.client()  # now: making it takes longer than the frame of a call
        prosody(FIRST_SOUND)  # now: numpy prepares itself in its first call of each kind
        if self._make_detector is None:
            await asyncio.to_thread(self._detectors.warm)
        await self._warm(self._dialogues)

    async def _open(self) -> None:
        """The store, and the servers that need it; they do not listen yet."""
        config = self.config
        self.store = await Store.open(
            config.store.url,
            clock=self.clock,
            queue=config.store.queue,
            spool=config.store.spool,
            spool_mb=config.store.spool_mb,
            privacy=Privacy(words=config.privacy.words, numbers=config.privacy.numbers),
        )
        self._records = CallRecords(
            self.store, self.registry, self.meter, config.store.server_name, self._observer, self.clock
        )
        self.server = AudioSocketServer(
            self.registry, self._begin, self._records.ended, self.media, Limits.of(config.audiosocket),
            self.store.is_logged, self.clock, prepare=self._prepare, refused=self._refused,
        )  # fmt: skip

    async def _listen(self) -> None:
        """Take calls. If that is not possible, nothing stays open."""
        try:
            await self.server.start(*parse_address(self.config.audiosocket.listen))
            self._tasks = [asyncio.create_task(work) for work in self._works()]
            if not self._is_worker:
                await self._listen_to_dialplans()
        except BaseException:
            self._stop_tasks()
            await self.server.close()
            await self.store.close()
            raise

    def _works(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs beside the calls."""
        share, began = cores() / (self.config.server.workers or cores()), self._records.began_at
        recognizer = self._recognizer_state
        monitor = Monitor(self.media, self.admission, self.meter, self.store, began, recognizer, self.clock, share)
        shown = partial(show_calls, self._records.sessions, self.store.show)
        return lasting("load", monitor.run), lasting("live page", shown), lasting("queues", self._queues.run)

    async def _listen_to_dialplans(self) -> None:
        """FastAGI and metrics: with several workers their supervisor has these."""
        config = self.config
        audio = config.audiosocket
        self.fastagi = FastAgiServer(
            self.registry,
            audio.advertise or f"{parse_address(audio.listen)[0]}:{self.server.port}",
            peers=networks(config.fastagi.peers),
            max_connections=config.fastagi.max_connections,
            timeout_s=config.fastagi.timeout_ms / 1000,
            admit=self._admit,
            after=self.store.call_handed_over,
            gone=self.gone,
        )
        await self.fastagi.start(*parse_address(config.fastagi.listen))
        if config.server.metrics:
            self._metrics = MetricsServer(lambda: {"0": self.meter.numbers()}, self._health)
            self._metrics.start(*parse_address(config.server.metrics))

    async def close(self) -> None:
        """End every call, and close the ports and the database."""
        self._stop_tasks()
        if self._metrics is not None:
            await asyncio.to_thread(self._metrics.close)
        if not self._is_worker:
            await self.fastagi.close()
        await self.server.close()
        await self.store.close()
        await http_client.close()
        await self._close_recognizer()

    def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _close_recognizer(self) -> None:
        if isinstance(self._recognizer, ClosableRecognizer):
            await asyncio.to_thread(self._recognizer.close)

    def gone(self, linkedid: str) -> None:
        """The caller of this linkedid hung up in the queue."""
        self._records.caller_gone(linkedid)

    async def drain(self) -> None:
        """No new calls; those in progress may finish for `audiosocket.drain_s`."""
        await self.server.drain(self.config.audiosocket.drain_s)
        if not self._is_worker:
            await self.fastagi.drain()
        await self.close()

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return self.server.calls

    @property
    def ports(self) -> list[int]:
        """The AudioSocket port."""
        return [self.server.port]

    @property
    def metrics_port(self) -> int:
        """The port of /metrics, also if 0 was configured."""
        assert self._metrics is not None
        return self._metrics.port

    @property
    def room(self) -> int:
        """How many calls more would be served, and served well, until the next measurement."""
        return self.admission.room

    def _health(self) -> Health:
        return Health(not self.server.draining, self.calls, self.room > 0, 1, self.admission.reason)

    def _recognizer_state(self) -> RecognizerState:
        waiting_s, cpu_s = (float(getattr(self._recognizer, name, 0.0)) for name in ("waiting_s", "cpu_s"))
        unanswered, restarts = (int(getattr(self._recognizer, name, 0)) for name in ("unanswered", "restarts"))
        return RecognizerState(waiting_s, unanswered, restarts, cpu_s)

    def _admit(self) -> bool:
        """For FastAGI: whether there is room. Counts who is refused."""
        if self.room:
            self.admission.admitted()  # now: its connection may come after many others have asked
            return True
        self._refused()
        return False

    def _refused(self) -> None:
        self.admission.refused += 1

    async def reload(self) -> None:
        """Read the flows again, for the calls that begin from now on.

        A flow that is wrong, or that cannot be spoken, leaves the old ones in place: UserError.
        """
        async with self._reloading:
            if self._dialogues is not None:
                fresh = copy.copy(self._dialogues)
                await asyncio.to_thread(fresh.reload)  # YAML takes longer than the frame of a call
                await self._warm(fresh)
                self._dialogues = fresh

    async def _warm(self, dialogues: Dialogues | None) -> None:
        """Synthesize and load all that is known in advance, so that it can begin within a frame."""
        wide = self.config.audiosocket.wideband
        if dialogues is not None:
            for (language, voice), texts in dialogues.prompts().items():
                self._recognizer.check(language)
                await self._voice(language, voice).warm(texts, wide)
        for path in [*self._wavs, *(dialogues.recordings() if dialogues else [])]:
            await self._voice("en", "").wav(path, wide=wide)

    def _voice(self, language: str, voice: str) -> Voice:
        if (language, voice) not in self._voices:
            self._voices[language, voice] = self._make_voice(language, voice)
        return self._voices[language, voice]

    # -------------------------------------------------------------------- calls

    async def _prepare(self, info: CallInfo) -> None:
        """Before a call begins: read its flow, off the event loop. If a reload ends meanwhile, read the new one."""
        dialogues = None
        while dialogues is not self._dialogues:
            dialogues = self._dialogues
            assert dialogues is not None
            await dialogues.prepare(info.dialogue)

    def _configured(self, info: CallInfo) -> Planner:
        assert self._dialogues is not None
        return self._dialogues.planner(info)

    def _planned(self, info: CallInfo) -> tuple[Planner, Voice]:
        """The planner and the voice of a call.

        They are those of the dialogue that the call asks for. If no engine supports its language, or its voice must be
        fetched first, the call gets the configured dialogue instead.
        """
        planner = (self._make_planner or self._configured)(info)
        try:
            self._recognizer.check(planner.language)
            voice = self._voice(planner.language, planner.voice)
            if not info.dialogue or voice.prepared():
                return planner, voice
            reason = "its voice is still being fetched"
        except UserError as error:
            if not info.dialogue:
                raise
            reason = str(error)
        log.error("call %s gets the configured dialogue, not %s: %s", info.id, info.dialogue, reason)
        return self._planned(dataclasses.replace(info, dialogue=""))

    def _begin(self, info: CallInfo) -> Session:
        if self._is_worker:  # else FastAGI has counted it
            self.admission.admitted()
        planner, voice = self._planned(info)
        settings, conversation = conversation_settings(self.config, info), conversation_class(info)
        recording = recording_of(info, self.config, self.clock)  # last: a refused call leaves nothing behind
        detector = self._make_detector() if self._make_detector else SpeechDetector(self._detectors)
        session = Session(
            info.id,
            conversation(info.id, detector, planner.phrases, settings, self._make_classifier(), self._turn_end),
            Engines(self._recognizer, WideVoice(voice) if settings.wideband else voice, planner),
            self._records,
            recording,
            detector if self._make_detector is None else None,
        )
        named = self._dialogues.name(info) if self._dialogues and not self._make_planner else info.dialogue
        self._records.began(info, session, recording, named)
        return session
