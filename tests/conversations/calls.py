"""The conversations: what each caller does, and all of them held at once with one server over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bargein.app import App
from bargein.config import Config
from bargein.core.turns.records import CallInfo, Interruption, Situation, Turn
from bargein.dialogue.base import Planner, Reply
from bargein.dialogue.dialogues import Dialogues, find
from bargein.dialogue.flow import load
from bargein.dialogue.flow.prompts import known_sentences
from bargein.dialogue.languages import load as load_language
from bargein.speech import catalog
from bargein.store import Reader
from bargein.store.rows import Call
from tests.conversations.phone import Caller, Cue, Heard, ask_agi, pitched, place_call

EVERY_S = 2.0  # a call begins so long after the one before: one recognizer serves them all
LIMIT_S = 60.0

LIST = "We have the red mug for ten dollars, the green mug for twelve dollars, and the blue mug for fifteen dollars."
SEND = "We will send it to the address that we have on file, and it should arrive on Friday."
# What callers say has no pause of 300 ms in it: a fast recognizer would take what is before it for all.
RED = Cue("We have the red mug for ten", says="The red one, please.")
SCRIPTS: dict[str, Sequence[Cue]] = {  # the long ones first
    "correct": (
        RED,
        Cue("We will send it to the address", says="No, wait, I want the green one."),
        Cue("One green mug for twelve", hangs_up=True),
    ),
    "stop": (
        Cue("We have the red mug for ten dollars, the green", says="Wait a second."),
        Cue("Sure, take your time.", after_s=3.0, says="Okay, go on."),
        Cue("We have the red mug for ten", hangs_up=True),
    ),
    "last word": (
        Cue("Which one would you like?", says="The blue one, please."),
        Cue("One blue mug for fifteen", hangs_up=True),
    ),
    "two in a row": (
        RED,
        Cue("One red mug", says="No, the blue one."),
        Cue("One blue mug for fifteen", hangs_up=True),
    ),
    "redirect": (
        RED,
        Cue("We will send it to", says="Actually, skip that."),
        Cue("How would you like", hangs_up=True),
    ),
    "confirm": (
        RED,
        Cue("We will send it to the address that", says="Yep, got it, what's next?"),
        Cue("How would you like", hangs_up=True),
    ),
    "silence": (
        Cue("We have the red mug for ten dollars, the", says="Well, I was thinking that maybe"),
        Cue("Which one would", hangs_up=True),
    ),
    "the answer": (
        Cue("We have the red mug for ten dollars, the green mug", says="On what day will it arrive?"),
        Cue("It should arrive on", says="And where do you send it?"),
        Cue("We send it to the address", hangs_up=True),
    ),
    "question": (
        Cue("We have the red mug for ten dollars, the green", says="How soon will it arrive?"),
        Cue("Which one would", hangs_up=True),
    ),
    "repeat": (
        Cue("We have the red mug for ten dollars, the green mug for", says="Can you say that again?"),
        Cue("We have the red mug for ten", hangs_up=True),
    ),
    "digit": (
        Cue("We have the red mug for ten dollars, the green mug for twelve", presses="3"),
        Cue("One blue mug for fifteen", hangs_up=True),
    ),
    "person": (Cue("We have the red mug", says="Can I talk to a person?"),),
}


@dataclass(frozen=True)
class Result:
    """What a call left behind: in the database, with the dialplan, with the caller and with the planner."""

    in_time: bool
    call: Call
    turns: Sequence[Turn]
    rows: Sequence[Interruption]
    variables: dict[str, str]
    caller: Caller
    heard: Sequence[Heard]
    situations: Sequence[Situation]


class Overheard:
    """A planner whose situations are kept."""

    def __init__(self, planner: Planner) -> None:
        self.situations: list[Situation] = []
        self._planner = planner

    def __getattr__(self, name: str) -> object:
        return getattr(self._planner, name)

    def plan(self, situation: Situation) -> Reply:
        self.situations.append(situation)
        return self._planner.plan(situation)


async def held(folder: Path, names: Sequence[str] = ()) -> dict[str, Result]:
    """Hold the conversations, all of them or those named; the database is in `folder`."""
    url = f"sqlite:///{folder}/calls.db"
    config = Config()
    config = replace(
        config,
        audiosocket=replace(config.audiosocket, listen="127.0.0.1:0"),
        fastagi=replace(config.fastagi, listen="127.0.0.1:0"),
        server=replace(config.server, admission=False),  # all calls at once, in the process of the test
        store=replace(config.store, url=url),
    )
    dialogues, planners = Dialogues(config), dict[str, Overheard]()

    def make_planner(info: CallInfo) -> Planner:
        planners[info.id] = Overheard(dialogues.planner(info))
        return planners[info.id]

    voice = catalog.voice(config.speech, "en")
    texts = known_sentences(load(find("shop")), load_language("en").sayings)
    sentences = {text: await voice.utterance(text) for text in texts}
    scripts = {name: cues for name, cues in SCRIPTS.items() if not names or name in names}
    spoken = {cue.says for cues in scripts.values() for cue in cues if cue.says}
    said = {text: pitched((await voice.utterance(text)).pcm) for text in spoken}
    app = App(config, make_planner)
    await app.start()

    async def hold(index: int, cues: Sequence[Cue]) -> tuple[Caller, bool, dict[str, str]]:
        await asyncio.sleep(index * EVERY_S)
        caller = Caller(cues, sentences, said)
        variables = await ask_agi(app.fastagi.port, "start", {})
        in_time = await place_call(caller, variables["BARGEIN_SERVER"], variables["BARGEIN_ID"], LIMIT_S)
        return caller, in_time, await ask_agi(app.fastagi.port, "finish", variables)

    try:
        done = await asyncio.gather(*(hold(index, cues) for index, cues in enumerate(scripts.values())))
        await app.store.flush()
    finally:
        await app.close()
        voice.close()
    results = {}
    async with await Reader.open(url) as log:
        for name, (caller, in_time, variables) in zip(scripts, done, strict=True):
            call_id = variables["BARGEIN_ID"]
            results[name] = Result(
                in_time,
                await log.call(call_id),
                [logged.turn for logged in await log.turns(call_id)],
                sorted((i.interruption for i in await log.interruptions(call_id=call_id)), key=lambda r: r.onset_ms),
                variables,
                caller,
                caller.heard(),
                planners[call_id].situations,
            )
    return results
