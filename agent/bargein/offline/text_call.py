"""A call by text, for authors of flows and for tests. The caller can interrupt at any word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..core.language.kinds import Kind
from ..core.language.words import tokens
from ..core.turns.records import Interruption, Resolution, Situation, Turn
from ..core.turns.reply import Finish, Listen, Say
from ..dialogue.base import Planner
from ..errors import UserError


@dataclass(slots=True)
class TextAnswer:
    """What the agent does after one turn of the caller."""

    says: list[Say] = field(default_factory=list)
    listen: Listen | None = None
    finish: Finish | None = None
    kind: Kind | None = None

    @property
    def text(self) -> str:
        """Everything that the agent says."""
        return " ".join(say.text for say in self.says)


class TextCall:
    """One call. Every method plays the agent's last reply, to its end or to the interruption, and plans the next.

    `on_say` is called with each sentence as soon as the planner returns it.
    """

    def __init__(self, planner: Planner, on_say: Callable[[Say], None] = lambda say: None) -> None:
        self.planner = planner
        self._on_say = on_say
        self.turns: list[Turn] = []
        self.last = TextAnswer()

    async def start(self) -> TextAnswer:
        """The opening."""
        return await self._plan(Situation(()))

    async def says(self, text: str, cut: str | None = None) -> TextAnswer:
        """The caller speaks after the agent, or interrupts after the words `cut`."""
        return await self._caller(text, "", cut)

    async def presses(self, digits: str, cut: str | None = None) -> TextAnswer:
        """The caller presses keys."""
        return await self._caller("", digits, cut)

    async def silent(self, silence_ms: int = 6000, unclear: bool = False) -> TextAnswer:
        """The caller is silent."""
        self._played(None)
        return await self._plan(Situation(tuple(self.turns), silence_ms=silence_ms, unclear=unclear))

    async def _caller(self, text: str, digits: str, cut: str | None) -> TextAnswer:
        row = self._played(cut)
        self.turns.append(Turn(len(self.turns), "caller", 0, 0, text, text, confidence=1.0))
        kind = row.kind if row else None
        return await self._plan(Situation(tuple(self.turns), text, digits, 1.0, row, Kind(kind) if kind else None))

    def _played(self, cut: str | None) -> Interruption | None:
        """The agent's last reply becomes a turn; with `cut`, an interrupted one."""
        says = self.last.says
        if not says:
            return None
        words = [(word, say) for say in says for word in say.text.split()]
        count = len(words) if cut is None else _heard(cut, [word for word, _ in words])
        begun = [say for say in says if any(of is say for _, of in words[: count + (cut is not None)])]
        text = " ".join(say.text for say in begun) if begun else says[0].text
        total = text.split()
        heard, unheard = " ".join(total[:count]), " ".join(total[count:])
        step = (begun or says)[-1].step
        seq = len(self.turns)
        self.turns.append(Turn(seq, "agent", 0, 0, text, heard, unheard, step, total[count] if unheard else ""))
        if cut is None:
            return None
        return Interruption(
            id=f"text-{seq}", call_id="text", turn_seq=seq, step=step, onset_ms=0, paused_ms=0,
            decided_ms=0, silent_ms=0, detect_latency_ms=0, stop_latency_ms=0, agent_text=text, heard_text=heard,
            unheard_text=unheard, cut_word=total[count] if unheard else "", played_ms=0, caller_text="",
            kind=Kind.OTHER, resolution=Resolution.IGNORED,
        )  # fmt: skip

    async def _plan(self, situation: Situation) -> TextAnswer:
        reply = self.planner.plan(situation)
        answer = TextAnswer(kind=reply.kind)
        async for piece in reply:
            if isinstance(piece, Say):
                answer.says.append(piece)
                self._on_say(piece)
            elif isinstance(piece, Listen):
                answer.listen = piece
            else:
                answer.finish = piece
        reply.commit()
        self.last = answer
        return answer


def _heard(cut: str, words: list[str]) -> int:
    """How many of the words are heard when the caller cuts in after the words `cut`. Raises UserError."""
    wanted, flat = tokens(cut), [tokens(word) for word in words]
    if not wanted:
        return 0
    spoken = [(token, i) for i, parts in enumerate(flat) for token in parts]
    for start in range(len(spoken) - len(wanted) + 1):
        if [token for token, _ in spoken[start : start + len(wanted)]] == wanted:
            return spoken[start + len(wanted) - 1][1] + 1
    raise UserError(f"the last reply of the agent does not contain {cut!r}; cut at words of that reply", 2)
