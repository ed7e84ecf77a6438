"""A barge-in voice agent for Asterisk: it hears the caller over its own voice, stops mid-word, and re-plans.

`App` is the whole server. The other names are the core, for a program with a transport of its own: docs/embedding.md.
A name is imported when it is first used, so `import bargein` costs nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import FRAME_SAMPLES as FRAME_SAMPLES
    from .api import RATE as RATE
    from .api import CallResult as CallResult
    from .api import Conversation as Conversation
    from .api import ConversationSettings as ConversationSettings
    from .api import Finish as Finish
    from .api import Interruption as Interruption
    from .api import Kind as Kind
    from .api import Listen as Listen
    from .api import OverlapClassifier as OverlapClassifier
    from .api import OverlapNetwork as OverlapNetwork
    from .api import Pcm as Pcm
    from .api import Phrases as Phrases
    from .api import Resolution as Resolution
    from .api import Say as Say
    from .api import Segment as Segment
    from .api import Situation as Situation
    from .api import SpeechDetector as SpeechDetector
    from .api import State as State
    from .api import Transcript as Transcript
    from .api import Turn as Turn
    from .api import TurnEndModel as TurnEndModel
    from .api import Utterance as Utterance
    from .api import VadFrame as VadFrame
    from .api import Word as Word
    from .api import actions as actions
    from .api import load_language as load_language
    from .api import load_weights as load_weights
    from .api import spread as spread
    from .app import App as App
    from .config import Config as Config

__version__ = "0.2.0"

__all__ = [
    "FRAME_SAMPLES", "RATE", "App", "CallResult", "Config", "Conversation", "ConversationSettings", "Finish",
    "Interruption", "Kind", "Listen", "OverlapClassifier", "OverlapNetwork", "Pcm", "Phrases", "Resolution", "Say",
    "Segment", "Situation", "SpeechDetector", "State", "Transcript", "Turn", "TurnEndModel", "Utterance", "VadFrame",
    "Word", "actions", "load_language", "load_weights", "spread",
]  # fmt: skip

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime reports to its maker otherwise; before it is imported


def __getattr__(name: str) -> object:
    if name == "App":
        from .app import App

        return App
    if name == "Config":
        from .config import Config

        return Config
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module 'bargein' has no attribute {name!r}")
