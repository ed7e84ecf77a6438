"""A picture of a call: both voices over time, the words, and what happened at each interruption."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.audio.pcm import FULL_SCALE, RATE, Pcm
from ..core.language.neutral import neutral
from ..errors import UserError
from ..machine import install_extra
from .timeline import Cut, Span, Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".png", ".svg", ".pdf")
AGENT, CALLER, INK, UNHEARD = "#2f6690", "#3a7d44", "#333333", "#9aa0a6"
INTERRUPTION, RESUMED, SHORT = "#c1121f", "#2a9d8f", "#8d99ae"
ROW_S = 15.0  # one row of the picture: words are readable at this width
MOST_ROWS = 16  # a longer call gets longer rows
WIDTH_IN, ROW_IN, HEAD_IN = 13.0, 2.35, 0.75
DPI = 110
LETTER_S = 0.068  # the width of a letter of 7 pt, in seconds of a row of 15 s
MOST_WORDS_S = 40.0  # a longer row has no room for words: some of them would look like all
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.5}  # behind labels
LANES = {"agent": 1.0, "caller": -1.0}  # centre of each voice on the vertical axis
HALF = 0.62  # half the height of a voice
TOP, LABEL = 4.5, 1.35  # the upper edge of a row, and the height of a label of three lines
LEVELS = 2  # of labels, so that neighbours do not overlap
LEGEND = "dashed: caller's onset   shaded: agent paused   dotted: decision   triangle: answer"


def check_picture(path: Path) -> None:
    """Raise UserError if this file cannot become a picture. Call it before the work that is drawn."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path}: a picture is a .png, .svg or .pdf file", 2)
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: there is no directory {path.parent}", 2)
    if path.is_dir():
        raise UserError(f"{path}: this is a directory", 2)
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError(f"pictures need matplotlib: {install_extra('plot')}")


def save(figure: Any, path: Path) -> None:
    """Write a matplotlib figure. Raises UserError."""
    try:
        figure.savefig(path, dpi=DPI, format=path.suffix[1:].lower())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def draw(call: Timeline, path: Path) -> None:
    """Write the picture of a call to `path` (.png, .svg or .pdf). Raises UserError."""
    check_picture(path)
    from matplotlib.figure import Figure

    seconds = max(1.0, call.duration_ms / 1000)
    row_s = max(min(ROW_S, max(5.0, seconds)), seconds / MOST_ROWS)
    rows = math.ceil(seconds / row_s - 1e-9)
    figure = Figure(figsize=(WIDTH_IN, HEAD_IN + rows * ROW_IN), layout="constrained")
    figure.suptitle(f"{neutral(call.title)}\n{LEGEND}", fontsize=9, color=INK)
    for number, axes in enumerate(figure.subplots(rows, 1, squeeze=False)[:, 0]):
        _row(axes, call, number * row_s, row_s, last=number == rows - 1)
    save(figure, path)


def _row(axes: Axes, call: Timeline, begin_s: float, row_s: float, *, last: bool) -> None:
    end_s = begin_s + row_s
    axes.set_xlim(begin_s, end_s)
    axes.set_ylim(-2.7, TOP)
    axes.set_yticks(list(LANES.values()), list(LANES), fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e8e8e8", linewidth=0.6)
    axes.set_axisbelow(True)
    if last:
        axes.set_xlabel("seconds", fontsize=8)
    for lane, pcm, color in (("agent", call.agent, AGENT), ("caller", call.caller, CALLER)):
        if pcm is not None:
            _waveform(axes, pcm, LANES[lane], color, begin_s, end_s)
    for span in call.spans:
        if span.end_ms > begin_s * 1000 and span.start_ms < end_s * 1000:
            _spoken(axes, span, begin_s, row_s, recorded=call.agent is not None)
    free_from = [begin_s] * LEVELS
    for cut in sorted(call.cuts, key=lambda cut: cut.onset_ms):
        _mark(axes, cut, begin_s, row_s, free_from)


def _waveform(axes: Axes, pcm: Pcm, centre: float, color: str, begin_s: float, end_s: float) -> None:
    """The lowest and highest sample of each pixel, on a scale on which quiet voices show."""
    block = max(1, int((end_s - begin_s) * RATE / (WIDTH_IN * DPI)))
    part = pcm[int(begin_s * RATE) : int(end_s * RATE)]
    blocks = part[: len(part) // block * block].reshape(-1, block) / FULL_SCALE
    if not len(blocks):
        return
    scaled = np.sign(blocks) * np.sqrt(np.abs(blocks)) * HALF
    times = begin_s + np.arange(len(blocks)) * block / RATE
    axes.fill_between(times, centre + scaled.min(axis=1), centre + scaled.max(axis=1), color=color, linewidth=0)


def _spoken(axes: Axes, span: Span, begin_s: float, row_s: float, *, recorded: bool) -> None:
    """The words of a turn below its voice, each where it was said; without a recording also a bar."""
    centre = LANES[span.speaker]
    if not recorded:
        color = AGENT if span.speaker == "agent" else CALLER
        width = (span.end_ms - span.start_ms) / 1000
        axes.broken_barh([(span.start_ms / 1000, width)], (centre - HALF / 3, HALF / 1.5), color=color, alpha=0.75)
    if row_s > MOST_WORDS_S:
        return
    letter_s = LETTER_S * row_s / ROW_S
    free_from = [begin_s] * 3  # three lines of words, so that neighbours do not touch
    for word in span.words:
        if word.start_ms is None or not begin_s <= word.start_ms / 1000 < begin_s + row_s:
            continue
        at, text = word.start_ms / 1000, neutral(word.text)
        if at + letter_s * len(text) > begin_s + row_s:
            at = begin_s + row_s - letter_s * len(text)
        line = next((number for number, free in enumerate(free_from) if at >= free), None)
        if line is None:
            continue
        free_from[line] = at + letter_s * (len(text) + 1)
        axes.text(at, centre - HALF - 0.02 - 0.33 * line, text, fontsize=7, color=INK, va="top", clip_on=True)


def _mark(axes: Axes, cut: Cut, begin_s: float, row_s: float, free_from: list[float]) -> None:
    """One interruption. `free_from` holds from where each level of labels has room, and is brought up to date."""
    color = INTERRUPTION if cut.is_interruption else RESUMED if cut.resolution in ("resumed", "held") else SHORT
    onset, end_s = cut.onset_ms / 1000, begin_s + row_s
    if cut.paused_ms is not None:
        paused, decided = cut.paused_ms / 1000, (cut.decided_ms or cut.paused_ms) / 1000
        axes.axvspan(paused, decided, color=color, alpha=0.18, linewidth=0)
    if cut.decided_ms is not None:
        axes.axvline(cut.decided_ms / 1000, color=color, linestyle=":", linewidth=1.3)
    if cut.answered_ms is not None and begin_s <= cut.answered_ms / 1000 < end_s:
        axes.plot([cut.answered_ms / 1000], [LANES["agent"] + HALF + 0.1], marker="v", color=color, markersize=5)
    if not begin_s <= onset < end_s:
        return
    axes.axvline(onset, color=color, linestyle="--", linewidth=1.0)
    text = _label(cut)
    width = (max(map(len, text.split("\n"))) + 1) * LETTER_S * row_s / ROW_S
    beside = max(onset, (cut.decided_ms or 0) / 1000) + LETTER_S * row_s / ROW_S / 2
    at = min(beside, end_s - width)
    level = next((level for level, free in enumerate(free_from) if at >= free), None)
    if level is None:
        return  # no room: the lines still show it
    free_from[level] = at + width
    axes.text(at, TOP - 0.05 - LABEL * level, text, color=color, fontsize=7, va="top", clip_on=True, bbox=PAPER)


def _label(cut: Cut) -> str:
    """What it was and what the agent did; then the latencies in ms from the onset."""
    resolution = neutral(cut.resolution).replace("_", " ")
    lines = [f"{neutral(cut.kind)}, {resolution}"]
    if cut.silent_ms is not None:
        lines.append(f"noticed {cut.noticed_ms}, silent {cut.silent_ms}")
    elif cut.paused_ms is not None:
        lines.append(f"noticed {cut.noticed_ms}")
    then = [] if cut.decided_ms is None else [f"decided {cut.decided_ms - cut.onset_ms}"]
    then += [] if cut.answered_ms is None else [f"answer {cut.answered_ms - cut.onset_ms}"]
    return "\n".join([*lines, f"{', '.join(then)} ms" if then else ""]).rstrip()
