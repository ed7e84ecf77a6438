"""The core for another program: what `from bargein import ...` finds. See docs/embedding.md."""

from __future__ import annotations

from .core.audio.pcm import FRAME_SAMPLES, RATE, Pcm
from .core.audio.playout import Segment
from .core.audio.utterance import Utterance, Word, spread
from .core.detector.speech_detector import SpeechDetector
from .core.detector.vad_frame import VadFrame
from .core.language.kinds import Kind
from .core.language.phrases import Phrases
from .core.turns import actions
from .core.turns.conversation import Conversation
from .core.turns.overlap_classifier import OverlapClassifier, OverlapNetwork
from .core.turns.records import Interruption, Resolution, Situation, Turn
from .core.turns.reply import CallResult, Finish, Listen, Say
from .core.turns.settings import ConversationSettings
from .core.turns.table import State
from .core.turns.transcript import Transcript
from .core.turns.turn_end import TurnEndModel
from .data.trained import load_weights
from .dialogue.languages import load as load_language

__all__ = [
    "FRAME_SAMPLES", "RATE", "CallResult", "Conversation", "ConversationSettings", "Finish", "Interruption", "Kind",
    "Listen", "OverlapClassifier", "OverlapNetwork", "Pcm", "Phrases", "Resolution", "Say", "Segment", "Situation",
    "SpeechDetector", "State", "Transcript", "Turn", "TurnEndModel", "Utterance", "VadFrame", "Word", "actions",
    "load_language", "load_weights", "spread",
]  # fmt: skip
