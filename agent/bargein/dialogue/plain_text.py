"""Markdown as plain sentences that a voice can say: without marks, links' addresses, notes and emoji. Pure."""

from __future__ import annotations

import html
import re

from ..core.language.symbols import without_emoji


class LineEnds:
    """Line ends become the ends of sentences where they part items, headings, rows or paragraphs."""

    def __init__(self) -> None:
        self._head = ""  # the beginning of a line, until it is clear what kind of line it is
        self._begun = False
        self._item = False  # the line is an item, a heading or a row
        self._stop = False  # the line before it ended something
        self._last = ""  # the last character that was handed on

    def feed(self, text: str, last: bool = False) -> str:
        """What can be handed on."""
        out: list[str] = []
        for number, part in enumerate(text.replace("\r", "").split("\n")):
            if number:
                out += [self._begin(), " "]
                self._stop = self._stop or self._item or not self._begun
                self._begun = self._item = False
            if not self._begun:
                self._head += part
                waits = len(self._head) < LONGEST_MARK or (
                    len(self._head) < LONGEST_ROW and _WHOLE_LINE.match(self._head)
                )
                part = "" if waits else self._begin()
            self._last = part.rstrip()[-1:] or self._last
            out.append(part)
        return "".join([*out, self._begin() if last else ""])

    def _begin(self) -> str:
        """The beginning of the line, without the mark of its kind."""
        line, self._head = self._head.lstrip(), ""
        mark = _MARK.match(line)
        line = _unmarked(line)
        if not line.strip():
            return ""
        lead = " " if self._last else ""
        if (self._stop or mark) and self._last and self._last not in ".!?:;,…":
            lead = ". "
        self._begun, self._item, self._stop = True, mark is not None, False
        self._last = line.rstrip()[-1]
        return lead + line


LONGEST_MARK = 8  # characters
LONGEST_ROW = 2_000
# Rows, fences, rules and definitions of links are known at their end.
_WHOLE_LINE = re.compile(r"\s*+(?:\||```|~~~|[-*_=\s]*$|\[[^\[\]]{0,40}(?:\]:|\]?$))")
_MARK = re.compile(r"\s*(?:[-*+•·‣–—▪●]\s+|\*\*(?=[^\s*])|\d{1,3}[.)]\s+|\[\d\]:?\s+|#{1,6}\s+|\|)")
_RULE = re.compile(
    r"\s*(?:[-*_=]\s*){3,}$|\s*\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*$|\s*(?:```|~~~).*$"
    r"|\s*\[\^[^\[\]]+\]:.*$|\s*\[[^\[\]]+\]:\s*(?:<|\w+:|\S*[/#]|\S+\.\w).*$"
)


def _unmarked(line: str) -> str:
    """A line without the marks at its beginning; "" for a rule, a fence or the line under a table's head."""
    if _RULE.match(line):
        return ""
    line = re.sub(r"^\s*(?:>\s*)+", "", line)
    if line.lstrip().startswith("|"):
        return ", ".join(cell.strip() for cell in line.strip().strip("|").split("|") if cell.strip())
    line = re.sub(r"^\s*(?:[-*+•·‣–—▪●]\s+(?:\[[ xX]\]\s*)?|#{1,6}\s+)", "", line)
    return re.sub(r"^\s*(?:(\d{1,3})[.)]|\[(\d)\]:?)\s+(?=\S)", r"\1\2: ", line)


_NOTE = (
    re.compile(  # 【4:0†source】, and of OpenAI's search: (U+E200)cite(U+E201), ([shop.example](https://shop.example))
        r"\[[^\[\]]*\]|【[^】]*】|\ue200[^\ue201]*\ue201"
    )
)
_SOURCES = re.compile(r"\s?\((?:\[[^\[\]\s]+\.\w+\]\(http[^()\s]*\)[,; ]{0,2})+\)")
_KEY = re.compile(r"\[([\w*#]{1,6})\]|(?<![\w.:*])(\d{1,2}|[*#])(?![\w*]|[.:]\w)")
LONGEST_PRESS = 40  # characters of "press the number "
_PRESSING = (
    r"\b(?:press|dial|push|hit|type|enter|key|option|choose|drücken?|wählen?|tasten?|tippen?|puls[ae]|marque|presione|oprima|tecla|"
    r"appuyez|tapez|composez|touche|prem[aei]|digit[aei]|tasto|druk|toets|kies|pressione|digite)\b"
)
_PRESSED = re.compile(_PRESSING, re.I)
# What stands in brackets directly behind it is a key, and so is the next one behind "or".
_PRESS = re.compile(
    rf"(?:{_PRESSING}|\bnumber)(?:[\s:*`\"']|\b(?:the|on|key|number|option|please|sie|bitte|die|auf|taste|el|la|en|usted|tecla|le|sur|"
    r"vous|touche|il|tasto|de|op|u|toets|você|a|o)\b)*\Z",
    re.I,
)
_NEXT_KEY = re.compile(r"(?:[,;]|\b(?:or|and|oder|und|o|y|ou|et|e|of|en))[\s*`\"']*\Z", re.I)
_WIKI = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]]+)\]\]")
_LINK = re.compile(  # the label may hold an image, or brackets; a blank before the address is a slip
    r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\](?:\(|\s\((?=\w+:))\s*(?:(?=\w+:)(?:[^()]|\([^()]*\))*\)|"
    r"(?:<[^<>]*>|(?:[^()\s]|\([^()\s]*\))*)(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*(?:\)|\Z))(?:\{:?[^{}]*\})?"
)
_LABEL = re.compile(r"(?<=\w )\[([^\W\d_A-Z]+(?: [^\W\d_]+)+)\]")  # whose address stands elsewhere: on [our site]
_REFERENCE = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
_EMPHASIS = re.compile(r"(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)")
_SMILEY = re.compile(r"(?:(?<=\s)|^)(?:[:;=8][-o^']?[)\](DPp/\\|*]|<3|\^_\^|¯\\_\(ツ\)_/¯)(?=\s|[.!?,]|$)")


def _label(link: re.Match[str]) -> str:
    """The words of a link; a figure alone is the mark of a source."""
    label = link[1].strip("[]^ ")
    return f"[{label}]" if label.isdecimal() else link[1]


def _is_key(mark: re.Match[str]) -> bool:
    """Whether * or # stands for itself: alone or in front of figures, and not around a word."""
    before, behind = mark.string[: mark.start()][-1:], mark.string[mark.end() :].lstrip("0123456789")[:1]
    return mark[0] in ("*", "#") and not (before.isalnum() or behind.isalnum() or behind == "*")


def _with_keys(text: str) -> str:
    """The keys in brackets without them: "Press [1], or [2]". Other figures in brackets are sources."""
    out, end, pressed = "", 0, False
    for key in _KEY.finditer(text):
        before = text[max(end, key.start() - LONGEST_PRESS) : key.start()]
        name = key[1] or key[2]
        is_key = _PRESS.search(before) is not None or (pressed and _NEXT_KEY.search(before) is not None)
        pressed = pressed or is_key
        out += text[end : key.start()] + (name if is_key else key[0])
        end = key.end()
    return out + text[end:]


def plain(text: str) -> str:
    """A sentence without markdown, links' addresses, notes and emoji; "" if no word is left."""
    text = html.unescape(text)
    text = re.sub(r"\\([\[\]])", r"\1", text)
    text = _SOURCES.sub("", text)
    text = _LINK.sub(_label, _LINK.sub(_label, text))  # twice: an image inside
    text = _WIKI.sub(_label, text)
    text = _REFERENCE.sub(_label, text)
    text = _LABEL.sub(r"\1", text)
    keys = _PRESSED.search(text)
    text = _with_keys(text) if keys else text
    text = _NOTE.sub(" ", text)
    text = _SMILEY.sub(" ", text)
    text = _EMPHASIS.sub(r"\2", text)
    text = re.sub(r"\\(?:text|mathrm|mathbf)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([\\`*_{}\[\]()#+.!|~>$&%-])", r"\1", text)
    text = re.sub(r"(?<=\w)\*(?=\w)", " ", text)
    text = re.sub(r"[*`~|]+|#+(?!\d)", lambda mark: mark[0] if keys and _is_key(mark) else "", text)
    text = without_emoji(re.sub(r"[\0-\x08\x0e-\x1f\x7f]", "", text))
    text = " ".join(text.split())
    text = re.sub(r"\s+([.,!?;:])(?=\s|$)", r"\1", text)
    return text if any(c.isalnum() for c in text) else ""
