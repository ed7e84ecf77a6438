"""Templates ("One {mug} for {mug.price}.") and conditions (mug == "red" and open), evaluated without eval."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from decimal import Decimal

Lookup = Callable[[str], str]  # "mug.price" -> "ten dollars"; "" if unknown

QUEUE = "queue."  # names of what Asterisk says of the queue: not known means that nothing is said about it

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_DIGITS = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


class ExpressionError(ValueError):
    """A template or condition is malformed; the message says how."""


def fields(template: str) -> list[str]:
    """The names that a template uses. Raises ExpressionError if it is malformed."""
    found = []
    for match in _FIELD.finditer(template):
        if match[0] in ("{{", "}}"):
            continue
        if match[1] is None:
            raise ExpressionError(f"a single {match[0]!r}; write {match[0] * 2!r} for the character itself")
        path = match[1].partition("|")[0].strip()
        if not _PATH.fullmatch(path):
            raise ExpressionError(f"{match[0]} is no name; write {{slot}}, {{slot.field}} or {{name|else}}")
        found.append(path)
    return found


def needed(template: str) -> list[str]:
    """The names for which a template has no `else`."""
    return [m[1].strip() for m in _FIELD.finditer(template) if m[1] is not None and "|" not in m[1]]


def render(template: str, lookup: Lookup) -> str:
    """The template with its fields filled in; `{name|else}` is `else` where name is empty."""

    def fill(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        path, _, default = (match[1] or "").partition("|")
        return lookup(path.strip()) or default.strip()

    return _FIELD.sub(fill, template)


class Condition:
    """A parsed condition: names, text, numbers, ==, !=, <, <=, >, >=, in, and, or, not. Raises ExpressionError."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self.compared: list[tuple[str, str]] = []  # a name and a text that it is compared with by ==, != or in
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ExpressionError(f"cannot read the condition {text!r}") from None
        self._check(self._tree)

    def holds(self, lookup: Lookup) -> bool:
        """Whether the condition is true with these values. One about a queue of which nothing is known is not."""
        known = all(lookup(name) for name in self.names if name.startswith(QUEUE))
        return known and bool(_value(self._tree, lookup))

    def _check(self, node: ast.expr) -> None:
        match node:
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._check(part)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._check(operand)
            case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in _COMPARE for op in ops):
                for part in (left, *rest):
                    self._check(part)
                self._compare(left, ops, rest)
            case ast.Name() | ast.Attribute():
                self.names.append(_path(node))
            case ast.Constant(value=str() | int() | float()):
                pass
            case _:
                raise ExpressionError(f"{ast.unparse(node)!r} is not allowed in a condition")

    def _compare(self, left: ast.expr, ops: list[ast.cmpop], rest: list[ast.expr]) -> None:
        if len(rest) != 1 or not isinstance(ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            return
        pairs = [(left, rest[0]), (rest[0], left)]
        for one, other in pairs:
            texts = other.elts if isinstance(other, ast.Tuple | ast.List) else [other]
            if isinstance(one, ast.Name):
                found = [text.value for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)]
                self.compared += [(one.id, text) for text in found]


def _path(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_path(value)}.{name}"
    raise ExpressionError(f"{ast.unparse(node)!r} is not a name")


def _value(node: ast.expr, lookup: Lookup) -> object:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, lookup) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, lookup) for part in parts)
        case ast.UnaryOp(operand=operand):
            return not _value(operand, lookup)
        case ast.Compare(left=left, ops=ops, comparators=rest):
            sides = [_value(part, lookup) for part in (left, *rest)]
            return all(_COMPARE[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [_value(part, lookup) for part in parts]
        case ast.Constant(value=value):
            return value
    return lookup(_path(node))


def _equal(a: object, b: object) -> bool:
    """Equal as numbers if both are written as plain numbers, else as text without regard to case.

    A text with a leading zero is not a plain number: the PIN "0042" is not "42".
    """
    x, y = str(a).strip(), str(b).strip()
    if _PLAIN_NUMBER.fullmatch(x) and _PLAIN_NUMBER.fullmatch(y):
        return Decimal(x) == Decimal(y)
    return x.casefold() == y.casefold()


def _less(a: object, b: object) -> bool:
    """In order as numbers if both are made of digits, else as text: dates and times of day sort as text."""
    x, y = str(a).strip(), str(b).strip()
    if _DIGITS.fullmatch(x) and _DIGITS.fullmatch(y):
        return Decimal(x) < Decimal(y)
    return x.casefold() < y.casefold()


def _inside(a: object, b: object) -> bool:
    if isinstance(b, list):
        return any(_equal(a, item) for item in b)
    return str(a) != "" and str(a).casefold() in str(b).casefold()  # an empty slot is in nothing


_COMPARE: dict[type[ast.cmpop], Callable[[object, object], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: not _equal(a, b),
    ast.Lt: _less,
    ast.Gt: lambda a, b: _less(b, a),
    ast.LtE: lambda a, b: not _less(b, a),
    ast.GtE: lambda a, b: not _less(a, b),
    ast.In: _inside,
    ast.NotIn: lambda a, b: not _inside(a, b),
}
