"""Tool calls as models write them: arguments that are nearly JSON, and whole calls in the text of an answer. Pure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ARGUMENTS = ("arguments", "parameters", "input", "args", "action_input", "params")  # the member of a call, by vendor
WRAPPERS = (  # Google: {"candidates": [{"content": {"parts": [{"functionCall": {...}}]}}]}
    "toolcalls", "toolcall", "functioncalls", "functioncall", "candidates", "content", "parts",
)  # fmt: skip
NAMES = ("name", "toolname", "functionname", "tool", "action", "method", "recipientname")
ANSWERS = ("response", "answer", "message", "text", "content", "reply", "say", "speech", "output")
PAIRS = {"{": "}", "[": "]", "(": ")"}
ENDS_OF_VALUES = ('"', "}", "]")  # of those that are surely whole; a number may have lost digits
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
_INNER_TAG = re.compile(r"</?(?:name|tool|arguments|parameters|input)>")
_NAMED = re.compile(
    r"\s*([A-Za-z_][\w.-]*)\s*(?:\[CALL_ID\]\w*)?(?:\[ARGS\]\s*)?(\{.*)", re.DOTALL
)  # Mistral: transfer{"queue": "sales"}


def read_arguments(text: str, names: Sequence[str] = ()) -> dict[str, Any] | None:
    """The arguments of a tool call; None if they are not an object. `names`: those of values without a name.

    Accepts what models write: nothing for no arguments, an object encoded twice, alone in a list or in a fence, with
    text after it, with a comma too many, with bare keys, without its last bracket, or as Python writes it (`{'a': 1}`,
    `a=1`).
    """
    text = _FENCE.sub("", text.strip())
    if text in ("", "null", "None", '""', "[]"):
        return {}
    value = _value(text)
    if value is None and len(names) == 1 and re.fullmatch(r"[\w .,+-]{1,80}", text):
        value = text
    if isinstance(value, str):
        value = _value(value.strip() or "{}") or [value]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        value = value[0]
    if isinstance(value, list) and len(value) <= len(names):
        value = dict(zip(names, value, strict=False))
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else None


def _value(text: str) -> Any:
    closed = re.sub(r",(\s*[}\]])", r"\1", text)
    if closed[-1:] in ENDS_OF_VALUES and (brackets := Brackets()).end(closed) < 0:
        closed += brackets.missing  # a server lost the last ones
    for attempt in (text, closed, _BARE_KEY.sub(r'\1"\2":', closed)):
        try:
            return json.JSONDecoder(strict=False).raw_decode(attempt)[0]
        except (ValueError, RecursionError):
            continue
    try:
        if _KEYWORD.match(text):
            return _keywords(ast.parse(f"f({text})", mode="eval").body)
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _keywords(call: ast.expr) -> dict[str, Any] | list[Any]:
    """The arguments of `name(a=1, b=2)` or `name(1, 2)`. Raises ValueError if it is anything else."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
        raise ValueError("no call")
    if any(word.arg is None for word in call.keywords) or (call.args and call.keywords):
        raise ValueError("**arguments")
    if call.args:
        given = [ast.literal_eval(value) for value in call.args]
        return given[0] if len(given) == 1 and isinstance(given[0], dict) else given
    return {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}


class Brackets:
    """Finds the end of JSON, or with both `quotes` of Python, that comes in pieces; the first one has a bracket."""

    def __init__(self, quotes: str = '"') -> None:
        self._quotes = quotes
        self.missing = ""  # the brackets that close those that are open
        self._quote, self._escaped = "", False

    def end(self, piece: str) -> int:
        """The place in this piece behind the bracket that closes the first one; -1 if it is still open."""
        for at, char in enumerate(piece):
            if self._quote:
                self._quote = self._quote if self._escaped or char != self._quote else ""
                self._escaped = char == "\\" and not self._escaped
            elif char in self._quotes:
                self._quote = char
            elif char in PAIRS:
                self.missing = PAIRS[char] + self.missing
            elif char in "}])":
                self.missing = self.missing[1:]
                if not self.missing:
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
        named = _NAMED.match(_INNER_TAG.sub(" ", part))
        if named is None and (python := python_calls(part, lambda name: True)):
            found += python
            continue
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
    text = text.replace('<|"|>', '"')  # Gemma 4
    plain = _SPECIAL.sub(lambda token: "\n" if "begin" in token[0] else " ", text)
    if plain == text and "to=" not in text and "call:" not in text:
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

    Empty if any is of no known tool, or has an argument that is no value, as in "order(s)": the model says it.
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
    if rest == ".":
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
    """The calls that a piece of JSON is, without a tag: of tools that are `known`, or with an object of arguments.

    Empty if anything in it is not such a call: then it may be part of what the model says.
    """
    found = []
    for one in _items(text):
        call = _call(one)
        if call is not None and known(call[0]):
            call = call if _has_arguments(one) else (call[0], _written(_beside_name(one)))
        elif isinstance(one, Mapping) and len(one) == 1 and known(name := next(iter(one))) and _is_object(one[name]):
            call = name, _written(one[name])  # {"go": {"to": "sales"}}
        elif call is None or not _is_object(given_to(one)):
            return []
        found.append(call)
    return found


def answer_in(text: str) -> str:
    """What JSON that is no call says: the text of its answer, or all of it. Some models answer in JSON."""
    made = _value(text)
    found = [made[key] for key in ANSWERS if isinstance(made.get(key), str)] if isinstance(made, Mapping) else []
    return found[0] if found else text


def letters(name: str) -> str:
    """A name as it is compared: models write transferToQueue for transfer_to_queue."""
    return "".join(char for char in name.lower() if char.isalnum())


def _items(text: str) -> list[Any]:
    return _unwrapped(_value(text))


def _unwrapped(made: Any) -> list[Any]:
    """The calls in lists, and in the members that vendors wrap them in."""
    if isinstance(made, list):
        return [call for item in made for call in _unwrapped(item)]
    members = made.items() if isinstance(made, Mapping) else ()
    wrapped = [item for key, item in members if letters(str(key)) in WRAPPERS and isinstance(item, Mapping | list)]
    return [call for item in wrapped for call in _unwrapped(item)] or [made]


def _call(made: Any) -> tuple[str, str] | None:
    if not isinstance(made, Mapping):
        return None
    inner = made.get("function")
    made = inner if isinstance(inner, Mapping) else made
    names = {letters(str(key)): value for key, value in made.items() if isinstance(value, str)}
    name = next((names[key] for key in NAMES if key in names), inner)
    if not isinstance(name, str):
        return None
    given = given_to(made)
    return name, given if isinstance(given, str) else _written(given)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _beside_name(made: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of {"name": "go", "to": "sales"}."""
    return {key: value for key, value in made.items() if letters(key) not in (*NAMES, "type", "id")}


def _has_arguments(made: Mapping[str, Any]) -> bool:
    return isinstance(made.get("function"), Mapping) or any(key in made for key in ARGUMENTS)


def given_to(call: Mapping[str, Any]) -> Any:
    """The arguments of a call, under any of the names that vendors use."""
    return next((call[key] for key in ARGUMENTS if key in call), None)
