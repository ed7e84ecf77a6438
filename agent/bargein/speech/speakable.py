"""Text as it is written to text as it is spoken, the same for every engine.

Engines differ in what they can read: telephone numbers, amounts of money, abbreviations and addresses of the web come
out wrong in most of them. Here they become words, by language (numbers by the package num2words). What every engine
reads well, such as small numbers and times, is left to it.
"""

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from num2words import num2words

from ..core.language.abbreviations import ABBREVIATIONS
from ..core.language.symbols import without_emoji
from .lexicon import LEXICONS, Lexicon
from .listing import base

Reading = Callable[[re.Match[str]], str | None]  # how a match is spoken; None: as it is written


@dataclass(frozen=True, slots=True)
class Spoken:
    """Some words as written, whitespace apart, and how they are spoken together; "" if they are not."""

    written: tuple[str, ...]
    spoken: str


CURRENCIES = {
    "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "US$": "USD", "C$": "USD", "A$": "USD",
    "EUR": "EUR", "USD": "USD", "GBP": "GBP", "CHF": "CHF",
}  # fmt: skip
LONGEST_CARDINAL = 6  # digits; a longer number is read digit by digit


def speakable(text: str, language: str) -> list[Spoken]:
    """The words of a text in order, each with its neighbours that are spoken as one, and how they are spoken."""
    text = " ".join(text.split())
    plainly = text.translate(_SAME)
    return list(_groups(text, plainly, _replacements(plainly, _rules(base(language)))))


def digits_spoken(groups: Sequence[str], language: str) -> str:
    """Digit by digit, with a short pause between groups."""
    return ", ".join(" ".join(_cardinal(int(digit), language) for digit in group) for group in groups if group)


# ---------------------------------------------------------------------------- rules

_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"]+[\w/]", re.I)
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_DOMAIN = re.compile(
    r"(?<![\w@.])[A-Za-z0-9-]*[a-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.[a-z]{2,}(?:/[\w/-]*\w)?(?![\w@])"
)
_AS_IS = re.compile(
    r"\b\d{4}-\d\d-\d\d\b|\b\d\d?-\d\d?-\d{4}\b|(?<![\d./])\d{1,2}[./]\d{1,2}[./]\d{2,4}\b(?![./]\d)|\b\d{1,2}:\d\d(?::\d\d)?\b(?!–)"
)
_PHONE = re.compile(
    r"""(?<![\w+.,])(?:
        \+\d[\d\ ()/.–-]{5,20}\d                              # +49 (0)30 1234-567
      | \(\+\d{1,3}\)[ ]?\d[\d\ /.-]{5,18}\d                  # (+1) 555 010 4278
      | (?:1[ .-]?)?\(\d{2,5}\)[ -]?\d{2,4}(?:[ .-]?\d{2,4}){1,3}   # (555) 010-4278
      | (?:1(?:[.]|[ ]?[-–][ ]?))?\d{3}(?:[ .]|[ ]?[-–][ ]?)\d{3}(?:[ .]|[ ]?[-–][ ]?)\d{4}   # 555-010-4278
      | (?:1-)?\d{3}-\d{4}                                   # 555-0104
      | (?:(?<=[Cc]all\ )|(?<=[Dd]ial\ )|(?<=[Pp]hone\ ))\d{3}[ .]\d{4}   # Call 555 0104; elsewhere perhaps an amount
      | \d{5}[ -]\d{5}                                       # 98765 43210
      | 0\d{1,5}(?:[ /-]|[ ][/\u2013-][ ])\d{2,}(?:[ -]?\d{2,})*    # 030 1234567, 040 - 12 34 56
      | 0\d{1,4}(?:\.\d{2,4}){3,}                            # 01.23.45.67.89
      | 0[ ]\d{2,3}(?:[ ]/)?(?:[ ]\d{2,3}){2,}               # 0 800 123 456, 0 30 / 12 34 56
      | (?!\d{1,3}(?:[ ]\d{3})+(?![\d -]))(?=(?:\d[ -]?){7})(?=[\d -]{0,20}\d{3})
        (?:\d{1,5}[ -]){2,9}\d{2,5}                          # 8 800 555 35 35, 4111 1111 1111 1111; no amount
    )(?=\s?x\d|(?![\w]|[.,-]\d))""",
    re.X,
)
_VANITY = re.compile(r"\b(?:1-)?8\d\d(?:-[A-Z]{3,})+\b")  # 1-800-FLOWERS
_BRANCH = re.compile(r"(?<=[-. ]\d{4})\s?x\.?\s?(?=\d{1,5}\b)")  # 555-010-4278 x12
_RANGE = re.compile(  # 9–17, 9:00-17:00, 9 AM–5 PM, $5-$10
    r"(?<=\d)\s?–\s?(?=[\d$€£])|(?<=\d)\s-\s(?=\d)|(?<=\d)\s?-\s?(?=[$€£])|(?<=[AaPp][Mm])\s?[–-]\s?(?=\d)|(?<=[ap]\.m\.)\s?[–-]\s?(?=\d)"
    r"|(?<=%)\s?[–-]\s?(?=\d)|(?<=:\d\d)\s?[–-]\s?(?=\d{1,2}(?::\d\d|\s?[ap]\.?m))|(?<=\d)\s?-\s?(?=\d{1,2}\s(?:Uhr|uur)\b)"
)
_ZERO = re.compile(r"(?<![\d.,:/])0\d+(?![\d:/]|[.,]\d)")
_LONG = re.compile(rf"(?<![\d.,])\d{{{LONGEST_CARDINAL + 1},}}(?!\d|[.,]\d)")
_MORE = r"(?:million|billion|thousand|Mio|Mrd|Million|Milliard|mill[oó]n|milh|milion|miljoen|miljard|k\b|m\b)"
_NAMES = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
_AMOUNT = r"\d[\d.,\u00a0\u202f]*"
_MONEY = re.compile(
    rf"(?<![\w.,])([-−]?)(?:({_NAMES})([-−]?)\s?({_AMOUNT})|({_AMOUNT})\s?({_NAMES}))(?![\w%]|[.,]?\d)(?!\s?{_MORE})"
)
_SIGN = re.compile(r"(?<=[\d.,\-–\s])[€£¥₹](?!\s?\d)")  # one that no amount was read with: "5,- €", "1,5 Mio. €"
_POINT = re.compile(r"(?<![\w.,])\.(?=\d)")
_PERCENT = re.compile(r"(?<=\d)\s?%")
_NUMBER_SIGN = re.compile(r"(?:№\s?|(?<![\w&])#|\b[Nn]\s?[°º]\s?)(?=\d)")
_PER = re.compile(r"(?<=[\d€])\s?/\s?(?=[^\W\d_]{3,})")
_EACH = {"mo": "month", "yr": "year", "wk": "week", "hr": "hour"}
_PER_UNIT = re.compile(rf"(?<=\d)\s?/\s?({'|'.join(_EACH)})\b")  # $20/mo
_ALWAYS = re.compile(r"\b24/7\b")
_OR_MORE = re.compile(r"(?<=\d)\+(?![\w+])")
# Hyphens that do not break, and the figures of East Asian fonts: models write them.
_SAME = str.maketrans("\u2010\u2011\u2012\uff0b" + "".join(map(chr, range(0xFF10, 0xFF1A))), "---+0123456789")
_KEY = re.compile(  # "press #", "*67", "1#", "*100#", but not **bold**
    r"(?<=[\w,]\s)([#*])(?=$|[.,;:!?)]|\s(?!\d))|(?<![\w*])(\*)(?=\d+#?(?![\w*]|[^*]*[\w.!?]\*))|(?<=\d)(#)(?!\w)"
)
_DAYS = {  # as they are shortened in opening hours: "Mon-Fri"
    "en": {day[:3]: day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")},
    "de": {day[:2]: day for day in ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")},
}
_JUNK = re.compile(r"[*`~|^<>{}\\]+|(?<=\w)_+(?=\w)|_+|#(?!\d)")


@functools.cache
def _rules(language: str) -> tuple[tuple[re.Pattern[str], Reading], ...]:
    """By priority: where two match, the earlier one counts. Of a language without a lexicon only digits are read."""
    words = LEXICONS.get(language)
    everywhere: list[tuple[re.Pattern[str], Reading]] = [
        (_LONG, lambda m: digits_spoken(_grouped(m[0]), language)),
        (_ZERO, lambda m: _apart(m, digits_spoken([m[0]], language))),
        (_JUNK, lambda m: " "),
        (re.compile(r"[^\x00-\x7f]"), lambda m: None if without_emoji(m[0]) == m[0] else " "),
    ]
    if words is None:
        return ((_AS_IS, lambda m: None), (_PHONE, lambda m: _phone(m[0], "", language)), *everywhere)
    group = rf"\d{{1,3}}(?:[{re.escape(words.thousands)}]\d{{3}})+|\d{{1,3}}(?:['\u2019]\d{{3}})+"
    number = rf"(?<![\w.,])(?:{group})(?:{re.escape(words.decimal)}\d+)?(?!\w|[.,]\d)|(?<![\w.,])\d+,\d+(?!\w|[.,]\d)"
    return (
        (_URL, lambda m: _address(m[0], words)),
        (_MAIL, lambda m: _dotted(m[0].replace("@", f" {words.at} ").replace("+", f" {words.plus} "), words)),
        (_AS_IS, lambda m: None),
        (_VANITY, lambda m: ", ".join(digits_spoken([p], language) if p.isdecimal() else p for p in m[0].split("-"))),
        (_PHONE, lambda m: _phone(m[0], f"{words.plus} ", language)),
        (_BRANCH, lambda m: f" {ABBREVIATIONS[language].get('ext. #', 'x')} "),
        (_MONEY, lambda m: _money(m, words, language)),
        (re.compile(number), lambda m: _number(m[0], words, language)),
        (_SIGN, lambda m: f" {_currency(m[0], language)} "),
        *_days(language, words),
        *_abbreviations(language),
        (_DOMAIN, lambda m: _address(m[0], words)),
        (_ALWAYS, lambda m: "24 7"),
        (_OR_MORE, lambda m: f" {words.plus}"),
        (_RANGE, lambda m: f" {words.to} "),
        (_PER, lambda m: f" {words.per} "),
        *(((_PER_UNIT, lambda m: f" {words.per} {_EACH[m[1]]}"),) if language == "en" else ()),
        (_KEY, lambda m: f" {words.star if '*' in m[0] else words.hash} "),
        (_POINT, lambda m: "0." if words.decimal == "." else None),
        (_PERCENT, lambda m: f" {words.percent}"),
        (_NUMBER_SIGN, lambda m: f"{words.number} "),
        (re.compile(r"(?<=\s)&(?=\s)|(?<=\w)&(?=\w)"), lambda m: f" {words.and_} "),
        *everywhere,
    )


def _address(text: str, words: Lexicon) -> str:
    """A web address as people say it: without scheme, www and query."""
    text = re.sub(r"^www\.|[?#].*$", "", re.sub(r"^https?://", "", text, flags=re.I), flags=re.I).rstrip("/")
    return _dotted(text.lower(), words).replace("/", f" {words.slash} ")


def _dotted(text: str, words: Lexicon) -> str:
    for sign, spoken in ((".", words.dot), ("-", words.dash), ("_", words.underscore)):
        text = text.replace(sign, f" {spoken} ")
    return text


def _phone(text: str, plus: str, language: str) -> str:
    """Digit by digit, in the groups that are written, else in groups of three and four."""
    abroad = "+" in text
    groups = re.findall(r"\d+", text.replace("(0)", "") if abroad else text)
    if abroad and (len(groups) == 1 or len(groups[0]) > 3):
        code = 1 if groups[0].startswith(("1", "7")) else 2
        groups = [groups[0][:code], groups[0][code:], *groups[1:]]
    return (plus if abroad else "") + digits_spoken([part for group in groups for part in _grouped(group)], language)


def _apart(match: re.Match[str], spoken: str) -> str:
    """Away from the letters beside it: "BA0042"."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return f"{' ' * (before.isalpha() or before == '-')}{spoken}{' ' * after.isalpha()}"


def _grouped(digits: str) -> list[str]:
    """Groups of three, the last of two to four."""
    groups = []
    while len(digits) > 4:
        groups.append(digits[:3])
        digits = digits[3:]
    return [*groups, digits] if digits else groups


_SEPARATOR = r"(?:,|\s(?:und|con|y|et|e|en))?\s"


def _money(match: re.Match[str], words: Lexicon, language: str) -> str | None:
    written = (match[4] or match[5]).rstrip(".,")
    tail = (match[4] or "")[len(written) :]
    amount = _value(written, words)
    currency = CURRENCIES[match[2] or match[6]]
    sign = f"{words.minus} " if match[1] or match[3] else ""
    if amount is None:
        return None
    try:
        whole = num2words(float(int(amount)), lang=language, to="currency", currency=currency, cents=False)
        whole = re.sub(rf"{_SEPARATOR}0+ .*$", "", whole)
        spoken = num2words(amount, lang=language, to="currency", currency=currency)
    except (NotImplementedError, KeyError, OverflowError):
        return None
    if amount == int(amount):
        spoken = whole
    elif amount < 1:
        spoken = re.sub(rf"^{_SEPARATOR}", "", spoken.removeprefix(whole))
    if language == "en":
        spoken = re.sub(r"\beuro\b" if amount >= 2 else r"^$", "euros", spoken).replace(" sterling", "")
        spoken = re.sub(r", (?=\S+ (?:cents?|pence|penny)$)", " and ", spoken)
    return sign + _without_commas(spoken) + tail


def _currency(sign: str, language: str) -> str:
    """The name of a currency, as several of it are called."""
    try:
        two = num2words(2.0, lang=language, to="currency", currency=CURRENCIES[sign], cents=False)
    except (NotImplementedError, KeyError):
        return sign
    name = re.sub(rf"{_SEPARATOR}0+ .*$", "", two).split(" ", 1)[1]
    return "euros" if name == "euro" and language == "en" else name


def _number(text: str, words: Lexicon, language: str) -> str | None:
    value = _value(text, words)
    if value is None:
        return None
    whole = value == int(value) and words.decimal not in text
    return _cardinal(int(value) if whole else value, language)


def _value(text: str, words: Lexicon) -> float | None:
    """The number as the language writes it; None if it is written in another way."""
    separators = rf"[{re.escape(words.thousands)}\u00a0\u202f'\u2019]"
    plain = re.sub(separators, "", text).replace(words.decimal, ".")
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d\d?|\d{1,3}(?:,\d{3})+\.\d\d?|\d{1,2}(?:,\d\d)+,\d{3}", text):
        plain = re.sub(r"\D(?=\d{3})|\D(?=\d\d\D)", "", text).replace(",", ".")  # however the language writes it
    elif not re.fullmatch(rf"\d{{1,3}}(?:{separators}\d{{3}})+(?:\D\d+)?|\d+(?:\D\d+)?", text):
        return None
    if re.fullmatch(rf"\d+{separators}\d{{1,2}}", text):  # "10.50" in German: a decimal all the same
        plain = re.sub(r"\D", ".", text)
    try:
        return float(plain)
    except ValueError:
        return None


def _cardinal(value: float, language: str) -> str:
    try:
        return _without_commas(num2words(value, lang=language))
    except (NotImplementedError, OverflowError):
        return str(value)


def _without_commas(text: str) -> str:
    return text.replace(",", "")


def _days(language: str, words: Lexicon) -> Iterator[tuple[re.Pattern[str], Reading]]:
    """ "Mon-Fri" as "Monday to Friday"."""
    if days := _DAYS.get(language):
        name = f"({'|'.join(days)})"
        span = re.compile(rf"\b{name}\.?\s?[–-]\s?{name}\b(?!\w)")
        yield span, lambda m: f"{days[m[1]]} {words.to} {days[m[2]]}"


def _abbreviations(language: str) -> Iterator[tuple[re.Pattern[str], Reading]]:
    table = ABBREVIATIONS.get(language, {})
    if language == "en":
        yield re.compile(r"(?<=\d)\s?min\.(?!\w)"), _expansion(" minutes")
    for name, spoken in {**{name[0].upper() + name[1:]: spoken for name, spoken in table.items()}, **table}.items():
        short, hash_, _ = name.partition(" #")
        before = r"(?<![\w.])" if not short.startswith("str") else r"(?<=\w)"
        after = r"(?=\s?\d)" if hash_ else r"(?!\w)"
        yield re.compile(before + re.escape(short).replace(r"\ ", r"\s?") + after), _expansion(spoken)
    if language == "en":
        yield re.compile(r"\bSt\.(?!\w)"), _saint_or_street


def _saint_or_street(match: re.Match[str]) -> str:
    """A street after a name or a number ("Elm St."), else a saint before a name ("St. Paul")."""
    before, after = match.string[: match.start()].split(), match.string[match.end() : match.end() + 2]
    saint = after.strip()[:1].isupper() and not (before and (before[-1][:1].isupper() or before[-1][:1].isdigit()))
    return _expansion("Saint" if saint else "Street")(match) or ""


def _expansion(spoken: str) -> Reading:
    """At the end of a text its full stop ends the sentence as well."""
    return lambda m: spoken + ("." if m.end() == len(m.string) else " " * m.string[m.end()].isdigit())


# --------------------------------------------------------------------------- groups

_Replacement = tuple[int, int, str]  # from, to, spoken


def _replacements(text: str, rules: Sequence[tuple[re.Pattern[str], Reading]]) -> list[_Replacement]:
    """What is spoken otherwise, in order, without overlap: an earlier rule wins."""
    taken = bytearray(len(text))
    found: list[_Replacement] = []
    for pattern, reading in rules:
        for match in pattern.finditer(text):
            start, end = match.span()
            if start == end or any(taken[start:end]):
                continue
            spoken = reading(match)
            taken[start:end] = b"\1" * (end - start)
            if spoken is not None:
                found.append((start, end, spoken))
    return sorted(found)


def _groups(text: str, plainly: str, replacements: Sequence[_Replacement]) -> Iterator[Spoken]:
    """Pieces of the text; those that a replacement reaches over belong together. `plainly`: the same as it is read."""
    waiting = deque(replacements)
    first = 0
    while first < len(text):
        end = _end_of_piece(text, first)
        out, at = "", first
        while waiting and waiting[0][0] < end:
            start, stop, spoken = waiting.popleft()
            out += plainly[at:start] + spoken
            at = stop
            if stop > end:  # it reaches over a space
                end = _end_of_piece(text, stop - 1)
        spoken = re.sub(r"\s+([.,!?;:])", r"\1", " ".join((out + plainly[at:end]).split()))
        yield Spoken(tuple(text[first:end].split()), spoken if any(c.isalnum() for c in spoken) else "")
        first = end + 1


def _end_of_piece(text: str, at: int) -> int:
    end = text.find(" ", at)
    return len(text) if end < 0 else end
