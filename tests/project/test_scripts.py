"""The scripts that measure and train: each says how it is called, and can be called so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
FILES = sorted(
    file
    for folder in ("scripts/bench", "scripts/training")
    for file in (REPOSITORY / folder).iterdir()
    if file.is_file()
)
SCRIPTS = [file for file in FILES if file.suffix != ".py"]
OPTION = re.compile(r"--[a-z][a-z-]*")


def named(file: Path) -> str:
    return file.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("file", FILES, ids=named)
def test_what_can_be_run_is_executable_and_nothing_else(file: Path) -> None:
    script = file.read_text(encoding="utf-8").startswith("#!")
    assert script == bool(file.stat().st_mode & 0o111) == (file.suffix != ".py")


@pytest.mark.parametrize("file", SCRIPTS, ids=named)
def test_the_project_is_found_before_it_is_imported(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if re.match(r"import own_python\b", line))
    assert not [line for line in lines[:first] if re.match(r"(from|import) (bargein|numpy|tests|lines|said)\b", line)]


@pytest.mark.parametrize("file", SCRIPTS, ids=named)
def test_the_help_names_only_options_that_there_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    usage = [line for line in text.split('"""')[1].splitlines() if line.strip().startswith(named(file))]
    assert usage, "the docstring shows no call"
    known = set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', text))
    assert {option for line in usage for option in OPTION.findall(line)} <= known


@pytest.mark.parametrize("name", ["bench/confusion", "bench/story", "training/train-overlap"])
def test_they_answer_from_any_folder(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / name, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"scripts/{name}" in done.stdout


def test_weights_are_written_small_and_say_what_they_were_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(REPOSITORY / "scripts" / "training")
    monkeypatch.syspath_prepend(REPOSITORY / "scripts")
    import shipped

    arrays = {"w": np.full((2, 3), 0.5, np.float16), "b": np.full(3, 0.25)}
    assert shipped.write(tmp_path / "weights.npz", "two words", arrays) == 9
    with np.load(tmp_path / "weights.npz") as stored:
        assert bytes(stored["trained_on"]).decode() == "two words"
        assert {name: stored[name].dtype for name in arrays} == {"w": np.float16, "b": np.float32}
    assert (shipped.FOLDER / "detector.npz").is_file()


@pytest.mark.parametrize(
    ("said", "understood", "errors"),
    [
        ("I missed the first half.", "i missed the first half", 0),
        ("Where is sexta-feira?", "where is sexta feira", 0),
        ("The blue one.", "The one.", 1),
        ("The blue one.", "The red one, please.", 2),
    ],
)
def test_word_errors(said: str, understood: str, errors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(REPOSITORY / "scripts" / "bench")
    from word_errors import word_errors

    wrong, words = word_errors(said, understood)
    assert (wrong, words) == (errors, len(said.replace("-", " ").split()))
