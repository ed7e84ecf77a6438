"""A picture of a replay: both voices, and where the agent paused, decided and went on."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from ..core.audio.pcm import FULL_SCALE, RATE, Pcm
from ..core.language.kinds import Kind
from ..errors import UserError
from .pauses import TAKEN_BACK, UNDECIDED, Pause
from .replay import Replay

RESUMED = "#2a9d8f"
YIELDED = "#c1121f"
SHORT = "#8d99ae"
KINDS = (".png", ".svg")


def check_plot(path: Path) -> None:
    """Raise UserError if no plot can be made, or not of that kind; to be asked before the run that is drawn."""
    if path.suffix.lower() not in KINDS:
        raise UserError(f"{path}: a plot is a .png or a .svg file", 2)
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError("plots need matplotlib: pip install 'bargein[plot]'")


def plot(replayed: Replay, path: Path) -> None:
    """Write `path` (.png or .svg). Raises UserError without matplotlib, or for another kind of file."""
    check_plot(path)
    from matplotlib.figure import Figure

    seconds = len(replayed.caller) / RATE
    figure = Figure(figsize=(min(40.0, max(10.0, seconds * 0.8)), 4.2), layout="constrained")
    agent, caller = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, pcm, name, colour in (
        (agent, replayed.agent, "agent", "#33658a"),
        (caller, replayed.caller, "caller", "#555555"),
    ):
        low, high, times = _envelope(pcm)
        axes.fill_between(times, low, high, color=colour, linewidth=0)
        axes.set_ylabel(name)
        axes.set_ylim(-1, 1)
        axes.set_yticks([])
        axes.margins(x=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    for pause in replayed.pauses:
        _mark(agent, caller, pause, seconds)
    caller.set_xlabel("seconds")
    figure.suptitle(
        "dashed: the caller's onset; shaded: paused (green: went on, grey: taken back at once or not decided, "
        "red: an interruption); dotted: decided",
        fontsize=8,
    )
    try:
        figure.savefig(path, dpi=110, format=path.suffix[1:].lower())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def _mark(agent: object, caller: object, pause: Pause, seconds: float) -> None:
    colour = {"resumed": RESUMED, TAKEN_BACK: SHORT, UNDECIDED: SHORT}.get(pause.resolution, YIELDED)
    onset, paused = pause.onset_ms / 1000, pause.paused_ms / 1000
    decided = seconds if pause.decided_ms is None else pause.decided_ms / 1000
    for axes in (agent, caller):
        axes.axvline(onset, color="black", linestyle="--", linewidth=0.8)  # type: ignore[attr-defined]
        axes.axvspan(paused, decided, color=colour, alpha=0.15, linewidth=0)  # type: ignore[attr-defined]
        if pause.decided_ms is not None:
            axes.axvline(decided, color=colour, linestyle=":", linewidth=1.2)  # type: ignore[attr-defined]
    unclear = colour == YIELDED and pause.kind == Kind.NOISE  # an interruption without words
    label = f"{'interruption' if unclear else pause.kind}\n+{pause.detect_latency_ms} ms"
    agent.text(paused, 0.97, label, color=colour, fontsize=7, va="top")  # type: ignore[attr-defined]


def _envelope(pcm: Pcm) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest and highest sample of each 5 ms, on a scale that shows quiet voices."""
    block = RATE // 200
    whole = pcm[: len(pcm) // block * block].reshape(-1, block) / FULL_SCALE
    scaled = np.sign(whole) * np.sqrt(np.abs(whole))
    return scaled.min(axis=1), scaled.max(axis=1), np.arange(len(whole)) * block / RATE
