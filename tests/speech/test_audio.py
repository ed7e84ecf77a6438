"""Resampling, speech level, activity, WAV files."""

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio.pcm import RATE, dbfs
from bargein.errors import EngineError
from bargein.speech.audio import (
    activity,
    check_wav,
    levelled,
    read_wav,
    read_wav_stereo,
    resample,
    to_pcm,
    voiced,
    write_wav,
)


def tone(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate + 0.3).astype(np.float32)


@pytest.mark.parametrize(
    ("rate", "to_rate"), [(24000, 8000), (22050, 8000), (16000, 8000), (8000, 16000), (44100, 8000)]
)
@pytest.mark.parametrize("hz", [200, 1000, 3000])
def test_a_tone_of_the_band_comes_through_without_delay(rate: int, to_rate: int, hz: float) -> None:
    out = resample(tone(hz, rate), rate, to_rate)
    middle = slice(len(out) // 4, -len(out) // 4)
    expected = np.sin(2 * np.pi * hz * np.arange(len(out)) / to_rate + 0.3)
    assert len(out) == to_rate
    assert np.abs(out - expected)[middle].max() < 0.01


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 48000])
@pytest.mark.parametrize("hz", [4500, 5000, 7000])
def test_nothing_above_the_band_folds_into_it(rate: int, hz: float) -> None:
    out = resample(tone(hz, rate), rate, RATE)
    assert 20 * np.log10(np.abs(out[1000:-1000]).max()) < -70


@given(st.integers(0, 3000), st.sampled_from([(24000, 8000), (22050, 8000), (8000, 16000), (11025, 8000)]))
def test_any_length_gives_its_share_of_samples(length: int, rates: tuple[int, int]) -> None:
    rate, to_rate = rates
    assert len(resample(np.zeros(length, np.float32), rate, to_rate)) == -(-length * to_rate // rate)


def test_speech_is_levelled_by_its_active_part_and_never_clips() -> None:
    half_silent = np.concatenate([0.02 * tone(300, RATE), np.zeros(3 * RATE, np.float32)])
    assert dbfs(to_pcm(levelled(half_silent, RATE))[:RATE]) == pytest.approx(-20, abs=0.5)
    click = half_silent.copy()
    click[100] = 0.5
    assert np.abs(levelled(click, RATE)).max() < 0.9
    assert not levelled(np.zeros(800, np.float32), RATE).any()


def test_activity_and_voiced_find_the_sound() -> None:
    x = np.concatenate([np.zeros(1600, np.float32), tone(400, RATE, 0.3), np.zeros(2400, np.float32)])
    assert activity(x, RATE) == (1600, 4000)
    assert activity(np.zeros(800, np.float32), RATE) == (0, 0)
    assert voiced(x, RATE, 800, 5600) == (1600, 4000)
    assert voiced(x, RATE, 1400, 4200) == (1400, 4200)  # 25 ms of silence is part of a consonant


def wav(path: Path, data: np.ndarray, rate: int, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data.tobytes())
    return path


def test_a_wav_comes_back_as_written(tmp_path: Path) -> None:
    pcm = to_pcm(0.3 * tone(440, RATE))
    write_wav(tmp_path / "a.wav", pcm)
    assert np.array_equal(read_wav(tmp_path / "a.wav"), pcm)


def test_other_rates_and_channels_are_converted(tmp_path: Path) -> None:
    left, right = to_pcm(0.5 * tone(440, 16000)), to_pcm(0.25 * tone(440, 16000))
    path = wav(tmp_path / "s.wav", np.stack([left, right], axis=1), 16000, channels=2)
    both = read_wav_stereo(path)
    assert both.shape == (8000, 2)
    assert dbfs(both[:, 0].copy()) - dbfs(both[:, 1].copy()) == pytest.approx(6, abs=0.1)
    assert read_wav(path).shape == (8000,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"\(it is empty\); copy or record it again"),
        (b"RIFF", r"\(it ends too early\); copy or record it again"),
        (b"not a wav file at all", r"\(.*\); make it one with: ffmpeg"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", "; copy or record it again"),
    ],
)
def test_what_is_no_wav_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(EngineError, match=rf"bad\.wav: not a WAV file .*{said}") as caught:
        read_wav(tmp_path / "bad.wav")
    assert "\n" not in str(caught.value)


def test_a_wav_whose_header_does_not_count_its_sound_is_a_complaint(tmp_path: Path) -> None:
    """A recorder that ended early leaves the lengths of the moment at which it last wrote the header."""
    path = wav(tmp_path / "a.wav", np.arange(1, 801, dtype=np.int16) * 40, 8000)
    whole = path.read_bytes()
    check_wav(path)
    for samples, said in ((0, "0 samples"), (50, "50 samples, but the file is longer")):
        path.write_bytes(whole[:40] + (2 * samples).to_bytes(4, "little") + whole[44:])
        with pytest.raises(EngineError, match=said):
            check_wav(path)
    path.write_bytes(whole[:40] + b"\1\0\0\0" + whole[44:45])
    with pytest.raises(EngineError, match="holds no sound"):
        check_wav(path)
    for more in (b"LIST\x04\0\0\0INFO", bytes(100), b"\0"):  # notes, a sector filled up
        path.write_bytes(whole + more)
        check_wav(path)
    path.write_bytes(whole[:36] + b"LIST\x05\0\0\0INFOx" + whole[36:])
    with pytest.raises(EngineError, match="not a WAV file"):
        check_wav(path)


def test_a_wav_whose_end_is_missing_is_a_complaint(tmp_path: Path) -> None:
    """Not if a program wrote it to a pipe: such a header has the largest lengths that there are."""
    path = wav(tmp_path / "a.wav", np.arange(1, 801, dtype=np.int16) * 40, 8000)
    whole = path.read_bytes()
    path.write_bytes(whole[:844])
    with pytest.raises(EngineError, match="its header says 800 samples, but the file ends after 400"):
        check_wav(path)
    for length in (0xFFFFFFFF, 0x7FFFF000):
        path.write_bytes(whole[:40] + length.to_bytes(4, "little") + whole[44:])
        check_wav(path)


def test_a_wav_that_no_telephone_plays_is_a_complaint(tmp_path: Path) -> None:
    for pcm in (np.full(800, 12000, np.int16), np.tile(np.array([7, -7], np.int16), 400)):
        with pytest.raises(EngineError, match="too soft"):
            check_wav(wav(tmp_path / "a.wav", pcm, 8000))
    check_wav(wav(tmp_path / "a.wav", np.tile(np.array([20, -20], np.int16), 400), 8000))


def test_a_folder_named_like_a_wav_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        check_wav(tmp_path)


def test_a_wav_that_is_whole_but_for_its_first_length_is_read(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.arange(1, 801, dtype=np.int16) * 40, 8000)
    whole = path.read_bytes()
    for size in (0, 36):
        path.write_bytes(whole[:4] + size.to_bytes(4, "little") + whole[8:])
        check_wav(path)
        assert len(read_wav(path)) == 800


def test_a_wav_of_silence_and_one_of_another_kind_are_complaints(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.zeros(800, np.int16), 8000)
    with pytest.raises(EngineError, match="all of its 800 samples are zero"):
        check_wav(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:20] + b"\x07\0" + whole[22:])  # mu-law
    with pytest.raises(EngineError, match=r"unknown format: 7\); make it 16-bit PCM with: ffmpeg -i a\.wav"):
        check_wav(path)


def test_wavs_that_cannot_be_read_or_written_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no such WAV file"):
        read_wav(tmp_path / "none.wav")
    with pytest.raises(EngineError, match="8-bit audio"):
        read_wav(wav(tmp_path / "8.wav", np.zeros(100, np.uint8), 8000, width=1))
    with pytest.raises(EngineError, match="cannot write"):
        write_wav(tmp_path / "no" / "x.wav", np.zeros(10, np.int16))


def test_an_extensible_header_and_a_players_tag_behind_the_sound_are_read(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.arange(1, 801, dtype=np.int16) * 40, 8000)
    plain = path.read_bytes()
    path.write_bytes(plain + b"TAG" + bytes(125))
    check_wav(path)
    assert len(read_wav(path)) == 800
    kind = bytes.fromhex("0100000000001000800000aa00389b71")
    extended = plain[16:36].replace(b"\x10\0\0\0\x01\0", b"\x28\0\0\0\xfe\xff") + b"\x16\0\x10\0\x04\0\0\0" + kind
    path.write_bytes(plain[:16] + extended + plain[36:])
    check_wav(path)
    assert np.array_equal(read_wav(path), np.arange(1, 801, dtype=np.int16) * 40)
    path.write_bytes(plain[:16] + extended.replace(kind, b"\x03" + kind[1:]) + plain[36:])
    with pytest.raises(EngineError, match="unknown format"):
        check_wav(path)


@pytest.mark.parametrize("head", [b"ID3\x03", b"OggS", b"fLaC", b"FORM", b".snd"])
def test_a_sound_file_of_another_format_is_told_how_to_become_a_wav(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(head + bytes(500))
    with pytest.raises(EngineError, match=r"not a WAV file \(.*\); make it one with: ffmpeg -i a\.wav"):
        check_wav(tmp_path / "a.wav")
