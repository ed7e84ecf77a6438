"""A call as a conversation on a terminal: heard words, unheard words struck through, and each interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..core.language.neutral import neutral
from ..core.language.words import bare
from ..core.turns.records import WAITS, Interruption, Resolution, Turn
from ..view.figures import WAIT_NAMES
from ..view.wording import became, latency, length, outcome_text, position, said, summary_text
from .terminal import Screen, cells, clock_length, counted, folded, local

if TYPE_CHECKING:
    from ..store import Call

GUTTER = 18  # "   0:04.1  agent   "
INDENT = 12  # the text of an interruption
SLOW_MS = 300  # a caller notices a later stop
LONG_WAIT_MS = 1500  # for a reply
YELLOW, RED, CYAN = "33", "31", "36"
PLAIN, BROKEN, UNHEARD = "plain", "broken", "unheard"  # how a word of the agent reached the caller


def conversation(call: Call, turns: Sequence[Turn], interruptions: Sequence[Interruption], screen: Screen) -> list[str]:
    """The whole call: a heading, every turn with its interruptions below it, how it ended, and a line of figures."""
    lines = [*heading(call, screen), ""]
    spoken = {_folded(turn.heard_text) for turn in turns if turn.speaker == "caller"}
    rest = sorted(interruptions, key=lambda cut: cut.onset_ms)
    for turn in turns:
        lines += turn_lines(turn, screen)
        for cut in [cut for cut in rest if cut.turn_seq == turn.seq]:
            lines += interruption_lines(cut, screen, repeat_words=_folded(cut.caller_text) not in spoken)
            rest.remove(cut)
    for cut in rest:  # of a turn that was never logged
        lines += interruption_lines(cut, screen)
    if not turns and not interruptions:
        lines.append(screen.dim("  nothing was said"))
    return [*lines, *ending(call, screen), *gathered(call, screen), "", *figures(interruptions, screen)]


def heading(call: Call, screen: Screen) -> list[str]:
    """Who called whom, when, how long, and how it ended."""
    name = f' "{screen.isolated(neutral(call.caller_name))}"' if call.caller_name else ""
    route = f"{neutral(call.caller) or 'unknown caller'}{name} → {neutral(call.called) or '?'}"
    facts = [local(call.started_at), f"flow {neutral(call.dialogue)}" if call.dialogue else ""]
    facts += [f"server {neutral(call.server)}" if call.server else ""]
    facts += [f"answered by {neutral(call.answered_by)}" if call.answered_by else ""]
    facts += [length(call.duration_ms) if call.ended_at else "", outcome_text(call) or "no outcome"]
    leg = " ".join(filter(None, [neutral(call.trunk), f"({neutral(call.codec)})" if call.codec else ""]))
    facts += [f"from {leg}" if leg else "", f"Asterisk's id {neutral(call.linkedid)}" if call.linkedid else ""]
    id_fits = cells(route) + 2 + len(call.id) <= screen.width
    lines = [screen.bold(line) for line in folded(route, screen.width, 2)]
    lines[-1:] = (
        [f"{lines[-1]}  {screen.dim(neutral(call.id))}"] if id_fits else [lines[-1], screen.dim(neutral(call.id))]
    )
    lines += joined(facts, screen)
    summary = summary_text(call)
    lines += folded(f"summary: {summary}", screen.width, 9) if summary else []
    return lines + ([f"recording: {neutral(call.recording)}"] if call.recording else [])


def joined(facts: Iterable[str], screen: Screen) -> list[str]:
    """Facts beside each other, in as many lines as they need."""
    lines: list[str] = []
    for fact in filter(None, facts):
        if lines and cells(lines[-1]) + 5 + cells(fact) <= screen.width:
            lines[-1] += f"  ·  {fact}"
        else:
            lines.append(fact)
    return lines


def ending(call: Call, screen: Screen) -> list[str]:
    """The result for the dialplan, and what the dialplan does with it."""
    if call.ended_at is None:
        return []
    queue, exten = neutral(call.queue), neutral(call.exten)
    told = {
        "queue": f"the dialplan sends the caller to the queue {queue}".rstrip(),
        "transfer": f"the dialplan sends the caller to extension {exten}".rstrip(),
        "hangup": "the dialplan hangs up",
        "voicemail": "the dialplan sends the caller to voicemail",
        "continue": "the dialplan goes on",
        "failed": f"no agent: the dialplan sends the caller to people{f' (queue {queue})' if queue else ''}",
        "caller_hung_up": "the caller hung up",
    }.get(call.outcome)
    if told is None:
        return []
    then = then_text(call)
    result = "" if call.outcome == "caller_hung_up" else f"result {neutral(call.outcome)}: "
    lines = [f"{screen.dim(position(call.duration_ms).rjust(8))}  {result}{told}"]
    return lines + ([f"{'':10}{then}"] if then else [])


def then_text(call: Call, *, short: bool = False) -> str:
    """What became of the caller after the agent: `then queue support: 14 s, answered by 201, 3:10, hung up by the
    caller`. `short`: without the queue and who hung up."""
    if not call.after_status:
        return ""
    where = f"queue {call.after_queue}" if call.after_queue else f"extension {call.after_exten}"
    waited = length(call.waited_ms) if call.waited_ms is not None else ""
    member = f" by {call.member}" if call.member else ""
    how = {"answered": f"answered{member}", "abandoned": "the caller hung up"}.get(
        call.after_status, "nobody answered" + ("" if call.after_status == "unanswered" else f" ({call.after_status})")
    )
    talked = clock_length(call.talked_ms) if call.talked_ms is not None else ""
    answered = call.after_status == "answered"
    by = f"hung up by the {call.hung_up_by}" if answered and call.hung_up_by and not short else ""
    parts = ", ".join(filter(None, [waited, how, talked if answered else "", by]))
    return neutral(parts if short else f"then {where}: {parts}")


def gathered(call: Call, screen: Screen) -> list[str]:
    """The values that the flow gathered, and the step where the call ended."""
    values = ", ".join(f"{neutral(name)} = {neutral(value)}" for name, value in call.slots.items())
    ended = f"ended in step {neutral(call.last_step)}" if call.last_step else ""
    lines = joined([f"gathered: {values}" if values else "", ended], screen)
    return ["", *(part for line in lines for part in folded(line, screen.width, 2))] if lines else []


def turn_lines(turn: Turn, screen: Screen) -> list[str]:
    """One turn: when, who, the heard words, and the unheard ones struck through.

    A word of which the caller heard only the beginning ends in an ellipsis.
    """
    words = [(word, PLAIN) for word in neutral(turn.heard_text).split()]
    unheard = [(word, UNHEARD) for word in neutral(turn.unheard_text).split()]
    if unheard and turn.cut_played_ms > 0:
        unheard[0] = (f"{unheard[0][0].rstrip('.,;:!?…')}…", BROKEN)
    who = turn.speaker if turn.speaker == "agent" else screen.paint(turn.speaker, CYAN)
    label = f"{screen.dim(position(turn.started_ms).rjust(8))}  {who}{' ' * (8 - len(turn.speaker))}"
    lines = _wrapped([*words, *unheard], screen) or [screen.dim("(no words)")]
    return [label + lines[0], *(" " * GUTTER + line for line in lines[1:]), *_waited(turn, screen)]


def _waited(turn: Turn, screen: Screen) -> list[str]:
    """Where the time went, if the caller waited long for this turn."""
    waits = turn.waits
    if waits.wait_ms is None or waits.wait_ms < LONG_WAIT_MS:
        return []
    parts = [(WAIT_NAMES[name], getattr(waits, name)) for name in WAITS if name != "wait_ms"]
    told = ", ".join(f"{name} {latency(part_ms)}" for name, part_ms in parts if part_ms)
    lines = folded(f"└ the caller waited {latency(waits.wait_ms)}: {told}", screen.width - 10, 2)
    return [screen.dim(f"{'':10}{line}") for line in lines]


def _wrapped(words: Sequence[tuple[str, str]], screen: Screen) -> list[str]:
    """Words wrapped beside the gutter; a run of unheard ones is struck as a whole."""
    room = max(20, screen.width - GUTTER - 4)  # 4: ~~ and ~~
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0
    for word in words:
        if used and used + 1 + cells(word[0]) > room:
            rows.append([])
            used = 0
        rows[-1].append(word)
        used += cells(word[0]) + bool(used)
    paint: dict[str, Callable[[str], str]] = {
        PLAIN: str,
        BROKEN: lambda text: screen.paint(text, YELLOW),
        UNHEARD: screen.strike,
    }
    lines = []
    for row in filter(None, rows):
        runs = [(how, " ".join(word for word, _ in run)) for how, run in groupby(row, key=lambda item: item[1])]
        lines.append(" ".join(paint[how](text) for how, text in runs))
    return lines


def interruption_lines(cut: Interruption, screen: Screen, *, repeat_words: bool = True) -> list[str]:
    """One interruption: where, how fast, what it was, why, and what the agent did.

    `repeat_words`: also what the caller said, for it is no turn of its own.
    """
    words = f" “{neutral(cut.caller_text)}”" if cut.caller_text and repeat_words else ""
    mark = f"{'':10}{screen.dim('└')} "
    what, then = said(cut.kind), became(cut.resolution)
    if cut.kind in FALSE_INTERRUPTIONS:
        heard = f"{cut.kind}{words} at {position(cut.onset_ms)}{_pause(cut)}"
        if INDENT + cells(f"{heard}: {then}") <= screen.width:
            return [mark + screen.dim(f"{heard}: {then}")]
        return [mark + screen.dim(f"{heard}:"), f"{'':{INDENT}}{screen.dim(then)}"]
    slow = [RED] if cut.stop_latency_ms > SLOW_MS else []
    stopped = screen.paint(f"silent after {latency(cut.stop_latency_ms)}", *slow)
    if cut.resolution == Resolution.RETRACTED:  # the caller's words are those of the turn above
        words, what = "", f"after “{neutral(cut.heard_text)}”" if cut.heard_text else "in the first word"
    figure = "  ·  ".join(_timings(cut))
    beside = INDENT + cells(f"{what}{words}: {then}{figure}") + 5 <= screen.width
    told = f"{'':{INDENT}}{screen.paint(what, YELLOW)}{words}: {then}"
    what_happened = "the agent cut the caller off" if cut.resolution == Resolution.RETRACTED else "interrupted"
    return [
        f"{mark}{screen.paint(what_happened, YELLOW)} at {position(cut.onset_ms)}{_word(cut)}: {stopped}",
        *([told + screen.dim(f"  ·  {figure}")] if beside else [told, f"{'':{INDENT}}{screen.dim(figure)}"]),
    ]


def _word(cut: Interruption) -> str:
    return f" on “{neutral(bare(cut.cut_word))}”" if cut.cut_word else ""


def _pause(cut: Interruption) -> str:
    """How long the agent was silent for a sound that was no interruption."""
    silent = 0 if cut.decided_ms is None else cut.decided_ms - cut.silent_ms
    return f", silent for {latency(silent)}" if silent > 0 else ""


def _timings(cut: Interruption) -> list[str]:
    parts = [f"noticed after {latency(cut.detect_latency_ms)}"]
    if cut.decided_ms is not None:
        parts.append(f"decided after {latency(cut.decided_ms - cut.onset_ms)}")
    return [*parts, f"evidence {cut.evidence:.2f}"] if cut.evidence else parts


def figures(interruptions: Iterable[Interruption], screen: Screen) -> list[str]:
    """One line about all interruptions of a call."""
    rows = list(interruptions)
    real = [cut for cut in rows if cut.by_caller]
    retracted = sum(cut.resolution == Resolution.RETRACTED for cut in rows)
    parts = [counted(len(real), "interruption")]
    if real:
        worst = max(cut.stop_latency_ms for cut in real)
        parts.append(f"silent after {latency(worst)}" + (" at worst" if len(real) > 1 else ""))
    if retracted:
        parts.append(f"{counted(retracted, 'answer')} retracted")
    if others := len(rows) - len(real) - retracted:
        parts.append(f"{others} backchannel or noise")
    return [screen.dim("  ·  ".join(parts))]


def _folded(text: str) -> str:
    return " ".join(text.split()).lower()
