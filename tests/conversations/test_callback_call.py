"""A caller for whom nobody is there asks by voice to be called back: a whole call in virtual time, with the real voice,
detector, classifier, recognizer and flow; only the sockets and the database are left out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
import pytest

from bargein.config import Config
from bargein.core.audio.pcm import SILENCE, Pcm
from bargein.core.audio.utterance import Utterance
from bargein.core.detector.speech_detector import SpeechDetector
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.overlap_classifier import OverlapClassifier, OverlapNetwork
from bargein.core.turns.records import Callback, CallInfo
from bargein.core.turns.transcript import Transcript
from bargein.core.turns.turn_end import TurnEndModel
from bargein.data.trained import load_weights
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import FlowPlanner
from bargein.dialogue.flow import load as load_flow
from bargein.dialogue.languages import load
from bargein.offline import virtual_time
from bargein.offline.simulated_caller import Cue, SimulatedCaller
from bargein.server.session import Engines, Session
from bargein.server.settings import conversation_settings
from bargein.speech.stt_whisper import WhisperRecognizer
from bargein.speech.tts_hibari import HibariTts
from tests.conversations.phone import pitched
from tests.fakes import FakeLog, FakeVoice

pytestmark = pytest.mark.slow

LIMIT_S = 60
BUSY = {"queue.ready": "0", "queue.waiting": "2", "queue.wait": "4", "about": "mug=blue"}


class AtOnce(WhisperRecognizer):
    """The embedded recognizer in the thread of the test: virtual time waits for no other."""

    def submit(self, work: Callable[[], Transcript]) -> Future[Transcript]:
        done: Future[Transcript] = Future()
        done.set_result(work())
        return done


class Spoken(FakeVoice):
    """The embedded voice, in the thread of the test."""

    def __init__(self) -> None:
        self.tts = HibariTts()
        self.tts.load()

    async def utterance(self, text: str) -> Utterance:
        return self.tts.synthesize(text)


class Line:
    """The media engine's place, with the caller at the other end."""

    def __init__(self, caller: SimulatedCaller) -> None:
        self._caller = caller

    async def carry(self, call: Session, connection: object) -> None:
        sent: Pcm = SILENCE
        for _ in range(LIMIT_S * 50):
            call.on_audio(self._caller.hear(sent))
            await asyncio.sleep(0.02)
            told = call.on_tick()
            sent = SILENCE if told is None else np.asarray(told, np.int16)


@pytest.fixture(scope="module")
def engines() -> tuple[AtOnce, Spoken]:
    recognizer = AtOnce()
    recognizer.load()
    return recognizer, Spoken()


CUTS_IN = ("Please call me back.", 5.0)  # s into the agent's turn; the others wait until it is silent


@pytest.mark.parametrize(
    ("said", "phone", "wanted"),
    [
        (["Yes, please.", "At half past three, please.", "Yes."], "+15550100", "15:30"),
        (
            ["No, at another number.", "Five five five, zero one four two.", "As soon as possible.", "Yes, it is."],
            "5550142",
            "",
        ),
    ],
)
def test_the_number_and_the_time_are_promised(
    engines: tuple[AtOnce, Spoken], said: list[str], phone: str, wanted: str
) -> None:
    recognizer, voice = engines
    log = FakeLog()
    sounds = [pitched(voice.tts.synthesize(text).pcm) for text in (CUTS_IN[0], *said)]
    cues = [Cue(sounds[0], talking_s=CUTS_IN[1]), *(Cue(sound, silent_s=0.5) for sound in sounds[1:])]
    info = CallInfo("c", caller="+15550100", queue="support", variables=BUSY)
    planner = FlowPlanner(load_flow(find("callback")), info, load("en"))

    async def main() -> Session:
        detector = SpeechDetector(load_weights())
        classifier = OverlapClassifier(OverlapNetwork(load_weights("overlap")))
        turn_end = TurnEndModel.of(load_weights("turn_end"))
        core = Conversation("c", detector, load("en"), conversation_settings(Config()), classifier, turn_end)
        session = Session("c", core, Engines(recognizer, voice, planner), log)  # type: ignore[arg-type]
        await session.run(None, Line(SimulatedCaller(cues)))  # type: ignore[arg-type]
        return session

    session = virtual_time.run(main())
    told = [f"{turn.speaker}: {turn.heard_text}" for turn in log.turns.values()]
    assert session.finish is not None, told
    assert session.finish.result == "hangup", told
    assert planner.progress.callback == Callback(phone, wanted, "mug=blue"), told
    assert not any("did not get that" in line for line in told), told
    (cut,) = log.rows
    assert (cut.step, cut.resolution) == ("choice", "replanned")
    assert told[-1].startswith("agent: Thank you. We will call you back."), told
    assert told[-1].endswith(" Goodbye."), told
