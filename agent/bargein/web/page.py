"""One call as one self-contained page: picture, audio and synchronized text, for a mail or a ticket."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..machine import install_extra

if TYPE_CHECKING:
    from ..store import Call
    from ..view.timeline import Timeline

HERE = Path(__file__).parent
MOST_AUDIO_BYTES = 200_000_000  # a browser does not open a larger page


def check_page(path: Path) -> None:
    """Raise UserError if no page can be made there. Call it before the work."""
    if importlib.util.find_spec("jinja2") is None:
        raise UserError(f"pages need more packages: {install_extra('web')}")
    if path.is_dir():
        raise UserError(f"{path}: this is a directory", 2)
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: there is no directory {path.parent}", 2)


def write_page(call: Call, line: Timeline, cuts: list[Any], path: Path) -> None:
    """Write the page. Raises UserError."""
    check_page(path)
    from jinja2 import Environment, FileSystemLoader

    from . import present

    environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
    present.prepare(environment)
    style, script = ((HERE / "static" / name).read_text("utf-8") for name in ("style.css", "app.js"))
    page = environment.get_template("one_page.html").render(
        call=call,
        line=line,
        cuts=cuts,
        picture=present.picture(line),
        audio_url=_audio_url(call, line),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def _hash(text: str) -> str:
    """What a content security policy calls this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _audio_url(call: Call, line: Timeline) -> str:
    """The recording as a data URL, "" without one. Raises UserError if it is too long."""
    if line.agent is None:
        return ""
    path = Path(call.recording)
    if path.stat().st_size > MOST_AUDIO_BYTES:
        raise UserError(f"{path}: the recording is too long for one page")
    return "data:audio/wav;base64," + base64.b64encode(path.read_bytes()).decode()
