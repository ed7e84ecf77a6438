"""The state of a call in its flow. It is immutable, so that a reply that was not heard can be dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...core.turns.records import Callback, Turn
from ...core.turns.reply import Say

LEAD = -1  # the index of a sentence that is not a line of its step: "Okay."


@dataclass(frozen=True, slots=True)
class FlowState:
    """Everything that a reply can change. `visits` counts how often each webhook step was entered."""

    step: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
    stack: tuple[tuple[str, bool], ...] = ()  # targets of `return`: a step, and whether to ask only its question
    misses: int = 0
    visits: Mapping[str, int] = field(default_factory=dict)
    said: tuple[SpokenSentence, ...] = ()  # the sentences of the last reply
    pending: tuple[SpokenSentence, ...] = ()  # what was left to say when the caller asked to wait
    begun: Begun | None = None  # a value whose rest is missing
    callback: Callback | None = None  # that was promised
    promised: str = ""  # the step that promised it
    changing: bool = False  # the caller was asked what to change

    def at(self, step: str) -> FlowState:
        """At a step. A new step resets the misses and drops an incomplete value."""
        same = step == self.step
        return replace(self, step=step, misses=self.misses if same else 0, begun=self.begun if same else None)

    def fill(self, slot: str, value: str) -> FlowState:
        """With a slot filled, not yet confirmed."""
        values = {name: v for name, v in self.values.items() if name != slot} | {slot: value}
        return replace(self, values=values, confirmed=self.confirmed - {slot}, begun=None)

    def clear(self, *slots: str) -> FlowState:
        """With slots emptied."""
        values = {name: v for name, v in self.values.items() if name not in slots}
        return replace(self, values=values, confirmed=self.confirmed - set(slots))

    def confirm(self, *slots: str) -> FlowState:
        """With slots confirmed."""
        return replace(self, confirmed=self.confirmed | set(slots))

    def let(self, variables: Mapping[str, str]) -> FlowState:
        """With variables set."""
        return replace(self, variables={**self.variables, **variables})

    def missed(self) -> FlowState:
        """With one more miss: the caller was silent or not understood."""
        return replace(self, misses=self.misses + 1)

    def bare(self) -> FlowState:
        """Without the sentences of the reply, for a snapshot."""
        return replace(self, said=(), pending=())


@dataclass(frozen=True, slots=True)
class Begun:
    """The beginning of a value: "four seven one" of eight digits. `saying` asks for the rest."""

    slot: str
    text: str
    saying: str


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """A sentence of a reply, the state in which it was said, and its index among the lines of its step."""

    say: Say
    state: FlowState
    index: int = LEAD


def cut_at(said: tuple[SpokenSentence, ...], turn: Turn) -> int | None:
    """The index of the sentence that the caller interrupted, by the heard words of the turn; None if unknown.

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
