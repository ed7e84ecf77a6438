"""Tool calls as models write them: arguments that are nearly JSON, and whole calls in the text of an answer. Pure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

ARGUMENTS = ("arguments", "parameters", "input", "args", "action_input")  # the member of a call, by vendor
WRAPPERS = (  # Google: {"candidates": [{"content": {"parts": [{"functionCall": {...}}]}}]}
    "tool_calls", "tool_call", "functionCall", "function_call", "toolCall", "candidates", "content", "parts",
)  # fmt: skip
NAMES = ("name", "tool_name", "tool", "action", "recipient_name")
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_]\w*)\s*:")
_KEYWORD = re.compile(r"[A-Za-z_]\w*\s*=(?!=)")
_FENCE = re.compile(r"\A```\w*\s*|\s*```\Z")
_CALL = re.compile(r"<function=([\w.-]+)>\s*(.*)", re.DOTALL)  # Llama 3.1, Qwen3-Coder
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>\s*(.*?)\s*(?=</parameter>|<parameter=|\Z)", re.DOTALL)
_CHILD = re.compile(r"<([A-Za-z_]\w{0,60})>\s*(.*?)\s*</\1>", re.DOTALL)  # Cline
_INVOKE = re.compile(  # Anthropic, MiniMax
    r"<invoke\s+name=[\"']?([\w.-]+)[\"']?\s*>(.*?)(?=</invoke>|<invoke\s|\Z)", re.DOTALL
)
_INVOKED = re.compile(
    r"<parameter\s+name=[\"']?([\w.-]+)[\"']?[^<>]*>\s*(.*?)\s*(?=</parameter>|<parameter\s|\Z)", re.DOTALL
)
_KEYED = re.compile(r"([A-Za-z_][\w.-]{0,60})\s{0,9}(<(?:\w{1,20}_)?arg_key>.*)", re.DOTALL)  # GLM, LongCat
_KEY = re.compile(
    r"arg_key>([^<]*)</(?:\w{1,20}_)?arg_key>\s*<(?:\w{1,20}_)?arg_value>(.*?)</(?:\w{1,20}_)?arg_value>", re.DOTALL
)
# gpt-oss: to=functions.go ... {; Kimi: functions.go:0 ... {; DeepSeek: function ... go {; Gemma: call:go{
_ADDRESSED = re.compile(
    r"(?:\bto=\s{0,9}(?:functions\.)?|\bfunctions\.|\bfunction\s{1,9}|\bcall:|\A\s{0,9}|\n[ \t]{0,9})"
    r"([A-Za-z_][\w.-]{0,60})(?::\d{1,9})?(?:\s|```|\b(?:json|code|commentary)\b){0,20}(?=\{)"
)
_SPECIAL = re.compile(r"<[|\uff5c][^<>]{1,60}[|\uff5c]>")  # <|message|>, <｜tool▁sep｜>
_ESCAPED = re.compile(r"\b(\w+)\s{0,9}:\s{0,9}<escape>(.*?)<escape>", re.DOTALL)  # Gemma
_ATTRIBUTE = re.compile(r"""([A-Za-z_]\w{0,60})=(?:"([^"<>]*)"|'([^'<>]*)')""")
_NAME = re.compile(r"[A-Za-z_][\w.]{0,60}")
_NAME_BEFORE_CALL = re.compile(r"(?:print\()?[A-Za-z_][\w.]{0,60}\(")
_MARKER = re.compile(r"\[TOOL_CALLS\]", re.I)  # before each of Mistral's parallel calls
_NAMED = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(?:\[ARGS\]\s*)?(\{.*)", re.DOTALL)  # Mistral: transfer{"queue": "sales"}


def read_arguments(text: str) -> dict[str, Any] | None:
    """The arguments of a tool call; None if they are not an object.

    Accepts what models write: nothing for no arguments, an object encoded twice, alone in a list or in a fence, with
    text after it, with a comma too many, with bare keys, or as Python writes it (`{'a': 1}`, `a=1`).
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
    closed = re.sub(r",(\s*[}\]])", r"\1", text)
    for attempt in (text, closed, _BARE_KEY.sub(r'\1"\2":', closed)):
        try:
            return json.JSONDecoder().raw_decode(attempt)[0]
        except (ValueError, RecursionError):
            continue
    try:
        if _KEYWORD.match(text):
            return _keywords(ast.parse(f"f({text})", mode="eval").body)
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _keywords(call: ast.expr) -> dict[str, Any]:
    """The arguments of `name(a=1, b=2)`. Raises ValueError if it is anything else."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute) or call.args:
        raise ValueError("no call with names for all arguments")
    if any(word.arg is None for word in call.keywords):
        raise ValueError("**arguments")
    return {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}


class Brackets:
    """Finds the end of JSON, or with both `quotes` of Python, that comes in pieces; the first one has a bracket."""

    def __init__(self, quotes: str = '"') -> None:
        self._quotes = quotes
        self._depth = 0
        self._quote, self._escaped = "", False

    def end(self, piece: str) -> int:
        """The place in this piece behind the bracket that closes the first one; -1 if it is still open."""
        for at, char in enumerate(piece):
            if self._quote:
                self._quote = self._quote if self._escaped or char != self._quote else ""
                self._escaped = char == "\\" and not self._escaped
            elif char in self._quotes:
                self._quote = char
            elif char in "{[(":
                self._depth += 1
            elif char in "}])":
                self._depth -= 1
                if self._depth <= 0:
                    return at + 1
        return -1


def calls_in(text: str) -> tuple[list[tuple[str, str]], str]:
    """Names and arguments (JSON text) of the tool calls that are written in a text, and the words beside them."""
    if tagged := _tagged(text):
        return tagged, ""
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


def _tagged(text: str) -> list[tuple[str, str]]:
    """Calls whose names or arguments are told by tags or special tokens."""
    if (tagged := _CALL.search(text)) is not None:
        body = tagged[2].split("</function>")[0]
        given = (
            dict(_PARAMETER.findall(tagged[2]))
            or read_arguments(body)
            or dict(_INVOKED.findall(body) or _CHILD.findall(body))
        )
        return [(tagged[1], _written(given))] if given or not body.strip("{} \t\r\n") else []
    if invoked := _INVOKE.findall(text):
        return [(name, _written(dict(_INVOKED.findall(body)))) for name, body in invoked]
    if (keyed := _KEYED.search(text)) is not None:
        return [(keyed[1], _written({key.strip(): value.strip() for key, value in _KEY.findall(keyed[2])}))]
    if (escaped := dict(_ESCAPED.findall(text))) and (call := re.search(r"call:([\w.-]+)", text)):
        return [(call[1], _written(escaped))]
    plain = _SPECIAL.sub(lambda token: "\n" if "begin" in token[0] else " ", text)
    if plain == text and "to=" not in text:
        return []
    found = []
    for addressed in _ADDRESSED.finditer(plain):
        written = plain[addressed.end() :]
        found.append((addressed[1], written[: Brackets().end(written)]))
    return found


def from_attributes(text: str) -> str:
    """The arguments in the attributes of a tag, as JSON: ` to="sales"`."""
    return _written({name: double or single for name, double, single in _ATTRIBUTE.findall(text)})


def _written(given: Any) -> str:
    return json.dumps(given or {}, ensure_ascii=False, default=str)


def python_calls(text: str, known: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Calls as Python writes them: `[go(to="sales")]`, `print(go(to='sales'))`.

    Empty if any is of no known tool, or has an argument without a name, as in "order(s)": the model says it.
    """
    found = []
    try:
        made: ast.expr = ast.parse(text.strip(), mode="eval").body
        for one in made.elts if isinstance(made, ast.List | ast.Tuple) else [made]:
            call = one
            while isinstance(call, ast.Call) and ast.unparse(call.func) == "print" and len(call.args) == 1:
                call = call.args[0]
            given = json.dumps(_keywords(call), ensure_ascii=False, default=str)
            if not isinstance(call, ast.Call) or not known(name := ast.unparse(call.func)):
                return []
            found.append((name, given))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return []
    return found


def ends_call(call: str, behind: str, last: bool) -> bool | None:
    """Whether a call in Python or JSON is one, by what stands `behind` it: "hangup() ends a call" calls nothing.

    A sentence does not go on behind a call, nor in its next line. Behind one without arguments stands nothing but
    another call. None: not known before more has come. `last`: no more will come.
    """
    line, newline, follows = behind.partition("\n")
    rest = line.strip("`*;, \t\r")
    if not rest:
        follows = follows.lstrip("-*>` \t\r\n")
        return True if last and not follows else _is_new(follows, last)
    if rest == "." and call.rstrip(")] \t\r\n")[-1:] != "(":
        return True if newline or last else None
    if call.rstrip(")] \t\r\n").endswith("("):
        return None if not (newline or last) and _NAME.fullmatch(rest) else _NAME_BEFORE_CALL.match(rest) is not None
    return _is_new(rest, last or bool(newline))


def _is_new(text: str, last: bool) -> bool | None:
    """Whether a text goes on with no sentence: it is another call, or begins like a sentence."""
    if _NAME_BEFORE_CALL.match(text):
        return True
    if not last and (not text or _NAME.fullmatch(text)):
        return None
    return not (text[:1].islower() or text[:1] in ",;:?!)-")


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
    return _unwrapped(_value(text))


def _unwrapped(made: Any) -> list[Any]:
    """The calls in lists, and in the members that vendors wrap them in."""
    if isinstance(made, list):
        return [call for item in made for call in _unwrapped(item)]
    wrapped = (
        [made[key] for key in WRAPPERS if isinstance(made.get(key), Mapping | list)]
        if isinstance(made, Mapping)
        else []
    )
    return [call for item in wrapped for call in _unwrapped(item)] or [made]


def _call(made: Any) -> tuple[str, str] | None:
    if not isinstance(made, Mapping):
        return None
    inner = made.get("function")
    made = inner if isinstance(inner, Mapping) else made
    name = next((made[key] for key in NAMES if isinstance(made.get(key), str)), inner)
    if not isinstance(name, str):
        return None
    given = given_to(made)
    return name, given if isinstance(given, str) else _written(given)


def given_to(call: Mapping[str, Any]) -> Any:
    """The arguments of a call, under any of the names that vendors use."""
    return next((call[key] for key in ARGUMENTS if key in call), None)
