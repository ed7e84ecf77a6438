"""Answers whose parts have labels (ReAct: "Thought: ...", "Action: ...", "Action Input: {...}", "Final Answer: ...").

A thought is left out, an action is a tool call, and what follows it is made up, as is a talk that goes on behind it.
Labels count at the beginning of a line only. The form: https://arxiv.org/abs/2210.03629, as agent frameworks write it.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from ..core.language.sentences import QUOTED_ENDS
from .tool_text import bare_calls


class Part(Enum):
    """The part of an answer that is read."""

    ANSWER = "said"
    THOUGHT = "left out, up to the next label"
    ACTION = "read at the end"
    MADE_UP = "left out, to the end"


CALLERS = ("user", "human", "caller", "customer")  # a model that talks on for both
SPEAKERS = ("assistant", "agent", "ai", "bot")
ACTIONS = ("action", "tool", "function", "call", "tool call", "function call")
THOUGHTS = ("thought", "thinking", "reasoning")
LABELS = (*THOUGHTS, "action input", "final answer", "answer", *ACTIONS, *SPEAKERS, *CALLERS)
LABEL = re.compile(
    rf"[ \t>*_#]{{0,9}}({'|'.join(sorted(LABELS, reverse=True)).replace(' ', '[ _]')})(?: name)?"
    r"[*_]{0,3}[ \t]{0,3}:[*_]{0,3}[ \t]{0,9}",
    re.I,
)
_ROLE = re.compile(r"\s*(?:assistant|model)[ \t\r]*\n", re.I)  # of a template, its tokens left out
_BEGINNING = re.compile(r"[ \t>*_#]{0,9}([a-z_ ]{0,13}?)[:*_ ]{0,4}", re.I)  # of a label, perhaps
_ONE_SENTENCE = re.compile(r"\S+ [^.!?]*[.!?]*|\S+[.!?]")  # not a name alone
_NAME = re.compile(
    r"[`\"*_]{0,3}([A-Za-z_][\w.]{0,60}?)(?:\(\)?|\[(?P<given>[^\[\]\n]*)\]?|\((?P<object>\{[^\n]*\})\))?"
    r"[`\"*_]{0,3}[ \t\r]*(?:\n|\Z)"
)
_INPUT = re.compile(
    r"\s*[*_]{0,3}(?:(?:action|tool|function) )?(?:input|arguments|args|parameters)[*_]{0,3}[ \t]{0,3}:[*_]{0,3}\s*",
    re.I,
)
LONGEST_FINAL = 40  # characters of "**Final Answer:** "
LONGEST_INPUT = 24  # characters of "**Function arguments:** "
_END = re.compile(r"\n[ \t*_]{0,9}(?:observation|thought|final answer)[*_ \t]*:", re.I)  # what follows is made up
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
        self._part = Part.ANSWER
        self._last = ""  # the last character that was handed on and is no space

    def feed(self, text: str, last: bool = False) -> str:
        """What can be handed on."""
        self._text += text
        out: list[str] = []
        while self._text and (said := self._read(last)) is not None:
            out.append(said)
        if last and self._part is Part.ACTION:
            out.append(self._action())
        return "".join(out)

    def _read(self, last: bool) -> str | None:
        """Read a line, or the rest of one; what of it is said. None: no more can be read before more has come."""
        if self._begins and self._part in (Part.ANSWER, Part.THOUGHT):
            left_out = self._left_out(last)
            if left_out is None:
                return None
            self._begins = self._text[:left_out].endswith("\n")
            self._text = self._text[left_out:]
            if self._begins:
                return ""
        if self._part is Part.THOUGHT:
            return self._think(last)
        return self._say() if self._part is Part.ANSWER else None

    def _say(self) -> str:
        line, newline, self._text = self._text.partition("\n")
        self._begins = bool(newline)
        self._last = line.rstrip()[-1:] or self._last
        return line + newline

    def _think(self, last: bool) -> str | None:
        """Leave out a line, up to an answer in it."""
        line, newline, rest = self._text.partition("\n")
        if final := _FINAL.search(line):
            self._text, self._part = self._text[final.end() :], Part.ANSWER
        elif newline or last:
            self._text, self._begins = rest, bool(newline)
        else:
            self._text = line[-LONGEST_FINAL:]  # "Final Answer:" may come
            return None
        return ""

    # ------------------------------------------------------------------------- labels

    def _left_out(self, last: bool) -> int | None:
        """How many characters at the beginning of a line are not said: a label, or the line. What they say is noted.

        None: not known before more has come.
        """
        label = LABEL.match(self._text)
        if not self._last and (role := _ROLE.match(self._text)) is not None:
            return role.end()
        if label is None:
            return None if not last and _may_be_label(self._text) else 0
        kind, behind = label[1].lower().replace("_", " "), self._text[label.end() :]
        line = len(self._text.partition("\n")[0]) + 1
        whole = last or "\n" in behind
        if kind == "thought" or (kind in THOUGHTS and not self._last):  # "Reasoning:" behind an answer explains it
            self._part = Part.THOUGHT
        elif kind in ("assistant", "final answer") or (kind == "answer" and self._part is Part.THOUGHT):
            self._part = Part.ANSWER
        elif kind in CALLERS:
            return self._talked_on(kind, behind, line, last)
        elif kind == "action input" or (kind in ACTIONS and _NONE.match(behind)):
            return line if whole else None
        elif kind in ACTIONS:
            acts = _acts(behind, self._known, last)
            if acts:
                self._part = Part.ACTION
            elif acts is None or behind.partition("\n")[0].strip("`*_ "):
                return None if acts is None else 0
        else:
            return 0
        return label.end()

    def _talked_on(self, kind: str, behind: str, line: int, last: bool) -> int | None:
        """The same for the label of a caller. The model talks on for the caller if its own label follows, or if the
        answer ends with one sentence of a user's; else it is a detail: "User: Jones"."""
        said, _, rest = behind.partition("\n")
        if self._part is Part.THOUGHT or (self._last and self._last not in QUOTED_ENDS):
            return 0
        follows = LABEL.match(rest.lstrip())
        if self._last and self._text.lstrip().startswith("#"):
            self._part = Part.MADE_UP
            return 0
        if follows is None and not last and (not rest.strip() or _may_be_label(rest.lstrip())):
            return None
        made_up = follows is not None and follows[1].lower() in SPEAKERS
        if made_up and not self._last:
            return line
        alone = self._last and not rest.strip() and _ONE_SENTENCE.fullmatch(said.strip())
        if made_up or (alone and kind not in ("caller", "customer")):  # these may have a name of two words
            self._part = Part.MADE_UP
        return 0

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
        written = name["object"] or name["given"]
        if written is not None:
            self.calls.append((name[1], written))
        elif (given := _INPUT.match(rest)) is not None:
            self.calls.append((name[1], rest[given.end() :].strip() or "{}"))
        elif not rest.strip():
            self.calls.append((name[1], "{}"))
        else:
            return rest
        return ""


def _may_be_label(text: str) -> bool:
    begun = _BEGINNING.fullmatch(text)
    word = begun[1].lower().replace("_", " ").strip() if begun else "-"
    return any(label.startswith(word) or word in (label, f"{label} name") for label in LABELS)


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
