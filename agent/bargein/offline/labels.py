"""Marks that people set on decisions of recorded calls, and whether a replay decides as marked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from ..errors import UserError
from .pauses import Pause

NEAR_MS = 600  # a replay notices the same sound a little earlier or later


class Mark(StrEnum):
    """The judgement of a person on a decision."""

    RIGHT = "right"  # the agent decided well
    WRONG_STOP = "wrong-stop"  # it stopped for a sound that was no interruption
    MISSED = "missed"  # it went on although the caller interrupted
    CUT_OFF = "cut-off"  # it answered before the caller had finished


@dataclass(frozen=True, slots=True)
class Label:
    """One mark. `onset_ms`: where the caller's sound began. `stopped`: whether the agent stopped for it in the call."""

    call_id: str
    number: int
    mark: Mark
    onset_ms: int
    stopped: bool
    recording: str
    flow: str = ""
    trunk: str = ""

    @property
    def should_stop(self) -> bool | None:
        """Whether the agent should stop for this sound; None if the mark is about something else."""
        if self.mark is Mark.CUT_OFF:
            return None
        return self.stopped if self.mark is Mark.RIGHT else self.mark is Mark.MISSED


def read_labels(path: Path) -> list[Label]:
    """The labels of a file, the last one of each interruption. Raises UserError."""
    found: dict[tuple[str, int], Label] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no labels yet: `bargein label` writes them") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        try:
            values = json.loads(line)
            label = Label(**{**values, "mark": Mark(values["mark"])})
        except (ValueError, TypeError, KeyError):
            raise UserError(f"{path}:{number}: not a label", 2) from None
        found[label.call_id, label.number] = label
    return list(found.values())


def add_label(path: Path, label: Label) -> None:
    """Append a label to the file. Raises UserError."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(label), ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def usable(labels: Iterable[Label]) -> list[Label]:
    """Labels that a replay can repeat. Raises UserError if there are none."""
    found = [label for label in labels if Path(label.recording).is_file()]
    if not found:
        raise UserError("no label has a recording on this machine that a replay can repeat")
    return found


def stops(pauses: Iterable[Pause], onset_ms: int) -> bool:
    """Whether a replay stopped, and did not go on, for the sound at `onset_ms`."""
    return any(pause.is_stop for pause in pauses if abs(pause.onset_ms - onset_ms) <= NEAR_MS)
