"""The same with PJSIP's user agent, so that SIP is not tested against itself; with the codecs that it brings."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .g711 import Pcm
from .pbx import REPOSITORY, Asterisk
from .product import FLOWS, Product, read_wav, speech, write_wav

pytestmark = pytest.mark.skipif(not find_spec("pjsua2"), reason="PJSIP is not installed: pip install pjsua2-python")

WORDS = "Wait, I have a question about that."
STOP_S = 0.300 + 0.150  # PJSIP's jitter buffer and its sound clock, both ways
AUDIBLE = 150


@pytest.fixture(scope="module")
def tale(pbx: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("tale"), pbx.agi_port, str(FLOWS / "tale.yaml")).running() as product:
        yield product


async def carry_out(plan: dict[str, Any]) -> dict[str, Any]:
    """Run the phone; what it reports."""
    command = [sys.executable, "-m", "tests.asterisk.pjsip_phone"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(json.dumps(plan).encode()), plan["seconds"] + 15)
    assert process.returncode == 0
    (line,) = [line for line in out.decode().splitlines() if line.startswith("{")]  # PJSIP's own log is around it
    report: dict[str, Any] = json.loads(line)
    return report


def voice(path: Path, pcm: Pcm) -> str:
    write_wav(path, pcm)
    return str(path)


def seconds_to_silence(recording: Path, onset: float) -> float:
    """From the onset to the last audible sample before the first quiet of 0.4 s, in seconds of the recording."""
    pcm, rate = read_wav(recording)
    loud = np.flatnonzero(np.abs(pcm[int(onset * rate) :].astype(int)) > AUDIBLE) / rate
    assert len(loud), "the agent was not heard at all"
    gaps = np.flatnonzero(np.diff(loud) > 0.4)
    return float(loud[gaps[0]] if len(gaps) else loud[-1])


def highs_db(recording: Path) -> float:
    """How loud 4.5 to 7 kHz is against all, in dB."""
    pcm, rate = read_wav(recording)
    power = np.abs(np.fft.rfft(pcm.astype(float))) ** 2
    hz = np.fft.rfftfreq(len(pcm), 1 / rate)
    return float(10 * np.log10(power[(hz > 4500) & (hz < 7000)].sum() / power.sum()))


@pytest.mark.parametrize(
    ("codec", "exten"),
    [
        ("PCMU/8000", "700"),
        ("PCMA/8000", "700"),
        ("GSM/8000", "700"),
        ("G722/16000", "700"),
        ("G722/16000", "701"),
        ("G722/16000", "761"),
    ],
)
async def test_a_caller_cuts_in_with_each_codec(
    pbx: Asterisk, tale: Product, tmp_path: Path, codec: str, exten: str
) -> None:
    """701 is Dial(AudioSocket/.../c(slin)); 761 with c(slin16) sends us 16 kHz."""
    begin, seconds = (3.0, 9) if exten == "700" else (1.5, 6)
    words = voice(tmp_path / "words.wav", speech(WORDS))
    plan = {
        "port": pbx.sip_port, "exten": exten, "user": "caller", "codec": codec, "seconds": seconds,
        "record": str(tmp_path / "heard.wav"), "say": [[begin, words]],
    }  # fmt: skip
    report = await carry_out(plan)
    assert report["codec"].lower() == codec.partition("/")[0].lower()
    call = tale.ended_call()
    assert call["codec"] == {"PCMU": "ulaw", "PCMA": "alaw"}.get(report["codec"], report["codec"].lower())
    rows = tale.interruptions(call["id"])
    assert seconds_to_silence(tmp_path / "heard.wav", report["said"][0]) < STOP_S, rows
    assert call["outcome"] == "caller_hung_up"
    assert "question" in tale.said(call["id"], "caller").lower()
    assert (highs_db(tmp_path / "heard.wav") > -30) == (codec == "G722/16000")  # what G.722 carries, the caller hears


@pytest.mark.parametrize("how", ["rfc4733", "info"])
async def test_keys_of_a_pjsip_phone_stop_the_agent_and_fill_the_slot(
    pbx: Asterisk, tale: Product, tmp_path: Path, how: str
) -> None:
    plan = {
        "port": pbx.sip_port, "exten": "700", "user": "caller", "codec": "PCMU/8000", "seconds": 12,
        "record": str(tmp_path / "heard.wav"), "digits": [[1.5, "47"], [2.5, "11"]], "digits_by": how,
    }  # fmt: skip
    at = (await carry_out(plan))["pressed"][0]
    assert seconds_to_silence(tmp_path / "heard.wav", at) < STOP_S
    call = tale.ended_call()
    assert (call["outcome"], call["summary"]) == ("hangup", "code=4711")
    assert tale.interruptions(call["id"])[0]["kind"] == "dtmf"


async def test_the_account_that_we_ship_for_a_softphone(pbx: Asterisk, tale: Product, tmp_path: Path) -> None:
    plan = {
        "port": pbx.sip_port, "exten": "700", "user": "bargein-test", "password": "change-this-password",
        "codec": "PCMU/8000", "seconds": 2, "record": str(tmp_path / "heard.wav"),
    }  # fmt: skip
    report = await carry_out(plan)
    assert report["codec"] == "PCMU"
    assert (await carry_out(plan | {"password": "wrong"}))["reason"].startswith("401")
