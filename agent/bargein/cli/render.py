"""A call as a conversation on a terminal: what was heard, struck through what was not, and where the caller cut in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..core.language.neutral import neutral
from ..core.turns.records import Interruption, Turn
from ..store import Call
from .terminal import Screen, cells, latency, length, local, position

GUTTER = 18  # "   0:04.1  agent   "
SLOW_MS = 300  # a person notices that they were not heard at once
YELLOW, RED, CYAN = "33", "31", "36"


def conversation(call: Call, turns: Sequence[Turn], interruptions: Sequence[Interruption], screen: Screen) -> list[str]:
    """The whole call: a heading, every turn with its interruptions under it, and a line of figures."""
    lines = [*heading(call, screen), ""]
    spoken = {" ".join(turn.heard_text.split()).lower() for turn in turns if turn.speaker == "caller"}
    untold = sorted(interruptions, key=lambda cut: cut.onset_ms)
    for turn in turns:
        lines += turn_lines(turn, screen)
        for cut in [cut for cut in untold if cut.turn_seq == turn.seq]:
            said = " ".join(cut.caller_text.split()).lower()
            lines += interruption_lines(cut, screen, repeat_words=said not in spoken)
            untold.remove(cut)
    for cut in untold:  # of a turn that was never logged
        lines += interruption_lines(cut, screen, repeat_words=True)
    if not turns and not interruptions:
        lines.append(screen.dim("  nothing was said"))
    return [*lines, "", *figures(interruptions, screen)]


def heading(call: Call, screen: Screen) -> list[str]:
    """Who, when, how long and how it ended."""
    name = f' "{neutral(call.caller_name)}"' if call.caller_name else ""
    route = f"{neutral(call.caller) or 'unknown caller'}{name} → {neutral(call.called) or '?'}"
    outcome = outcome_text(call) or "no outcome"
    if target := {"queue": call.queue, "transfer": call.exten}.get(call.outcome):
        outcome += f" {neutral(target)}"
    facts = [local(call.started_at), neutral(call.dialogue)]
    facts += [length(call.duration_ms) if call.ended_at else "", outcome]
    lines = [f"{screen.bold(route)}  {screen.dim(neutral(call.id))}", "  ·  ".join(filter(None, facts))]
    lines += [f"summary: {neutral(call.summary)}"] if call.summary else []
    return lines + ([f"recording: {neutral(call.recording)}"] if call.recording else [])


def outcome_text(call: Call) -> str:
    """How the call ended, as a person says it."""
    return neutral(call.outcome).replace("_", " ") or ("in progress" if call.ended_at is None else "")


def turn_lines(turn: Turn, screen: Screen) -> list[str]:
    """One turn: the time, who, the words heard, and struck through those that were not."""
    words = [(word, False) for word in neutral(turn.heard_text).split()]
    words += [(word, True) for word in neutral(turn.unheard_text).split()]
    who = turn.speaker if turn.speaker == "agent" else screen.paint(turn.speaker, CYAN)
    label = f"{screen.dim(position(turn.started_ms).rjust(8))}  {who}{' ' * (8 - len(turn.speaker))}"
    lines = _struck_lines(words, screen) if words else [screen.dim("(no words)")]
    return [label + lines[0], *(" " * GUTTER + line for line in lines[1:])]


def _struck_lines(words: Sequence[tuple[str, bool]], screen: Screen) -> list[str]:
    """Words wrapped beside the gutter, each run of struck ones struck as a whole."""
    room = max(20, screen.width - GUTTER - 4)  # 4: ~~ and ~~
    rows: list[list[tuple[str, bool]]] = [[]]
    used = 0
    for word, struck in words:
        if used and used + 1 + cells(word) > room:
            rows.append([])
            used = 0
        rows[-1].append((word, struck))
        used += cells(word) + bool(used)
    lines = []
    for row in rows:
        runs = groupby(row, key=lambda item: item[1])
        texts = [(struck, " ".join(word for word, _ in run)) for struck, run in runs]
        lines.append(" ".join(screen.strike(text) if struck else text for struck, text in texts))
    return lines


def interruption_lines(cut: Interruption, screen: Screen, *, repeat_words: bool = True) -> list[str]:
    """One interruption: where, how fast, what it was, what became of it. `repeat_words`: also what the caller said."""
    kind, resolution = neutral(cut.kind), neutral(cut.resolution).replace("_", " ")
    said = f" “{neutral(cut.caller_text)}”" if cut.caller_text and repeat_words else ""
    where = f"{'':10}{screen.dim('└')} "
    if kind in FALSE_INTERRUPTIONS:
        pause = "" if cut.decided_ms is None else f", silent for {latency(cut.decided_ms - cut.silent_ms)}"
        return [where + screen.dim(f"{kind}{said} at {position(cut.onset_ms)}{pause}, {resolution or 'undecided'}")]
    on_word = f" on “{neutral(cut.cut_word)}”" if cut.cut_word else ""
    slow = [RED] if cut.stop_latency_ms > SLOW_MS else []
    stopped = screen.paint(f"silent after {latency(cut.stop_latency_ms)}", *slow)
    decided = "" if cut.decided_ms is None else f", decided after {latency(cut.decided_ms - cut.onset_ms)}"
    outcome = f"{screen.paint(kind or 'undecided', YELLOW)}{f', {resolution}' if resolution else ''}"
    figure = f"noticed in {latency(cut.detect_latency_ms)}{decided}"
    outcome_cells = 12 + cells(f"{kind or 'undecided'}, {resolution}{said}")
    beside = outcome_cells + cells(figure) + 5 <= screen.width
    return [
        f"{where}{screen.paint('cut in', YELLOW)} at {position(cut.onset_ms)}{on_word}: {stopped}",
        f"{'':12}{outcome}{said}" + (screen.dim(f"  ·  {figure}") if beside else ""),
        *([] if beside else [f"{'':12}{screen.dim(figure)}"]),
    ]


def figures(interruptions: Sequence[Interruption], screen: Screen) -> list[str]:
    """One line about all interruptions of a call."""
    real = [cut for cut in interruptions if cut.kind not in FALSE_INTERRUPTIONS]
    others = len(interruptions) - len(real)
    parts = [f"{len(real)} interruption{'s' * (len(real) != 1)}"]
    if real:
        worst = max(cut.stop_latency_ms for cut in real)
        parts.append(f"silent after {latency(worst)}" + (" at worst" if len(real) > 1 else ""))
    if others:
        parts.append(f"{others} backchannel or noise")
    return [screen.dim("  ·  ".join(parts))]
