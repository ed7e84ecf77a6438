"""The first two steps of the detector for a single call, for training and measurements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .block import ROW
from .compiled import Floats, Rows, Spectra, compiled
from .echo_canceller import cancel, keep_far, push_far
from .echo_row import BLOCK, begin_canceller
from .features import VoiceActivity, begin_features, extract
from .transforms import spectra_of


@dataclass(slots=True, eq=False)
class CancellerOutput:
    """One frame of one call. near and echo: 160 float samples, full scale 1. For the flags see CANCELLER_ROW."""

    near: Floats
    echo: Floats
    power: Floats  # (2, 161): what of the echo is unsure, and the loudest far end in the memory
    active: bool
    aligned: bool = True
    new: bool = False
    moved: bool = False


class EchoCanceller:
    """Give `far` what was sent, then `near` the line."""

    def __init__(self) -> None:
        self._rows = np.zeros(1, ROW)
        self._which = np.zeros(1, np.int64)
        self._block = np.empty(BLOCK, np.float32)
        _begin_canceller(self._rows)

    def far(self, sent: Floats) -> None:
        """The next 160 samples that we sent."""
        if _push_first(self._rows, np.asarray(sent, np.float32), self._block):
            _keep_first(self._rows, spectra_of(self._block))

    def near(self, line: Floats, aligned: bool = True) -> CancellerOutput:
        """160 samples of the line without our echo. aligned=False: the reference is doubtful, learn nothing from it."""
        row = self._rows[0]
        row["line"], row["aligned"] = line, aligned
        cancel(self._rows, self._which)
        return CancellerOutput(
            row["near"].copy(),
            row["echo"].copy(),
            np.stack([row["unsure"], row["loudest"]]),
            *(bool(row[flag]) for flag in ("active", "aligned", "new", "moved")),
        )


@compiled
def _begin_canceller(rows: Rows) -> None:
    begin_canceller(rows[0])


@compiled
def _push_first(rows: Rows, sent: Floats, block: Floats) -> bool:
    return push_far(rows[0], sent, block)


@compiled
def _keep_first(rows: Rows, spectrum: Spectra) -> None:
    keep_far(rows[0], spectrum)


class Features:
    """What the network sees of the frames of a call."""

    def __init__(self) -> None:
        self._rows = np.zeros(1, ROW)
        self._which = np.zeros(1, np.int64)
        self._activity = [VoiceActivity()]
        _begin_features(self._rows)

    def of(self, heard: CancellerOutput) -> Floats:
        """(SIZE,) features of the frame."""
        row = self._rows[0]
        row["near"], row["echo"], row["active"], row["aligned"] = heard.near, heard.echo, heard.active, heard.aligned
        row["unsure"], row["loudest"] = heard.power
        extract(self._rows, self._which, self._activity)
        return np.array(row["features"])

    @property
    def level_db(self) -> float:
        """dBFS of the last frame without our echo."""
        return float(self._rows[0]["level_db"])


@compiled
def _begin_features(rows: Rows) -> None:
    begin_features(rows[0])
