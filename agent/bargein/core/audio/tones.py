"""Pure tones on the line: the beep of a voicemail, a fax machine, and the three tones before an announcement.

Sources: ITU-T T.30 (CNG 1100 Hz for 0.5 s, CED 2100 Hz for 2.6 to 4 s), ITU-T E.180 (special information tone: 950,
1400 and 1800 Hz, 330 ms each). A beep may have any frequency in between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .pcm import FRAME_SAMPLES, RATE, Pcm

BIN_HZ = RATE / FRAME_SAMPLES
LOWEST, HIGHEST = int(350 / BIN_HZ), int(2300 / BIN_HZ)  # bins in which a tone is looked for
LOBE = 2  # bins to each side that the window spreads a tone over
PURE = 0.95  # share of the frame's energy that is the tone's; a vowel has overtones
AUDIBLE = (100 * FRAME_SAMPLES / 4) ** 2  # energy in the bin of a tone at -50 dBFS, with the window
STEADY_HZ = 20.0  # a tone stays within this of its mean; a voice that sings does not
_WINDOW = np.hanning(FRAME_SAMPLES + 1)[:-1]


@dataclass(frozen=True, slots=True)
class Tone:
    """A stretch of one frequency. `over`: it has ended."""

    hz: float
    ms: int
    over: bool = False


def pitch(pcm: Pcm) -> float:
    """The frequency in Hz of the tone that these 160 samples are; 0.0 if they are none."""
    spectrum = np.fft.rfft(pcm * _WINDOW)
    power = spectrum.real**2 + spectrum.imag**2
    power[:LOBE] = 0.0  # a direct current, and hum
    top = int(np.argmax(power))
    tone = float(power[max(0, top - LOBE) : top + LOBE + 1].sum())
    if not LOWEST <= top <= HIGHEST or tone < AUDIBLE or tone < PURE * float(power.sum()):
        return 0.0
    below, above = float(np.sqrt(power[top - 1])), float(np.sqrt(power[top + 1]))
    side, more = (above, 1) if above > below else (below, -1)
    ratio = side / float(np.sqrt(power[top]))
    return BIN_HZ * (top + more * max(0.0, (2 * ratio - 1) / (ratio + 1)))  # exact for a Hann window


class ToneTracker:
    """Feed it each frame of the line. `tone` is the tone of the last frames, None if there is none."""

    def __init__(self) -> None:
        self.tone: Tone | None = None

    def feed(self, pcm: Pcm) -> Tone | None:
        """160 samples. Returns a tone that has just ended."""
        hz, before = pitch(pcm), self.tone
        if before is not None and hz and abs(hz - before.hz) <= STEADY_HZ:
            frames = before.ms // 20
            self.tone = Tone((before.hz * frames + hz) / (frames + 1), before.ms + 20)
            return None
        self.tone = Tone(hz, 20) if hz else None
        return Tone(before.hz, before.ms, over=True) if before is not None else None
