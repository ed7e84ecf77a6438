"""Answers whose parts have labels (ReAct: "Thought: ...", "Action: ...", "Action Input: {...}", "Final Answer: ...").

A thought is left out, an action is a tool call, and what follows it is made up, as is "User: ..." behind the answer.
Labels count at the beginning of a line only. The form: https://arxiv.org/abs/2210.03629, as agent frameworks write it.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .tool_text import bare_calls

CALLERS = ("user", "human", "caller")  # a model that talks on for both
LABELS = ("thought", "action", "action input", "tool", "function", "final answer", "answer", "assistant", *CALLERS)
LABEL = re.compile(
    rf"[ \t>*_#]{{0,9}}({'|'.join(sorted(LABELS, reverse=True))})(?: name)?[ \t]{{0,3}}:[*_]{{0,3}}[ \t]{{0,9}}", re.I
)
_BEGINNING = re.compile(r"[ \t>*_#]{0,9}([a-z ]{0,12})[:*_ ]{0,4}", re.I)  # of a label, perhaps
_NAME = re.compile(
    r"[`\"*_]{0,3}([A-Za-z_][\w.]{0,60}?)(?:\(\)?|\[(?P<given>[^\[\]\n]*)\]?)?[`\"*_]{0,3}[ \t\r]*(?:\n|\Z)"
)
_INPUT = re.compile(
    r"\s*[*_]{0,3}(?:(?:action|tool|function) )?(?:input|arguments|args|parameters)[ \t]{0,3}:[*_]{0,3}\s*", re.I
)
LONGEST_FINAL = 40  # characters of "**Final Answer:** "
SENTENCE_ENDS = (".", "!", "?", "…", '"')
LONGEST_INPUT = 24  # characters of "**Function arguments:** "
_END = re.compile(r"\n[ \t*_]{0,9}(?:observation|thought|final answer)[ \t]*:", re.I)  # what follows is made up
_FINAL = re.compile(r"\bfinal answer[*_ ]{0,3}:[*_ ]{0,3}", re.I)
_NONE = re.compile(r"[`\"*_]{0,3}(?:none|null|nothing|n/a|no (?:action|tool))\b[^\n]{0,30}(?:\n|\Z)", re.I)
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
        self._thinks = self._acts = self._over = False
        self._last = ""  # the last character that was handed on and is no space

    def feed(self, text: str, last: bool = False) -> str:
        """What can be handed on."""
        self._text += text
        out = ""
        while self._text and not (self._acts or self._over):
            if self._begins:
                label = LABEL.match(self._text)
                if label is None and not last and self._may_be_label():
                    break
                if label is not None:
                    taken = self._take(label, last)
                    if taken is None:
                        break
                    if not taken:
                        continue
                    self._begins = False
            if self._acts or self._over:
                break
            line, newline, rest = self._text.partition("\n")
            if self._thinks:
                final = _FINAL.search(line)
                if not (final or newline or last):
                    self._text = line[-LONGEST_FINAL:]  # "Final Answer:" may come
                    break
                self._thinks = final is None
                line, newline = (line[final.end() :], newline) if final else ("", "")
            self._begins, self._text = "\n" in self._text, rest
            self._last = line.rstrip()[-1:] or self._last
            out += line + newline
        return out + (self._action() if last and self._acts else "")

    def _may_be_label(self) -> bool:
        begun = _BEGINNING.fullmatch(self._text)
        word = begun[1].lower().strip() if begun else "-"
        return any(label.startswith(word) or word in (label, f"{label} name") for label in LABELS)

    def _take(self, label: re.Match[str], last: bool) -> bool | None:
        """Take the label off the text and note what it says; False: with its line. None: not known yet."""
        kind, behind = label[1].lower(), self._text[label.end() :]
        if kind == "thought":
            self._text, self._thinks = behind, True
        elif kind in CALLERS:
            if not self._last or self._last in SENTENCE_ENDS:  # not "Your login: User: jones"
                self._text, self._thinks, self._over = behind, True, bool(self._last)
        elif kind == "assistant":
            self._text, self._thinks = behind, False
        elif kind.endswith("answer"):
            if kind == "final answer" or self._thinks:
                self._text, self._thinks = behind, False
        elif kind == "action input" or _NONE.match(behind):  # of no action
            if "\n" not in behind and not last:
                return None
            self._text = behind.partition("\n")[2]
            return False
        elif (acts := _acts(behind, self._known, last)) is None:
            return None
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
        if name["given"] is not None:
            self.calls.append((name[1], name["given"]))
        elif (given := _INPUT.match(rest)) is not None:
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
