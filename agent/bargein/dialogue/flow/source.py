"""A YAML file as maps, lists and text that know their lines, so that every fault has a line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from ...errors import UserError

T = TypeVar("T")
U = TypeVar("U")
MAX_BYTES = 1_000_000


class Fault(UserError):
    """One thing that is wrong in a flow file, with its place."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}", 2)
        self.place = (file, line)


class Faults:
    """All that is wrong in a flow and the files that it includes."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, fault: Fault) -> None:
        """Add a fault, unless it is there already."""
        if str(fault) not in map(str, self._found):
            self._found.append(fault)

    def attempt(self, make: Callable[[], T], instead: U) -> T | U:
        """The result of `make`. If it raises a Fault, keep the fault and return `instead`."""
        try:
            return make()
        except Fault as fault:
            self.add(fault)
            return instead

    def raise_all(self) -> None:
        """Raise UserError (exit 2) with a line for each fault, in the order of the files. Nothing if there are none."""
        if self._found:
            files = list(dict.fromkeys(fault.place[0] for fault in self._found))
            order = sorted(self._found, key=lambda fault: (files.index(fault.place[0]), fault.place[1]))
            raise UserError("\n".join(map(str, order)), 2)


class Value:
    """One value of the file: text, a list or a map. Bare yes, no and on are text."""

    def __init__(self, file: str, node: yaml.Node | None, line: int, faults: Faults) -> None:
        self.file, self.line, self.faults, self._node = file, line, faults, node

    # ------------------------------------------------------------------ complaints

    def fail(self, message: str) -> NoReturn:
        """Raise Fault: file, line and what is wrong."""
        raise Fault(self.file, self.line, message)

    def report(self, message: str) -> None:
        """Note a fault and go on, so that one run names them all."""
        self.faults.add(Fault(self.file, self.line, message))

    def attempt(self, make: Callable[[], T]) -> T:
        """The result of `make`. A ValueError becomes a fault of this line."""
        try:
            return make()
        except ValueError as error:
            self.fail(str(error))

    def unknown(self, complaint: str, name: str, known: Sequence[str]) -> NoReturn:
        """Raise Fault: the complaint about this name, and the known name that is most similar, or all of them."""
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known) or 'none'}"
        self.fail(f"{complaint}{hint}")

    # --------------------------------------------------------------------- kinds

    @property
    def is_map(self) -> bool:
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_empty(self) -> bool:
        node = self._node
        return node is None or (isinstance(node, yaml.ScalarNode) and not node.value and not node.tag.startswith("!"))

    @property
    def ends_at_comment(self) -> bool:
        """Whether it is text without quotes, and one space behind it a `#`: "Press # now" is "Press"."""
        node = self._node
        if not isinstance(node, yaml.ScalarNode) or node.style is not None or node.end_mark.buffer is None:
            return False
        behind = node.end_mark.buffer[node.end_mark.pointer :][:2]
        return behind == " #"

    def text(self) -> str:
        """A single value as text, spaces folded."""
        if isinstance(self._node, yaml.ScalarNode):
            if self._node.tag.startswith("!"):
                self.fail(f"text that begins with {self._node.tag.split(':')[0]!r} has to be in quotes")
            return " ".join(str(self._node.value).split())
        if self._node is None:
            return ""
        self.fail("text is expected here, not a list or a map")

    def texts(self) -> tuple[str, ...]:
        """One text or a list of them."""
        return tuple(value.text() for value in self.items())

    def yes(self) -> bool:
        """yes or no."""
        word = self.text().lower()
        if word in ("yes", "true", "on"):
            return True
        if word in ("no", "false", "off"):
            return False
        self.fail(f"yes or no is expected here, not {word!r}")

    def number(self, low: float, high: float) -> float:
        """A number within bounds."""
        try:
            number = float(self.text())
        except ValueError:
            self.fail(f"a number is expected here, not {self.text()!r}")
        if not low <= number <= high:
            self.fail(f"expected {low:g} to {high:g}, not {number:g}")
        return number

    def items(self) -> list[Value]:
        """The members of a list; a single value counts as a list of one."""
        if isinstance(self._node, yaml.SequenceNode):
            return [self._value(node) for node in self._node.value]
        return [] if self.is_empty else [self]

    def pairs(self) -> Iterator[tuple[str, Value]]:
        """Names and values of a map. A repeated name is reported."""
        if self.is_empty:
            return
        if not isinstance(self._node, yaml.MappingNode):
            self.fail("names with values are expected here (name: value)")
        seen: set[str] = set()
        for key, node in self._node.value:
            name = self._value(key).text()
            value = self._value(node, key)
            if name in seen:
                value.report(f"{name!r} appears here for the second time")
                continue
            seen.add(name)
            yield name, value

    def table(self, known: Sequence[str] | None = None, what: str = "key") -> dict[str, Value]:
        """The map as a dict. With `known`, any other name is reported and left out."""
        found: dict[str, Value] = {}
        for name, value in self.pairs():
            if known is None or name in known:
                found[name] = value
            else:
                try:
                    value.unknown(f"{name!r} is no {what}", name, known)
                except Fault as fault:
                    self.faults.add(fault)
        return found

    def none(self) -> Value:
        """An empty value on this line: the default for a missing key."""
        return Value(self.file, None, self.line, self.faults)

    def _value(self, node: yaml.Node, at: yaml.Node | None = None) -> Value:
        """A part of this value, with the line of `at`."""
        return Value(self.file, node, (at or node).start_mark.line + 1, self.faults)


def parse(path: Path, faults: Faults | None = None) -> Value:
    """The contents of a YAML file. Raises UserError (exit 2) if it cannot be read or is not YAML."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: larger than {MAX_BYTES} bytes is too much for a flow", 2)
        text = path.read_text("utf-8-sig")  # some editors put a byte order mark in front
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}", 2) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; save it as UTF-8", 2) from None
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1 if mark else 1}"
        hint = "; check the indentation, and put text with : ? # { } or , in quotes"
        raise UserError(f"{where}: not YAML: {error.problem or error.context}{hint}", 2) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}", 2) from None
    return Value(str(path), node, 1, faults if faults is not None else Faults())
