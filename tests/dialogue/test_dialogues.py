"""The flows of a server: read off the event loop, and never in the way of a call."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from bargein.app import App
from bargein.config import Config, DialogueConfig
from bargein.core.turns.records import CallInfo
from bargein.core.wire.audiosocket import FrameKind, encode
from bargein.dialogue.dialogues import Dialogues
from tests.server.stalls import StallDetector

FLOW = "queue: {name}\nsteps:\n  ask: {{say: Hello., ask: 'Which one?', slot: it, next: end}}\n  end: {{hangup: }}\n"
LARGE = "".join(f"  s{n}: {{say: 'This is step {n}.', next: s{n + 1}}}\n" for n in range(800)) + "  s800: {hangup: }\n"


def dialogues(folder: Path) -> Dialogues:
    (folder / "main.yaml").write_text("slots: {it: {choices: [red, blue]}}\n" + FLOW.format(name="main"))
    return Dialogues(replace(Config(), dialogue=DialogueConfig(flow=str(folder / "main.yaml"))))


def queue_of(all_of_them: Dialogues, name: str) -> str:
    return all_of_them.planner(CallInfo("c", dialogue=name)).flow.queue  # type: ignore[attr-defined, no-any-return]


async def test_a_flow_that_a_call_names_is_read_before_its_planner_is_asked_for(tmp_path: Path) -> None:
    flows = dialogues(tmp_path)
    (tmp_path / "night.yaml").write_text("queue: night\nsteps:\n  a: {hangup: }\n")
    assert queue_of(flows, "night") == "main"
    await asyncio.gather(flows.prepare("night"), flows.prepare("night"))
    assert queue_of(flows, "night") == "night"


@pytest.mark.parametrize("planner", ["flow", "llm"])
def test_a_flow_has_fillers_of_its_own(tmp_path: Path, planner: Literal["flow", "llm"]) -> None:
    (tmp_path / "own.yaml").write_text("sayings: {filler: Bear with me.}\nsteps: {a: {say: Hello., hangup: }}\n")
    config = replace(Config(), dialogue=DialogueConfig(planner=planner, flow=str(tmp_path / "own.yaml")))
    sayings = Dialogues(config).planner(CallInfo("")).phrases.sayings
    assert sayings["filler"] == "Bear with me."
    assert sayings["moment"] == "Let me look."


async def test_a_wrong_name_and_a_wrong_flow_get_the_configured_one(tmp_path: Path) -> None:
    flows = dialogues(tmp_path)
    (tmp_path / "bad.yaml").write_text("steps: [\n")
    for name in ("", "none", "bad", "../main", "main"):
        await flows.prepare(name)
        assert queue_of(flows, name) == "main"


async def test_a_flow_whose_file_is_gone_does_not_keep_the_others_from_being_read_again(tmp_path: Path) -> None:
    flows = dialogues(tmp_path)
    (tmp_path / "night.yaml").write_text("queue: night\nsteps:\n  a: {hangup: }\n")
    await flows.prepare("night")
    (tmp_path / "night.yaml").unlink()
    (tmp_path / "main.yaml").write_text("queue: new\nsteps:\n  a: {hangup: }\n")
    flows.reload()
    assert [queue_of(flows, name) for name in ("", "night")] == ["new", "new"]


async def test_the_event_loop_goes_on_while_a_large_flow_is_read(tmp_path: Path) -> None:
    flows = dialogues(tmp_path)
    (tmp_path / "large.yaml").write_text("steps:\n" + LARGE)
    async with StallDetector() as stalls:
        await flows.prepare("large")
    assert not stalls.found


async def test_a_call_that_ends_early_leaves_its_slots_and_its_step_in_the_row(tmp_path: Path) -> None:
    flow = tmp_path / "main.yaml"
    flow.write_text("slots: {it: {choices: [red, blue]}}\n" + FLOW.format(name="main"))
    plain = Config()
    app = App(
        replace(
            plain,
            audiosocket=replace(plain.audiosocket, listen="127.0.0.1:0"),
            fastagi=replace(plain.fastagi, listen="127.0.0.1:0"),
            store=replace(plain.store, url=f"sqlite:///{tmp_path / 'calls.db'}"),
            dialogue=DialogueConfig(flow=str(flow)),
        )
    )
    await app.start()
    call_id = app.registry.register(CallInfo(""))
    reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    await reader.readexactly(323 * 20)  # the question is committed with its first audio
    writer.close()
    async with asyncio.timeout(5):
        while app.server.calls:  # noqa: ASYNC110 - the server has no event for a test
            await asyncio.sleep(0.02)
    await app.store.flush()
    row = await app.store.call(call_id)
    assert (row.outcome, row.last_step) == ("caller_hung_up", "ask")
    await app.close()
