"""A picture of a replay: both voices, and where the agent paused, decided and went on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .core.dialogue import Interruption
from .core.pcm import FULL_SCALE, RATE, Pcm
from .errors import UserError
from .replay import Replay

RESUMED = "#2a9d8f"
YIELDED = "#c1121f"


def plot(replayed: Replay, path: Path) -> None:
    """Write `path` (.png or .svg). Raises UserError without matplotlib, or for another kind of file."""
    if path.suffix not in (".png", ".svg"):
        raise UserError(f"{path}: a plot is a .png or a .svg file", 2)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("plots need matplotlib: pip install 'bargein[plot]'") from None
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
    for row in replayed.interruptions:
        _mark(agent, caller, row)
    caller.set_xlabel("seconds")
    figure.suptitle(
        "dashed: the caller's onset; shaded: paused (green: went on, red: an interruption); dotted: decided", fontsize=8
    )
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def _mark(agent: object, caller: object, row: Interruption) -> None:
    resumed = row.resolution == "resumed"
    colour = RESUMED if resumed else YIELDED
    decided = (row.decided_ms if row.decided_ms is not None else row.paused_ms) / 1000
    for axes in (agent, caller):
        axes.axvline(row.onset_ms / 1000, color="black", linestyle="--", linewidth=0.8)  # type: ignore[attr-defined]
        axes.axvspan(row.paused_ms / 1000, decided, color=colour, alpha=0.15, linewidth=0)  # type: ignore[attr-defined]
        axes.axvline(decided, color=colour, linestyle=":", linewidth=1.2)  # type: ignore[attr-defined]
    label = f"{row.kind}\n+{row.stop_latency_ms} ms"
    agent.text(row.paused_ms / 1000, 0.97, label, color=colour, fontsize=7, va="top")  # type: ignore[attr-defined]


def _envelope(pcm: Pcm) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest and highest sample of each 5 ms, on a scale that shows quiet voices."""
    block = RATE // 200
    whole = pcm[: len(pcm) // block * block].reshape(-1, block) / FULL_SCALE
    scaled = np.sign(whole) * np.sqrt(np.abs(whole))
    return scaled.min(axis=1), scaled.max(axis=1), np.arange(len(whole)) * block / RATE
