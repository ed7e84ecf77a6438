"""Repeats recorded calls: what `replay` and `tune` share."""

from __future__ import annotations

from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import Config
from ..errors import UserError

if TYPE_CHECKING:
    from ..core.audio.pcm import Pcm
    from ..core.language.phrases import Phrases
    from ..core.turns.settings import ConversationSettings
    from ..dialogue.flow import Flow
    from ..offline.labels import Label
    from ..offline.replay import Recognize, Replay, Weights
    from ..offline.tuning import Settings


class Repeater:
    """Repeats labelled calls, each with its own flow. Recordings and engines are read once.

    `weights` is a file of other weights for the detector.
    """

    def __init__(self, config: Config, fast: bool, weights: Path | None = None) -> None:
        self._config, self._fast, self._weights = config, fast, weights
        self._flows: dict[str, tuple[Flow, Any]] = {}
        self._legs: dict[str, tuple[Pcm, Pcm, bool]] = {}

    def configured(self, label: Label) -> Settings:
        """What a call of this label runs with now. Raises UserError."""
        from ..offline.tuning import Settings

        flow, config = self._flow(label)[0], self._config
        own = settings_of(config, flow).sensitivity
        ducks = (flow.overlap or config.hearing.overlap) == "duck"
        return Settings(own, "duck" if ducks else "pause", config.endpoint.min_ms, config.endpoint.max_ms)

    def run(self, label: Label, chosen: Settings) -> Replay:
        """The call of this label with these settings. Raises UserError."""
        from ..offline.replay import replay

        flow, (phrases, learned, recognize) = self._flow(label)
        if label.recording not in self._legs:
            self._legs[label.recording] = legs(Path(label.recording), None)
        caller, agent, recorded = self._legs[label.recording]
        hearing = replaced(self._config.hearing, sensitivity=chosen.sensitivity, overlap=chosen.overlap)
        endpoint = replaced(self._config.endpoint, min_ms=chosen.min_ms, max_ms=chosen.max_ms)
        config = replaced(self._config, hearing=hearing, endpoint=endpoint)
        settings = settings_of(config, flow, chosen.sensitivity)
        return replay(caller, agent, learned, phrases, settings, recognize, recorded, flow.backchannels)

    def _flow(self, label: Label) -> tuple[Flow, Any]:
        """The flow and the engines of a label's call. A flow that is gone is replaced by the configured one."""
        if label.flow not in self._flows:
            try:
                flow = flow_of(self._config, label.flow or None, None)
            except UserError:
                flow = flow_of(self._config, None, None)
            self._flows[label.flow] = flow, engines(self._config, flow, self._fast, self._weights)
        return self._flows[label.flow]


def flow_of(config: Config, name: str | None, language: str | None) -> Flow:
    """The flow of this name, else the configured one. Raises UserError."""
    from ..dialogue.dialogues import find, read

    return read(find(name or config.dialogue.flow), language or config.dialogue.language)


def engines(config: Config, flow: Flow, fast: bool, weights: Path | None = None) -> tuple[Phrases, Weights, Recognize]:
    """The phrases of the language, the weights of the detector, and the recognizer. Raises UserError."""
    from ..data.trained import load_weights, read_weights
    from ..dialogue.languages import load as load_language
    from ..offline.replay import Blocking, no_words
    from ..speech import catalog

    phrases = load_language(flow.language, flow.language_file)
    learned = load_weights() if weights is None else read_weights(weights)
    if fast:
        return phrases, learned, no_words
    recognizer = catalog.recognizer(config.speech)
    recognizer.load()
    return phrases, learned, Blocking(recognizer, flow.language)


def settings_of(config: Config, flow: Flow, sensitivity: float | None = None) -> ConversationSettings:
    """The settings of a call with this flow; `sensitivity` comes before the flow's own."""
    from ..server.settings import conversation_settings

    settings = conversation_settings(config)
    wanted = (sensitivity, flow.sensitivity, settings.sensitivity)
    return replaced(settings, sensitivity=next(value for value in wanted if value is not None))


def legs(recording: Path, agent_path: Path | None) -> tuple[Pcm, Pcm, bool]:
    """The caller, the agent, and whether the agent's audio was sent during this very call."""
    import numpy as np

    from ..speech.audio import read_wav, read_wav_stereo

    both = read_wav_stereo(recording)
    if both.shape[1] == 2:
        if agent_path:
            raise click.UsageError(f"{recording} is stereo, and its right channel is the agent: leave --agent out")
        return both[:, 0].copy(), both[:, 1].copy(), True
    return both[:, 0].copy(), read_wav(agent_path) if agent_path else np.zeros(0, np.int16), False
