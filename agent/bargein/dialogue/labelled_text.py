"""Answers whose parts have labels (ReAct: "Thought: ...", "Action: ...", "Action Input: {...}", "Final Answer: ...").

A thought is left out, an action is a tool call, and what follows it is made up. Labels count at the
beginning of a line only. The form: https://arxiv.org/abs/2210.03629, as agent frameworks write it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .tool_text import bare_calls

LABELS = ("thought", "action", "tool", "function", "final answer", "answer")
LABEL = re.compile(rf"[ \t>*_#]{{0,9}}({'|'.join(LABELS)})(?: name)?[ \t]{{0,3}}:[*_]{{0,3}}[ \t]{{0,9}}", re.I)
_BEGINNING = re.compile(r"[ \t>*_#]{0,9}([a-z ]{0,12})[:*_ ]{0,4}", re.I)  # of a label, perhaps
_NAME = re.compile(r"[`\"*_]{0,3}([A-Za-z_][\w.]{0,60}?)(?:\(\)?)?[`\"*_]{0,3}[ \t\r]*(?:\n|\Z)")
_INPUT = re.compile(
    r"\s*[*_]{0,3}(?:(?:action|tool|function) )?(?:input|arguments|args|parameters)[ \t]{0,3}:[*_]{0,3}\s*", re.I
)
LONGEST_INPUT = 24  # characters of "**Function arguments:** "
_END = re.compile(r"\n[ \t*_]{0,9}(?:observation|thought|final answer)[ \t]*:", re.I)  # what follows is made up
_JSON = re.compile(r"\s{0,9}(?:`{1,3}\w{0,9}\s{0,9}){0,2}(?:(?=\{|\[\s{0,9}\{)|\[?\s{0,9}\Z)")


class LabelledText:
    """Text in pieces of any size; it returns what of it is not labelled. `calls`: names and arguments of the actions.

    `known`: whether there is a tool of this name. An action that is none is text.
    """

    def __init__(self, known: Callable[[str], bool]) -> None:
        self.calls: list[tuple[str, str]] = []
        self._known = known
        self._text = ""  # not yet read
        self._begins = True  # the text begins a line
        self._thinks = self._acts = False

    def feed(self, text: str, last: bool = False) -> str:
        """What can be handed on."""
        self._text += text
        out = ""
        while self._text and not self._acts:
            if self._begins:
                label = LABEL.match(self._text)
                if label is None and not last and self._may_be_label():
                    break
                if label is not None and not self._take(label, last):
                    break
            line, newline, self._text = self._text.partition("\n") if not self._acts else ("", "", self._text)
            self._begins = bool(newline) or self._acts
            out += "" if self._thinks else line + newline
        return out + (self._action() if last and self._acts else "")

    def _may_be_label(self) -> bool:
        begun = _BEGINNING.fullmatch(self._text)
        word = begun[1].lower().strip() if begun else "-"
        return any(label.startswith(word) or word in (label, f"{label} name") for label in LABELS)

    def _take(self, label: re.Match[str], last: bool) -> bool:
        """Take the label off the text and note what it says; False: not known before more has come."""
        kind, behind = label[1].lower(), self._text[label.end() :]
        if kind == "thought":
            self._text, self._thinks = behind, True
        elif kind.endswith("answer"):
            if kind == "final answer" or self._thinks:
                self._text, self._thinks = behind, False
        elif (acts := _acts(behind, self._known, last)) is None:
            return False
        elif acts:
            self._text, self._acts, self._thinks = behind, True, False
        elif not behind.partition("\n")[0].strip("` "):
            self._text = behind  # what it said is a call in another form
        return True

    def _action(self) -> str:
        """Read the call at the end of the answer. What of it is text after all."""
        text = _END.split(self._text, maxsplit=1)[0]
        self._text = ""
        name = _NAME.match(text)
        if name is None:
            made = _JSON.match(text)
            self.calls += bare_calls(text[made.end() if made else 0 :], self._known)
            return ""
        rest = text[name.end() :]
        if (given := _INPUT.match(rest)) is not None:
            self.calls.append((name[1], rest[given.end() :].strip() or "{}"))
        elif not rest.strip():
            self.calls.append((name[1], "{}"))
        else:
            return rest
        return ""


def _acts(behind: str, known: Callable[[str], bool], last: bool) -> bool | None:
    """Whether behind "Action:" stands JSON, the name of a tool in a line of its own, or a name with its input in the
    next line; None: not known before more has come."""
    written, name = _JSON.match(behind), _NAME.match(behind)
    rest = behind[name.end() :] if name else ""
    meant = name is not None and (known(name[1]) or _INPUT.match(rest) is not None)
    unsure = (written and written.end() == len(behind)) or (name and not name[0].endswith("\n"))
    if not last and (unsure or (name and not meant and len(rest) < LONGEST_INPUT and "\n" not in rest)):
        return None
    return bool(written) or meant
