"""Finds a person's name in the caller's words. Pure."""

from __future__ import annotations

import re

from .agreement import polarity
from .phrases import Phrases
from .values import Unclear
from .words import joined, tokens, without_asides

MOST_WORDS = 6
SPELLED = 2  # single letters in a row, from which on they spell a word
COMMANDS = ("agent", "repeat", "stop", "next", "redirect")
_WORD = re.compile(r"[^\W\d_]+(?:[.'’-][^\W\d_]+)*\.?")
_FIGURE = re.compile(r"[0-9]")


def name_in(text: str, phrases: Phrases) -> str:
    """The name that was said, without "my name is" and "speaking". "" if what was said is no name.

    "no name", "change the name", "yes" and whole sentences are no names. Letters that spell the name replace it:
    "Smyth, S-M-Y-T-H". Raises Unclear for two names ("Smith or Smyth").
    """
    if _FIGURE.search(text):
        return ""
    words = [word for word in without_asides(text).split() if _WORD.search(word)]
    kept, lead = _without_lead(words, phrases)
    introduced = any(word in phrases.slot_words.get("name", ()) for word in lead.split())  # not by "that's"
    kept = _without_trail(kept, phrases)
    kept = [word for word in kept if " ".join(tokens(word)) not in phrases.fillers]
    if len(kept) > 1 and kept[0].lower() in phrases.lists.get("name_article", ()):
        kept = kept[1:]  # "ich bin die Anna"
    kept = _plain_letters(_without_spelling(kept, phrases), phrases)
    plain = [" ".join(tokens(word)) for word in kept]
    if any(word in phrases.repairs.joiners for word in plain[1:-1]):
        raise Unclear
    spelled = _spelled(plain)
    counts = any(word in phrases.numbers.values for word in plain[1:])  # "siamo in cinque"
    refused = counts or any(word in phrases.not_names and not (spelled and len(word) == 1) for word in plain)
    if not kept or len(kept) > MOST_WORDS + spelled or refused:
        return ""
    if not introduced and (polarity(" ".join(kept), phrases) is not None or _is_command(plain, phrases)):
        return ""
    if lead and not introduced and phrases.backchannels.makes_up(plain):
        return ""  # "that's wonderful"
    return _written([word.strip(' .,!?;:"') for word in kept])


def _is_command(words: list[str], phrases: Phrases) -> bool:
    return any(phrases.matches_words(rule, words) for rule in COMMANDS)


def _without_lead(words: list[str], phrases: Phrases) -> tuple[list[str], str]:
    """The words behind "my name is", and that phrase; else without "well, no" and ""."""
    spoken = [" ".join(tokens(word)) for word in words]
    for lead in phrases.lists.get("name_lead", ()):
        form = lead.split()
        for at in range(max(0, len(spoken) - len(form))):
            if spoken[at : at + len(form)] == form:
                return words[at + len(form) :], lead
    whole = joined(spoken)
    lead_match = phrases.lead.match(whole)
    while lead_match is not None and lead_match.end() < len(whole):
        count = len(lead_match[0].split())
        words, spoken = words[count:], spoken[count:]
        whole = joined(spoken)
        lead_match = phrases.lead.match(whole)
    return words, ""


def _without_trail(words: list[str], phrases: Phrases) -> list[str]:
    """Without "speaking", "here"."""
    for trail in phrases.lists.get("name_trail", ()):
        form = trail.split()
        if len(words) > len(form) and [" ".join(tokens(word)) for word in words[-len(form) :]] == form:
            return words[: -len(form)]
    return words


def _without_spelling(words: list[str], phrases: Phrases) -> list[str]:
    """Without "spelled" in front of letters."""
    spoken = [" ".join(tokens(word)) for word in words]
    for said in phrases.lists.get("spelling", ()):
        form = said.split()
        for at in range(1, len(spoken) - len(form)):
            if spoken[at : at + len(form)] == form and len(spoken[at + len(form)].split()[0]) == 1:
                return words[:at] + words[at + len(form) :]
    return words


def _plain_letters(words: list[str], phrases: Phrases) -> list[str]:
    """ "Double N" as N, N and "M as in Mike" as M."""
    spoken = [" ".join(tokens(word)) for word in words]
    spells = sum(len(word) == 1 for word in spoken) >= SPELLED  # "S de Souza" is no letter with an example
    examples = [said.split() for said in phrases.lists.get("as_in", ())] if spells else []
    plain: list[str] = []
    at = 0
    while at < len(words):
        times = phrases.numbers.repeats.get(spoken[at], 1)
        at += times > 1 and at + 1 < len(words) and len(spoken[at + 1]) == 1
        if len(letter := spoken[at]) != 1:
            plain.append(words[at])
            at += 1
            continue
        plain += [words[at]] * times
        at += 1
        for form in examples:
            behind = at + len(form)
            if spoken[at:behind] == form and spoken[behind : behind + 1] and spoken[behind].startswith(letter):
                at = behind + 1
                break
    return plain


def _spelled(words: list[str]) -> int:
    """How many of the words are single letters that spell something."""
    letters = sum(len(word) == 1 for word in words)
    return letters if letters >= SPELLED else 0


def _written(words: list[str]) -> str:
    """The name as it is written: spelled letters joined, in capitals and small letters if it has none."""
    words = [part for word in words for part in _letters(word)]
    letters = [word for word in words if len(word) == 1]
    first = next((i for i, word in enumerate(words) if len(word) == 1), 0)
    if len(letters) > SPELLED and len(letters) == len(words) - first:  # "J R R Tolkien" spells nothing
        spelled = "".join(letters).capitalize()
        words = [*words[: max(0, first - 1)], spelled] if first else [spelled]
    if letters and first and "".join(letters).casefold() == words[first - 1].casefold():
        words = words[:first] + words[first + len(letters) :]  # "Jo, J O"; "Jo, J O, Smith"
    name = " ".join(word.strip(".") if len(word) > 2 else word for word in words)
    return name.title() if name.islower() else name


def _letters(word: str) -> list[str]:
    """ "S-M-I-T-H" as five words."""
    parts = re.split(r"[-.]", word.strip("."))
    return parts if len(parts) > SPELLED and all(len(part) == 1 for part in parts) else [word]
