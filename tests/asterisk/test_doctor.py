"""`bargein doctor --asterisk` of a real PBX, with the server as an administrator runs it: by AMI and by the console."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

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


# AudioSocket, Dial(AudioSocket/...)
@pytest.mark.parametrize(("where", "exten"), [("ami", "700"), ("console", "701")], indirect=["where"])
async def test_all_is_well_and_a_call_is_placed(pbx: Asterisk, shop: Product, where: str, exten: str) -> None:
    calls = len(shop.rows("SELECT id FROM calls"))
    ami = f"127.0.0.1:{pbx.ami_port}"
    done = await doctor(shop, "--asterisk", where, "--exten", f"{exten}@from-internal", BARGEIN_FASTAGI__AMI=ami)
    assert (done.returncode, "fail" in done.stdout) == (0, False), done.stdout
    assert line(done, "AMI") == f"ok AMI {ami}: 3 queues"
    assert "Asterisk 22" in line(done, "asterisk")
    assert "res_audiosocket" in line(done, "modules")
    assert "700@from-internal" in line(done, "dialplan")
    assert line(done, "queues").startswith("ok queues support")
    assert line(done, "test call").startswith(f"ok test call {exten}@from-internal reached the agent ")
    assert line(done, "line").startswith("ok line the agent is heard at "), done.stdout
    assert pbx.cli("core show channels count").startswith("0 active channels")
    assert len(shop.rows("SELECT id FROM calls")) == calls + 2
    call = shop.ended_call()
    assert (call["called"], call["trunk"]) == (exten, f"Local/{exten}@from-internal")  # not `s`, the subroutine


async def test_a_queue_that_does_not_exist(shop: Product, where: str) -> None:
    done = await doctor(shop, "--asterisk", where, "--exten", "9700@from-internal")
    assert done.returncode == 1
    assert line(done, "queues") == "fail queues there is no queue suport (9700@from-internal)"
    assert "support" in done.stdout


async def test_which_extension_has_to_be_said_when_there_are_several(shop: Product, where: str) -> None:
    done = await doctor(shop, "--asterisk", where)
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


async def test_an_audiosocket_that_the_pbx_cannot_reach(pbx: Asterisk, shop: Product, tmp_path: Path) -> None:
    """FastAGI gives an id, and names an address whose connections never complete: a firewall, as Asterisk sees it."""
    shop.stop()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        clients = [socket.socket() for _ in range(3)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        nowhere = f"127.0.0.1:{full.getsockname()[1]}"
        lost = Product(tmp_path, pbx.agi_port)
        try:
            lost.start(BARGEIN_AUDIOSOCKET__ADVERTISE=nowhere)
            done = await doctor(lost, "--asterisk", pbx.console, "--exten", "700@from-internal")
        finally:
            lost.stop()
            shop.start()
            for client in clients:
                client.close()
    assert done.returncode == 1
    told = line(done, "test call")
    assert told == f"fail test call 700@from-internal was given an id, but its audio did not reach {nowhere}"


async def test_a_wrong_secret(pbx: Asterisk, shop: Product) -> None:
    ami = f"127.0.0.1:{pbx.ami_port}"
    done = await doctor(shop, "--asterisk", ami, BARGEIN_AMI_SECRET="wrong", BARGEIN_FASTAGI__AMI=ami)
    assert done.returncode == 1
    assert "the login was refused" in line(done, "asterisk")
    assert line(done, "AMI").endswith("the login was refused")


async def test_the_server_is_down(pbx: Asterisk, shop: Product) -> None:
    shop.stop()
    try:
        done = await doctor(shop, "--asterisk", pbx.console, "--exten", "700@from-internal")
    finally:
        shop.start()
    assert done.returncode == 1
    assert line(done, "test call").startswith("fail test call not placed: the server is not running")
