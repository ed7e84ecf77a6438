"""Tool calls as models write them: arguments that are nearly JSON, and whole calls in the text of an answer. Pure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

_FENCE = re.compile(r"\A```\w*\s*|\s*```\Z")
_CALL = re.compile(r"<function=([\w.-]+)>\s*(.*)", re.DOTALL)  # Llama 3.1, Qwen3-Coder
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>\s*(.*?)\s*(?=</parameter>|<parameter=|\Z)", re.DOTALL)
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


def calls_in(text: str) -> list[tuple[str, str]]:
    """Names and arguments (JSON text) of the tool calls that are written in a text."""
    if (tagged := _CALL.search(text)) is not None:
        given = dict(_PARAMETER.findall(tagged[2])) or read_arguments(tagged[2].split("</function>")[0])
        return [(tagged[1], json.dumps(given or {}, ensure_ascii=False))]
    if (named := _NAMED.match(text)) is not None:
        return [(named[1], named[2])]
    made = _value(_FENCE.sub("", text.strip()))
    calls = [_call(one) for one in (made if isinstance(made, list) else [made])]
    return [call for call in calls if call is not None]


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
    return next((call[key] for key in ("arguments", "parameters", "input") if key in call), None)
