"""TLS between Asterisk and the server: stunnel on either side, as docs/install.md describes it."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from tests.server.test_tls import certificate, reachable, tunnel

from .pbx import Asterisk, free_port
from .phone import Phone
from .product import FLOWS, Product, speech
from .quiet import audible_until, was_talking

pytestmark = pytest.mark.skipif(not shutil.which("stunnel"), reason="no stunnel here: apt-get install stunnel4")

STOP_MS = 300
ON_THE_WAY_S = 0.300  # at most, through two tunnels on a busy machine


async def test_a_caller_cuts_in_through_tls(pbx: Asterisk, tmp_path: Path) -> None:
    words = speech("No. That is wrong.")  # synthesized before it is needed
    for name in ("bargein", "pbx"):
        certificate(tmp_path, name)
    audio, agi, tls_audio, tls_agi, at_pbx = (free_port() for _ in range(5))
    product = Product(tmp_path, agi, str(FLOWS / "tale.yaml"))
    product.start(
        BARGEIN_AUDIOSOCKET__LISTEN=f"127.0.0.1:{audio}", BARGEIN_AUDIOSOCKET__ADVERTISE=f"127.0.0.1:{at_pbx}"
    )
    tls = {"19092": tls_audio, "14573": tls_agi}
    try:
        with (
            tunnel(tmp_path, "server", {**tls, "9092": audio, "4573": agi}),
            tunnel(tmp_path, "client", {**tls, "9092": at_pbx, "4573": pbx.agi_port}),
        ):
            for port in (tls_audio, tls_agi, at_pbx, pbx.agi_port):
                await reachable(port)
            async with Phone(pbx.sip_port) as phone:
                await phone.call("700")
                onset = phone.say(words, 2.0)
                await asyncio.sleep(onset + 3 - time.monotonic())
            call = product.ended_call()
    finally:
        assert product.stop() == 0
    assert was_talking(phone.received, onset)
    assert audible_until(phone.received, onset) - onset < STOP_MS / 1000 + ON_THE_WAY_S
    assert call["outcome"] == "caller_hung_up"
    row = product.interruptions(call["id"])[0]
    assert row["resolution"] != "resumed"
    assert 0 < row["stop_latency_ms"] < STOP_MS
