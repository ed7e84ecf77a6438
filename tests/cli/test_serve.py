"""`bargein serve` as a process: what a person or systemd sees of it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import uuid
import wave
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bargein import __version__
from bargein.cli.serve import _facts
from bargein.config import Config
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode

ROOT = Path(__file__).parents[2]
LIMIT_S = 60


def environment(tmp_path: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BARGEIN_")}
    return {**clean, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "BARGEIN_SERVER__WORKERS": "1"}


def bargein(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bargein", *words],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(tmp_path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bargein", "serve", "--listen", f"127.0.0.1:{port}", "--agi-listen", "127.0.0.1:0",
         "--db", str(tmp_path / "calls.db"), "--accept-unregistered", "--workers", "1", *words],
        cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read() if process.stderr else ""
        yield process, port
    finally:
        process.kill()
        process.communicate()


def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x20\x00\xe0" * 40_000)
    return path


def dial(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.sendall(encode(FrameKind.ID, uuid.uuid4().bytes))
    return sock


def receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return data


def until_hangup(sock: socket.socket) -> list[int]:
    decoder, kinds = Decoder(), []
    while data := sock.recv(4096):
        kinds += [frame.kind for frame in decoder.feed(data)]
        if kinds and kinds[-1] == FrameKind.HANGUP:
            break
    return kinds


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    errors = [line for line in done.stderr.splitlines(keepends=True) if not line.endswith(": loading ...\n")]
    assert len(errors) == 1, done.stderr
    return errors[0]


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "bargein.toml").write_text("[audiosocket]\nlisen = '127.0.0.1:9092'\n")
    line = one_line(bargein(tmp_path, "serve"), 2)
    assert "audiosocket.lisen" in line
    assert "did you mean audiosocket.listen" in line


def test_a_flow_that_goes_nowhere_names_its_line(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("language: en\nsteps:\n  hello:\n    say: Hello.\n    next: nowhere\n")
    line = one_line(bargein(tmp_path, "serve", "--flow", str(flow)), 2)
    assert "flow.yaml:3" in line
    assert "nowhere" in line


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are my notes, not a database at all\n" * 100)
    line = one_line(bargein(tmp_path, "serve", "--play", str(tone(tmp_path)), "--db", "notes.txt"), 1)
    assert "notes.txt" in line
    assert (tmp_path / "notes.txt").read_text().startswith("these are my notes")


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = one_line(bargein(tmp_path, "serve", "--play", str(tone(tmp_path)), "--listen", address), 1)
    assert address in line
    assert "audiosocket.listen" in line


def test_a_wav_plays_from_the_first_frame_and_a_second_sigterm_ends_it_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, "--play", str(tone(tmp_path))) as (process, port):
        call = dial(port)
        frames = receive(call, 5 * 323)
        assert frames.startswith(b"\x10\x01\x40")
        assert b"\x00\x20\x00\xe0" in frames
        process.send_signal(signal.SIGTERM)  # lets calls finish
        assert process.stderr is not None
        told = "1 in progress may finish; a second signal ends them"
        assert any(told in line for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


def test_draining_ends_with_a_hangup_frame_and_exit_0(tmp_path: Path) -> None:
    (tmp_path / "bargein.toml").write_text("[audiosocket]\ndrain_s = 1\n")
    with serving(tmp_path, "--play", str(tone(tmp_path))) as (process, port):
        call = dial(port)
        call.recv(3)
        process.send_signal(signal.SIGTERM)
        call.settimeout(10)
        assert until_hangup(call)[-1] == FrameKind.HANGUP
        call.close()
        assert process.wait(20) == 0


def test_systemd_is_asked_for_the_time_that_a_long_drain_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bargein.toml").write_text("[audiosocket]\ndrain_s = 3600\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with serving(tmp_path, "--play", str(tone(tmp_path))) as (process, _):
            process.send_signal(signal.SIGTERM)
            assert [systemd.recv(100) for _ in range(3)] == [
                b"READY=1",
                b"STOPPING=1",
                b"EXTEND_TIMEOUT_USEC=3630000000",
            ]
            assert process.wait(20) == 0


def test_sighup_reads_the_flow_anew_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("language: en\nsteps:\n  hello:\n    say: Hello.\n    hangup:\n")
    with serving(tmp_path, "--flow", str(flow)) as (process, port):
        flow.write_text("language: en\nsteps:\n  hello:\n    say: Hello.\n    next: nowhere\n")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        for line in process.stderr:
            if "not read again" in line:
                break
        call = dial(port)
        call.settimeout(20)
        assert until_hangup(call)[-1] == FrameKind.HANGUP
        flow.write_text("language: en\nsteps:\n  hello:\n    say: Good day.\n    hangup:\n")
        process.send_signal(signal.SIGHUP)
        for line in process.stderr:
            if "were read again" in line:
                break


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 5000])
def test_garbage_on_the_port_leaves_other_calls_alone(tmp_path: Path, junk: bytes) -> None:
    with serving(tmp_path, "--play", str(tone(tmp_path))) as (_, port):
        call = dial(port)
        with socket.create_connection(("127.0.0.1", port), 20) as other:  # \xff waits for the id in vain: 5 s
            other.sendall(junk)
            with contextlib.suppress(ConnectionError):
                assert other.recv(10) == b""
        call.settimeout(5)
        assert len(receive(call, 323 * 25)) == 323 * 25


def test_a_server_says_what_runs_where() -> None:
    app = SimpleNamespace(config=Config(), ports=[9092, 9093], fastagi=SimpleNamespace(port=4573))
    line = _facts(app, "flow shop")  # type: ignore[arg-type]
    assert line.startswith(f"bargein {__version__}: AudioSocket on 127.0.0.1:9092, 9093, FastAGI on 127.0.0.1:4573, ")
    assert "flow shop, database bargein.db, no configuration file" in line
