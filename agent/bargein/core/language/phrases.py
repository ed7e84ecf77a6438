"""A language: the words and rules of a language file, compiled. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .date_words import Dates
from .number_words import Numbers
from .times import Times
from .values import NEVER, Repairs
from .words import PhraseTable, alternatives, compile_pattern, joined, mentions_any, tokens

RULES = (
    "agent", "repeat", "excuse", "wh_question", "change", "wrong", "redirect", "next", "understood", "confirm", "stop",
    "question", "request", "may_ask", "hello", "agreed", "yes", "no", "incomplete", "introduction", "that_one",
    "change_slot", "voicemail", "screening", "unobtainable", "own_number", "but", "withdraw", "suggest", "next_one",
    "also", "added",
)  # fmt: skip
CLOSED = ("yes", "confirm", "understood", "agreed", "redirect", "next")  # of these, what a yes may consist of
LONGEST_WAIT = 2  # words of "hold on", which holds no dictated digit
MOST_LEADS = 12  # phrases of `lead` that are removed one after another: "no, well, okay, ..."


_FIRST_CLAUSE = re.compile(r"[^,.;:!?]+[,.;:!]\s+(?=\w)")
_NO = re.compile(r"\W*(\w+)[,.;:!]\s+(?=\w)")
_CLAUSE = re.compile(r"(?:[^,.;:!?\u2026]|(?<=[0-9])[.,:](?=[0-9]))+")  # "4:30" is one


@dataclass(frozen=True, slots=True)
class Phrases:
    """A language: its words and rules, compiled. `phrases_of` builds it from a language file.

    All matching takes time linear in the number of words, whatever a caller says.
    """

    language: str = "en"
    fillers: frozenset[str] = frozenset()  # words without meaning; removed before the rules are tried
    lead: re.Pattern[str] = NEVER  # phrases without meaning at the start of a turn: "no", "okay", "but"
    rules: Mapping[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    closed: Mapping[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)  # rules without their wildcards
    backchannels: PhraseTable = field(default_factory=PhraseTable)
    beside: PhraseTable = field(default_factory=PhraseTable)  # what says nothing beside a yes
    answer: re.Pattern[str] = NEVER  # backchannels that answer an open question
    no_words: frozenset[str] = frozenset()  # "no", "not", "don't": a plain no and negations
    urgent: frozenset[str] = frozenset()  # short words that interrupt: "no", "stop"
    noise: frozenset[str] = frozenset()  # what recognizers write for a cough
    unclear: frozenset[str] = frozenset()  # what recognizers write for any short word: "oh", "yeah"
    trailing: frozenset[str] = frozenset()  # words that do not end a turn
    negators: re.Pattern[str] = NEVER  # words before a choice that the caller refuses
    misheard: Mapping[str, str] = field(default_factory=dict)  # corrections of the first word of a turn
    known: frozenset[str] = frozenset()  # words with a meaning of their own, never taken for a misheard choice
    ordinals: tuple[tuple[str, ...], ...] = ()  # "first", "second", ...
    last: tuple[str, ...] = ()
    phonetic: bool = False  # whether Metaphone fits the language
    numbers: Numbers = field(default_factory=Numbers)
    dates: Dates = field(default_factory=Dates)
    times: Times = field(default_factory=Times)
    repairs: Repairs = field(default_factory=Repairs)
    not_names: frozenset[str] = frozenset()  # words that are no part of a name
    slot_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what callers call a slot, by its type
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sayings: Mapping[str, str] = field(default_factory=dict)  # the agent's own sentences

    def with_sayings(self, own: Mapping[str, str]) -> Phrases:
        """The same language, with sentences that a flow has of its own."""
        return replace(self, sayings={**self.sayings, **own})

    def matches(self, rule: str, text: str) -> bool:
        """Whether this rule matches the text, with or without its lead."""
        words = self.cleaned(text)
        return bool(words) and self.matches_words(rule, words)

    def matches_words(self, rule: str, words: Sequence[str]) -> bool:
        """The same for words that `cleaned` returned."""
        text, patterns = joined(words), self.rules.get(rule, ())
        if any(pattern.search(text) for pattern in patterns):
            return True
        at_start = [pattern for pattern in patterns if pattern.pattern.startswith("^")]
        for _ in range(MOST_LEADS):
            lead = self.lead.match(text)
            if lead is None or lead.end() == len(text):
                return False
            text = text[lead.end() :]
            if any(pattern.search(text) for pattern in at_start):
                return True
        return False

    def behind(self, rule: str, text: str) -> list[str] | None:
        """The words behind the longest phrase of this rule at the beginning, with or without a lead; None: no phrase.

        A filler may be part of the phrase, as "bom" of "bom dia" in Portuguese.
        """
        for words in (tokens(text), self.cleaned(text)):
            spoken = joined(words)
            for _ in range(MOST_LEADS):
                found = [match.end() for pattern in self.rules.get(rule, ()) if (match := pattern.match(spoken))]
                if found:
                    return spoken[max(found) :].split()
                lead = self.lead.match(spoken)
                if lead is None:
                    break
                spoken = spoken[lead.end() :]
        return None

    def agrees(self, words: Sequence[str], whole: bool = False) -> bool:
        """Whether a phrase of the rule `agreed` says yes: "no problem", but not "no problem, but no".

        `whole`: only if nothing follows. The words are those that `cleaned` returned.
        """
        rest = self.behind("agreed", joined(words))
        if not rest:
            return rest is not None
        return not whole and (self.agrees(rest) or not (self.denies(rest) or self.matches_words("wrong", rest)))

    def denies(self, words: Sequence[str]) -> bool:
        """Whether a plain no, a negation or a phrase of the rule `no` is among these words."""
        return not self.no_words.isdisjoint(words) or self.matches_words("no", words)

    def mentions(self, name: str, text: str) -> bool:
        """Whether a phrase of the list `name` stands in the text."""
        return mentions_any(text, self.lists.get(name, ()))

    def after_no(self, text: str) -> str:
        """The text without the "no," at its beginning, where that word also refuses what follows it, as in Spanish.

        "No, el azul" names the blue one, "no el azul" refuses it: the comma alone tells.
        """
        first = _NO.match(text)
        if first is None or not self.negators.search(joined(tokens(first[1]))):
            return text
        return text[first.end() :] if first[1].lower() in self.lists.get("plain_no", ()) else text

    def after_skip(self, text: str) -> str:
        """The text without a first clause that only skips: "skip that, the blue one" refuses nothing."""
        first = _FIRST_CLAUSE.match(text)
        return text[first.end() :] if first is not None and self.matches("redirect", first[0]) else text

    def besides_wait(self, text: str, dictated: bool = False) -> str:
        """The text without the clauses that name how long to wait: "one moment, it's four" is "it's four".

        "Wait" stays: between two values it takes back the first. Where digits are `dictated`, only "no, wait" does.
        """
        kept = []
        for clause in _CLAUSE.findall(text):
            long = self.mentions("short", clause) or self.mentions("minutes", clause)
            alone = dictated and not any(map(str.isdigit, clause)) and not self.mentions("plain_no", clause)
            if not (self.matches("stop", clause) and (long or (alone and len(tokens(clause)) <= LONGEST_WAIT))):
                kept.append(clause)
        return ",".join(kept).strip()

    def ends_with(self, rule: str, words: Sequence[str]) -> bool:
        """Whether the text ends with a phrase of this rule: "hold on" is complete, "on" alone is not."""
        whole = joined(words)
        return any(m.end() == len(whole) for p in self.rules.get(rule, ()) for m in p.finditer(whole))

    def cleaned(self, text: str) -> list[str]:
        """The words without fillers and repetitions. Corrects the first word if it is often misheard."""
        words = tokens(text)
        if words and words[0] in self.misheard:
            words[0] = self.misheard[words[0]]
        kept = [word for word in words if word not in self.fillers]
        return [word for i, word in enumerate(kept) if i == 0 or word != kept[i - 1]]


def phrases_of(data: Mapping[str, Any]) -> Phrases:
    """Compile the contents of a language file. Raises PatternError, KeyError or ValueError if they are wrong."""
    lists = data.get("lists", {})
    rules = {name: tuple(compile_pattern(p, lists) for p in data["rules"].get(name, ())) for name in RULES}
    closed = {
        name: tuple(compile_pattern(p, lists, wild=False) for p in data["rules"].get(name, ())) for name in CLOSED
    }
    units, fillers = data["backchannels"], data.get("fillers", ())
    negators = re.compile("|".join(f"(?:{compile_pattern(p, lists).pattern}$)" for p in data["negators"]))
    times, repairs = Times.of(data.get("times", {})), Repairs.of(data.get("repairs", {}), negators)
    no_words = repairs.negations.union(lists.get("plain_no", ()))
    agreeing = (form for form in (*units, *fillers) if no_words.isdisjoint(tokens(form)))  # not "no way"
    return Phrases(
        language=data["language"],
        fillers=frozenset(fillers),
        lead=re.compile(alternatives(data["lead"])),
        rules=rules,
        closed=closed,
        backchannels=PhraseTable.of([*units, *fillers]),
        beside=PhraseTable.of([*lists.get("beside", ()), *agreeing]),
        answer=re.compile(rf"(?<!\S){alternatives(data['answers'])}"),
        no_words=no_words,
        urgent=frozenset(data.get("urgent", ())),
        unclear=frozenset(data.get("unclear", ())),
        noise=frozenset(joined(tokens(text)) for text in data.get("noise", ())),
        trailing=frozenset(data["trailing"]),
        negators=negators,
        misheard=dict(data.get("misheard", {})),
        known=frozenset(data.get("known", ())) | {word for unit in units for word in tokens(unit)},
        ordinals=tuple(tuple(names) for names in data.get("ordinals", ())),
        last=tuple(data.get("last", ())),
        phonetic=data.get("phonetic") == "true",
        numbers=Numbers.of(data.get("numbers", {})),
        dates=Dates.of(data.get("dates", {}), times.words),
        times=times,
        repairs=repairs,
        not_names=frozenset(data.get("not_names", ())),
        slot_words={name: tuple(words) for name, words in data.get("slot_words", {}).items()},
        lists={name: tuple(items) for name, items in lists.items()},
        sayings=dict(data["sayings"]),
    )
