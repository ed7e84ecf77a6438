"""Tool calls as models write them: arguments that are nearly JSON, and whole calls in the text of an answer. Pure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

ARGUMENTS = ("arguments", "parameters", "input")  # the member of a call, by vendor
_FENCE = re.compile(r"\A```\w*\s*|\s*```\Z")
_CALL = re.compile(r"<function=([\w.-]+)>\s*(.*)", re.DOTALL)  # Llama 3.1, Qwen3-Coder
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>\s*(.*?)\s*(?=</parameter>|<parameter=|\Z)", re.DOTALL)
_MARKER = re.compile(r"\[TOOL_CALLS\]", re.I)  # before each of Mistral's parallel calls
_NAMED = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(?:\[ARGS\]\s*)?(\{.*)", re.DOTALL)  # Mistral: transfer{"queue": "sales"}


def read_arguments(text: str) -> dict[str, Any] | None:
    """The arguments of a tool call; None if they are not an object.

    Accepts what models write: nothing for no arguments, an object encoded twice, alone in a list or in a fence, with
    text after it, with a comma too many, or as Python writes it.
    """
    text = _FENCE.sub("", text.strip())
    if text in ("", "null", "None", '""'):
        return {}
    value = _value(text)
    if isinstance(value, str):
        value = _value(value.strip() or "{}")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else None


def _value(text: str) -> Any:
    for attempt in (text, re.sub(r",(\s*[}\]])", r"\1", text)):
        try:
            return json.JSONDecoder().raw_decode(attempt)[0]
        except (ValueError, RecursionError):
            continue
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


class Brackets:
    """Finds the end of JSON that comes in pieces, the first of which begins with a bracket."""

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = self._escaped = False

    def end(self, piece: str) -> int:
        """The place in this piece behind the bracket that closes the first one; -1 if it is still open."""
        for at, char in enumerate(piece):
            if self._quoted:
                self._quoted = self._escaped or char != '"'
                self._escaped = char == "\\" and not self._escaped
            elif char == '"':
                self._quoted = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return at + 1
        return -1


def calls_in(text: str) -> tuple[list[tuple[str, str]], str]:
    """Names and arguments (JSON text) of the tool calls that are written in a text, and the words beside them."""
    if (tagged := _CALL.search(text)) is not None:
        given = dict(_PARAMETER.findall(tagged[2])) or read_arguments(tagged[2].split("</function>")[0])
        return [(tagged[1], json.dumps(given or {}, ensure_ascii=False))], ""
    found: list[tuple[str, str]] = []
    words: list[str] = []
    for part in _MARKER.split(text):
        part = _FENCE.sub("", part.strip())
        named = _NAMED.match(part)
        if named is None and part[:1] not in ("{", "["):
            words.append(part)
            continue
        written = named[2] if named else part
        end = Brackets().end(written)
        if end >= 0:
            words.append(written[end:].strip("`\n "))
            written = written[:end]
        if named:
            found.append((named[1], written))
        else:
            found += [call for call in map(_call, _items(written)) if call is not None]
    return found, " ".join(words).strip()


def bare_calls(text: str, known: Callable[[str], bool]) -> list[tuple[str, str]]:
    """The calls that a piece of JSON is, without a tag: of tools that are `known`, with a member for their arguments.

    Empty if anything in it is not such a call: then it may be part of what the model says.
    """
    found = []
    for one in _items(text):
        call = _call(one)
        if call is None or not known(call[0]):
            return []
        if not isinstance(one.get("function"), Mapping) and not any(key in one for key in ARGUMENTS):
            return []
        found.append(call)
    return found


def _items(text: str) -> list[Any]:
    made = _value(text)
    return made if isinstance(made, list) else [made]


def _call(made: Any) -> tuple[str, str] | None:
    if not isinstance(made, Mapping):
        return None
    inner = made.get("function")
    made = inner if isinstance(inner, Mapping) else made
    name = made.get("name", inner if isinstance(inner, str) else None)
    if not isinstance(name, str):
        return None
    given = given_to(made)
    return name, given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)


def given_to(call: Mapping[str, Any]) -> Any:
    """The arguments of a call, under any of the names that vendors use."""
    return next((call[key] for key in ARGUMENTS if key in call), None)
