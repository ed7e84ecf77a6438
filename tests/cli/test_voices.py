"""`bargein voices` and `bargein say`."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bargein.cli.voices import say_command, voices_command
from bargein.errors import UserError
from bargein.speech.audio import read_wav


def test_voices_are_listed_for_people_and_programs() -> None:
    runner = CliRunner()
    assert "hibari" in runner.invoke(voices_command, []).output
    listed = json.loads(runner.invoke(voices_command, ["--json"]).output)
    assert {"kind": "recognizer", "engine": "whisper"}.items() <= next(
        o for o in listed if o["name"] == "tiny.en"
    ).items()
    rows = list(csv.DictReader(io.StringIO(runner.invoke(voices_command, ["--csv"]).output)))
    assert len(rows) == len(listed)


def test_voices_of_one_language() -> None:
    listed = json.loads(CliRunner().invoke(voices_command, ["--language", "es-MX", "--json"]).output)
    engines = {offer["engine"] for offer in listed}
    assert "hibari" not in engines
    assert "espeak" in engines


def test_say_writes_what_a_caller_would_hear(tmp_path: Path) -> None:
    out = tmp_path / "red.wav"
    result = CliRunner().invoke(say_command, ["The red one.", "-o", str(out), "--words"])
    assert result.exit_code == 0
    assert [line.split()[-1] for line in result.output.splitlines()[:3]] == ["The", "red", "one."]
    assert np.abs(read_wav(out)).max() > 3000


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--voice", "nobody"], "no voice 'nobody'"),
        (["--engine", "hibari", "--language", "de"], "speaks English only"),
        (["-o", "/nowhere/x.wav"], "cannot write"),
    ],
)
def test_say_has_one_line_for_what_goes_wrong(tmp_path: Path, options: list[str], line: str) -> None:
    result = CliRunner().invoke(say_command, ["Hello", "-o", str(tmp_path / "x.wav"), *options])
    assert isinstance(result.exception, UserError)
    assert line in str(result.exception)
    assert "\n" not in str(result.exception)


def test_nothing_to_say_makes_no_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(say_command, ["...", "-o", str(tmp_path / "x.wav")])
    assert "nothing to say" in str(result.exception)
    assert not (tmp_path / "x.wav").exists()
