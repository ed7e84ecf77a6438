"""From the timing that a synthesizer has, of phonemes or words as read, to that of the words as they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from ..core.audio.pcm import RATE
from ..core.audio.utterance import Word, spread

Span = tuple[int, int]  # samples, start inclusive, end exclusive


def as_written(
    pieces: Sequence[str], read: Sequence[str], spans: Sequence[Span], count: Callable[[str], int]
) -> list[Span]:
    """The spans of `pieces`, the words as written, from `spans`, those of `read`: "$10" is read "ten dollars".

    `count(piece)` is how many words a piece becomes when it is read alone; where that does not add up (a date:
    "March 3") the time is shared out by letters.
    """
    plain = [piece.replace("’", "'") for piece in pieces]
    out: list[Span] = []
    at = 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, plain, read, autojunk=False).get_opcodes():
        here = spans[j1:j2]
        if tag == "insert":  # belongs to the word before it
            if out:
                out[-1] = (out[-1][0], here[-1][1])
        elif tag == "delete":  # not read out
            out += [(at, at)] * (i2 - i1)
        elif tag == "equal":
            out += here
        else:
            out += shared(pieces[i1:i2], here, [count(piece) for piece in pieces[i1:i2]])
        at = out[-1][1] if out else 0
    return out


def shared(pieces: Sequence[str], spans: Sequence[Span], counts: Sequence[int]) -> list[Span]:
    """The spans of `pieces` when each is read as `counts` words; by letters if these are not as many as `spans`."""
    if sum(counts) != len(spans):
        return [(word.start, word.end) for word in spread(" ".join(pieces), spans[0][0], spans[-1][1])]
    out: list[Span] = []
    j = 0
    for n in counts:
        at = out[-1][1] if out else spans[0][0]
        out.append((spans[j][0], spans[j + n - 1][1]) if n else (at, at))
        j += n
    return out


def timed(pieces: Sequence[str], spans: Sequence[Span], rate: int) -> tuple[Word, ...]:
    """The words `pieces` at 8 kHz; `spans` is one span at `rate` for each."""
    return tuple(
        Word(piece, start * RATE // rate, end * RATE // rate) for piece, (start, end) in zip(pieces, spans, strict=True)
    )
