"""What the scripts that train and measure hearing take of a folder of recordings, and what they say of it."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bargein.speech.audio import write_wav

TRAINING = Path(__file__).parents[2] / "scripts" / "training"


@pytest.fixture(scope="module")
def lines() -> ModuleType:
    sys.path.insert(0, str(TRAINING))
    return importlib.import_module("lines")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Twenty speakers of two sources, two recordings each; the last speaker's licence forbids training."""
    rows = []
    for speaker in range(20):
        for take in range(2):
            name = f"{speaker}-{take}.wav"
            write_wav(tmp_path / name, np.full(1600, 1000, np.int16))
            rows.append({
                "file": name, "class": "speech", "label": "", "speaker": f"s{speaker}", "source": "AB"[speaker % 2],
                "licence_class": "gpl-gfdl" if speaker == 19 else "cc-by", "onset_s": "0", "offset_s": "0.2",
                "onset_unc_ms": "10",
            })  # fmt: skip
    with open(tmp_path / "manifest.csv", "w", newline="") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


def test_the_parts_share_no_speaker_and_a_forbidden_licence_is_in_none(lines: ModuleType, corpus: Path) -> None:
    with open(corpus / "manifest.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    trained = {row["speaker"] for row in rows if lines.trained_on(row)}
    left_out = {row["speaker"] for row in rows if not lines.trained_on(row)}
    assert trained
    assert len(left_out) > 1
    assert not trained & left_out
    assert "s19" in left_out
    everything = lines.Recordings(corpus, "all")
    assert everything.count == {"speech": {"A": 20, "B": 18}}
    parts = [lines.Recordings(corpus, part).count["speech"] for part in ("train", "held-out")]
    assert sum(parts[0].values()) == 2 * len(trained)
    assert {source: sum(part.get(source, 0) for part in parts) for source in "AB"} == {"A": 20, "B": 18}


def test_a_cache_of_another_part_is_refused(lines: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "cache.npz"
    np.savez(path, part="all", x=np.zeros(1))
    lines.check_part(np.load(path), path, "all")
    with pytest.raises(SystemExit, match="was made with --part all, not train"):
        lines.check_part(np.load(path), path, "train")
    np.savez(path, x=np.zeros(1))
    with pytest.raises(SystemExit, match="an unknown part"):
        lines.check_part(np.load(path), path, "all")


def test_synthesized_voices_are_mixed_into_the_lines_and_read_as_they_were_written(
    lines: ModuleType, corpus: Path, tmp_path: Path
) -> None:
    path = tmp_path / "voices.npz"
    clips = [np.full(800, 100 * (i + 1), np.int16) for i in range(3)]
    about = [["a", "word", "No."], ["a+b", "sentence", "No, the blue one."], ["b", "syllables", "/ˈba./"]]
    np.savez(path, pcm=np.concatenate(clips), ends=np.cumsum([len(c) for c in clips]),
             about=np.frombuffer(json.dumps(about).encode(), np.uint8))  # fmt: skip
    said = lines.synthesized(path)
    assert [(s.speaker, s.kind, s.phrase) for s in said] == [tuple(a) for a in about]
    assert [round(float(s.audio.mean()) * 32768) for s in said] == [100, 200, 300]
    recordings = lines.Recordings(corpus, "train", said)
    assert len(recordings.spoken) == 3
    assert len(recordings.spoken_agents) == 1
    rng = np.random.default_rng(1)
    spoken = {id(clip) for clip in recordings.spoken}
    drawn = [id(lines.a_voice(recordings, rng)) in spoken for _ in range(500)]
    assert 0.3 < np.mean(drawn) < 0.5
    without = lines.Recordings(corpus, "train")
    assert any(lines.a_voice(without, rng) is clip for clip in without.voices)
