"""Who gets the core, and which Python runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bargein.machine import install_extra, waits_for_core_s

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="policies of Linux")

BUSY, SLEEPY = "while True: pass", "import time; print(flush=True); time.sleep(60)"


def test_a_process_waits_for_a_core_that_another_has() -> None:
    core = str(min(os.sched_getaffinity(0)))
    started = [
        subprocess.Popen(["taskset", "-c", core, "nice", "-n", nice, sys.executable, "-c", BUSY])
        for nice in ("15", "0")
    ]
    try:
        deadline = time.monotonic() + 60
        while sum(waits_for_core_s(started[0].pid).values()) < 0.3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_process_that_sleeps_does_not_wait_for_a_core() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        [before] = waits_for_core_s(process.pid).values()
        time.sleep(0.3)
        [after] = waits_for_core_s(process.pid).values()
        assert after - before < 0.1
        process.kill()
    assert waits_for_core_s(process.pid) == {}, "it has ended"


@pytest.mark.parametrize(("folder", "python"), [("", ".venv/bin/python"), ("elsewhere", "{root}/.venv/bin/python")])
def test_the_command_for_an_extra_names_the_python_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, python: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setattr(sys, "executable", f"{tmp_path}/.venv/bin/python")
    assert install_extra("web") == python.format(root=tmp_path) + " -m pip install 'bargein[web]'"
