"""`bargein doctor --asterisk` of a real PBX, with the server as an administrator runs it: by AMI and by the console."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator

import pytest

from .pbx import Asterisk
from .product import Product

AMI = {"BARGEIN_AMI_USER": "test", "BARGEIN_AMI_SECRET": "test"}  # etc/manager.conf


@pytest.fixture(scope="module")
def shop(pbx: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("doctor"), pbx.agi_port)
    product.start()
    yield product
    product.stop()


@pytest.fixture(params=["ami", "console"])
def where(request: pytest.FixtureRequest, pbx: Asterisk) -> str:
    return f"127.0.0.1:{pbx.ami_port}" if request.param == "ami" else pbx.console


async def doctor(product: Product, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(product.bargein, "doctor", *arguments, **(AMI | environment))


def line(done: subprocess.CompletedProcess[str], name: str) -> str:
    """The check of that name: its status and what it says."""
    return next(" ".join(row.split()) for row in done.stdout.splitlines() if row[6:].startswith(name))


async def test_all_is_well_and_a_call_is_placed(pbx: Asterisk, shop: Product, where: str) -> None:
    calls = len(shop.rows("SELECT id FROM calls"))
    done = await doctor(shop, "--asterisk", where, "--exten", "700@from-internal")
    assert (done.returncode, "fail" in done.stdout) == (0, False), done.stdout
    assert "Asterisk 22" in line(done, "asterisk")
    assert "res_audiosocket" in line(done, "modules")
    assert "700@from-internal" in line(done, "dialplan")
    assert line(done, "test call").startswith("ok test call 700@from-internal reached the agent ")
    assert pbx.cli("core show channels count").startswith("0 active channels")
    assert len(shop.rows("SELECT id FROM calls")) == calls + 1
    assert shop.ended_call()["outcome"] == "caller_hung_up"


async def test_which_extension_has_to_be_said_when_there_are_several(shop: Product, where: str) -> None:
    done = await doctor(shop, "--asterisk", where)
    assert done.returncode == 0
    assert line(done, "test call").startswith("warn")
    assert "--exten" in done.stdout


async def test_an_extension_that_does_not_lead_to_the_agent(shop: Product, where: str) -> None:
    done = await doctor(shop, "--asterisk", where, "--exten", "201@from-internal")
    assert done.returncode == 1
    assert line(done, "test call").startswith("fail test call 201@from-internal did not reach the agent")


async def test_a_module_that_is_not_loaded(pbx: Asterisk, shop: Product, where: str) -> None:
    pbx.cli("module unload app_exec.so")
    try:
        done = await doctor(shop, "--asterisk", where, "--exten", "700@from-internal")
    finally:
        pbx.cli("module load app_exec.so")
    assert done.returncode == 1
    assert line(done, "modules").startswith("fail modules not loaded: app_exec")
    assert "module load app_exec.so" in done.stdout


async def test_a_wrong_secret(pbx: Asterisk, shop: Product) -> None:
    done = await doctor(shop, "--asterisk", f"127.0.0.1:{pbx.ami_port}", BARGEIN_AMI_SECRET="wrong")
    assert done.returncode == 1
    assert "the login was refused" in line(done, "asterisk")


async def test_the_server_is_down(pbx: Asterisk, shop: Product) -> None:
    shop.stop()
    try:
        done = await doctor(shop, "--asterisk", pbx.console, "--exten", "700@from-internal")
    finally:
        shop.start()
    assert done.returncode == 1
    assert line(done, "test call").startswith("fail test call not placed: the server is not running")
