"""Where a call is in its flow: immutable, so that a reply that never sounded can be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...core.turns.records import Turn
from ...core.turns.reply import Say

LEAD = -1  # the index of a sentence that is no line of its step: "Okay."


@dataclass(frozen=True, slots=True)
class FlowState:
    """All that a reply may change. `visits` counts how often each webhook step was entered."""

    step: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
    stack: tuple[tuple[str, bool], ...] = ()  # where `return` leads: a step, and whether only its question is asked
    misses: int = 0
    visits: Mapping[str, int] = field(default_factory=dict)
    said: tuple[SpokenSentence, ...] = ()  # the sentences of the last reply
    pending: tuple[SpokenSentence, ...] = ()  # what was left when the caller asked us to wait
    begun: Begun | None = None  # a value of which the rest is missing
    changing: bool = False  # the caller was asked what to change

    def at(self, step: str) -> FlowState:
        """Moved to a step; arriving anew forgets how often we were not understood, and half a value."""
        same = step == self.step
        return replace(self, step=step, misses=self.misses if same else 0, begun=self.begun if same else None)

    def fill(self, slot: str, value: str) -> FlowState:
        """With a slot filled; it is to be confirmed anew."""
        values = {name: v for name, v in self.values.items() if name != slot} | {slot: value}
        return replace(self, values=values, confirmed=self.confirmed - {slot}, begun=None)

    def clear(self, *slots: str) -> FlowState:
        """With slots emptied."""
        values = {name: v for name, v in self.values.items() if name not in slots}
        return replace(self, values=values, confirmed=self.confirmed - set(slots))

    def confirm(self, *slots: str) -> FlowState:
        """With slots said back and agreed to."""
        return replace(self, confirmed=self.confirmed | set(slots))

    def let(self, variables: Mapping[str, str]) -> FlowState:
        """With variables set."""
        return replace(self, variables={**self.variables, **variables})

    def missed(self) -> FlowState:
        """The caller was not understood, or silent."""
        return replace(self, misses=self.misses + 1)

    def bare(self) -> FlowState:
        """Without what was said, for a snapshot."""
        return replace(self, said=(), pending=())


@dataclass(frozen=True, slots=True)
class Begun:
    """The beginning of a value: "four seven one" of eight digits. `saying` asks for the rest."""

    slot: str
    text: str
    saying: str


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """A sentence of a reply, the state in which it was said, and its place among the lines of its step."""

    say: Say
    state: FlowState
    index: int = LEAD


def cut_at(said: tuple[SpokenSentence, ...], turn: Turn) -> int | None:
    """Which sentence the caller cut into, by the words that were heard of the turn; None if it cannot be told.

    The cut sentence is the one that holds the first word not heard, or the last one that began if all was heard.
    """
    begun = len(turn.text.split())
    heard = len(turn.heard_text.split())
    first = next((i for i, s in enumerate(said) if turn.text.startswith(s.say.text) and s.say.text), 0)
    count, last = 0, None
    for i in range(first, len(said)):
        words = len(said[i].say.text.split())
        if count >= begun and (words or last is not None):
            break
        last = i
        count += words
        if heard < count:
            return i
    if last is None and said:
        return next((i for i, s in enumerate(said) if s.say.step == turn.step), None)
    return last
