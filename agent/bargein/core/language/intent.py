"""What the caller means: the rules of a language file, applied in a fixed order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .agreement import is_reserved, polarity
from .kinds import Kind
from .phrases import Phrases
from .words import Mention, PhraseTable, joined, mentions, tokens

Choices = Mapping[str, Sequence[str]] | Sequence[str]  # phrases by choice, or phrases that stand for themselves


def chosen_in(text: str, phrases: Phrases, choices: Choices) -> list[Mention]:
    """The choices in the text, in order. "Not the red one" is marked as negated. Positions refer to `cleaned`."""
    table = choices if isinstance(choices, Mapping) else {choice: (choice,) for choice in choices}
    return mentions(phrases.cleaned(text), table, phrases.negators, phrases.known, phrases.phonetic)


def proposes(text: str, phrases: Phrases, choices: Choices) -> bool | None:
    """Whether "what about" names a choice, and not something of it ("the price of the blue one"). None: not said."""
    proposed = phrases.behind("suggest", text)
    if proposed is None:
        return None
    said = chosen_in(" ".join(proposed), phrases, choices)
    return bool(said) and said[0].start == 0 and phrases.known.issuperset(proposed[said[0].end :])


def is_noise(text: str) -> bool:
    """Whether the text holds no words, or only a recognizer's note of a sound."""
    return not tokens(text)


def is_backchannel(text: str, phrases: Phrases, question: bool, extra: Sequence[str] = ()) -> bool:
    """Whether these words only mean "I am listening". `question`: the agent was asking, so "yes" is an answer.

    `extra` are more words that count, from the flow.
    """
    words = tokens(text)
    if not words or (question and phrases.answer.search(joined(words))):
        return False
    table = PhraseTable.of(extra, phrases.backchannels) if extra else phrases.backchannels
    return table.makes_up(words)


def is_complete(text: str, phrases: Phrases, choices: Choices = ()) -> bool | None:
    """Whether the caller's turn is over: True, False, or None if the words do not tell."""
    words = tokens(text)
    if not words:
        return None
    cleaned = phrases.cleaned(text)
    broken_off = text.rstrip().endswith(("...", "…", "-", ","))
    if not cleaned or broken_off or phrases.matches_words("incomplete", cleaned):
        return False
    whole_commands = ("agent", "repeat", "next", "redirect", "confirm", "stop")
    if any(phrases.ends_with(rule, words) for rule in whole_commands):
        return True
    if words[-1] in phrases.trailing:
        return False
    if any(phrases.matches_words(rule, cleaned) for rule in whole_commands):
        return True
    if any(not mention.negated for mention in chosen_in(text, phrases, choices)):
        return True
    return True if text.rstrip().endswith("?") and len(words) > 2 else None


def classify(
    text: str,
    phrases: Phrases,
    *,
    interrupted: str = "",
    question: bool = False,
    choices: Choices = (),
    chosen: str = "",
) -> Kind:
    """What kind of interruption this is.

    interrupted: the text of the agent's turn that the caller cut into. question: the agent was asking. choices: what
    the caller can choose. chosen: the choice so far. "" if there is none: then the one that the agent talked about.
    """
    words = phrases.cleaned(text)
    if is_noise(text) or joined(tokens(text)) in phrases.noise:
        return Kind.NOISE
    said = chosen_in(text, phrases, choices) if choices else []
    rest = _without(words, said)

    def about(*rules: str) -> bool:
        return any(phrases.matches_words(rule, words) for rule in rules)

    if rest and phrases.matches_words("agent", rest):
        return Kind.AGENT
    excuses = about("excuse") and not about("redirect", "wrong", "repeat", "question", "no")
    if not said and (is_backchannel(text, phrases, question) or excuses):
        return Kind.BACKCHANNEL
    if about("repeat"):
        return Kind.REPEAT
    if said and (proposal := proposes(text, phrases, choices)) is not None:
        return Kind.CORRECT if proposal else Kind.QUESTION
    asks_for_change = bool(said) and about("request") and about("change")
    if rest and phrases.matches_words("wh_question", rest) and not about("next", "redirect") and not asks_for_change:
        return Kind.QUESTION
    if said:
        return _of_choice(words, said, phrases, interrupted, choices, chosen, text)
    agrees = phrases.agrees(words, whole=True)
    refuses = not agrees and phrases.denies(words[-1:]) and not text.rstrip().endswith("?")
    kind = _of_rules(about, text, agrees, refuses)
    if kind is Kind.CONFIRM and is_reserved(text, phrases):
        if about("redirect", "next"):
            return Kind.REDIRECT
        return Kind.OTHER if question and not about("withdraw") else Kind.CORRECT
    return kind


def _of_rules(about: Callable[..., bool], text: str, agrees: bool, refuses: bool) -> Kind:
    """The rest of the order, for a turn without a choice. `agrees`: it only agrees; `refuses`: it ends with a no."""
    if about("redirect"):
        return Kind.CONFIRM if about("understood") else Kind.REDIRECT
    if about("next"):
        return Kind.CONFIRM if about("understood", "yes") else Kind.REDIRECT
    if about("may_ask"):
        return Kind.QUESTION
    if agrees:
        return Kind.CONFIRM
    if about("stop"):
        return Kind.STOP
    if about("hello"):
        return Kind.OTHER
    if about("wrong"):
        return Kind.CORRECT
    if about("question"):
        return Kind.QUESTION
    if about("confirm") and not about("no") and not refuses:
        return Kind.CONFIRM
    if about("change"):
        return Kind.CORRECT
    if about("no") or (refuses and about("confirm", "understood", "yes")):
        return Kind.CORRECT
    if about("confirm", "understood", "yes"):
        return Kind.CONFIRM
    return Kind.QUESTION if text.rstrip().endswith("?") and len(tokens(text)) > 2 else Kind.OTHER


def _of_choice(
    words: Sequence[str],
    said: Sequence[Mention],
    phrases: Phrases,
    interrupted: str,
    choices: Choices,
    chosen: str,
    text: str,
) -> Kind:
    """A turn with a choice: a correction, a confirmation, or a first answer."""
    wanted = next((m.choice for m in reversed(said) if not m.negated), "")
    spoken_of = {m.choice for m in chosen_in(interrupted, phrases, choices)} if interrupted else set()
    if not wanted:
        refused = {m.choice for m in said}
        skips = phrases.matches_words("redirect", words) and not refused & {chosen, *spoken_of}
        return Kind.REDIRECT if skips else Kind.CORRECT
    if phrases.matches_words("question", _without(words, said)) and not phrases.matches_words("request", words):
        return Kind.QUESTION
    if phrases.matches_words("change", words) or any(m.negated for m in said):
        return Kind.CORRECT
    if phrases.matches_words("redirect", words):
        return Kind.REDIRECT
    current = chosen or (next(iter(spoken_of)) if len(spoken_of) == 1 else "")
    if current and wanted != current:
        return Kind.CORRECT
    if phrases.matches_words("no", words) and wanted != current:
        return Kind.CORRECT
    if current == wanted and polarity(text, phrases):
        return Kind.CONFIRM
    return Kind.OTHER


def _without(words: Sequence[str], said: Sequence[Mention]) -> list[str]:
    taken = {i for mention in said for i in range(mention.start, mention.end)}
    return [word for i, word in enumerate(words) if i not in taken]
