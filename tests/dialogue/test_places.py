"""A choice that is said back is corrected by its place, but not by every "first" and "last"."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.dialogue.flow import load

from .flows import call_of, write

MUG = """
language: {language}
slots:
  mug: {{choices: {{red: {{value: red}}, blue: {{value: blue}}}}}}
steps:
  ask: {{ask: "Red or blue?", slot: mug, next: check}}
  check: {{say: "{{mug}}.", ask: "Right?", confirm: [mug], next: end}}
  end: {{say: "Got {{mug.value}}.", hangup: yes}}
"""


async def answer(tmp_path: Path, language: str, first: str, said: str) -> str:
    call = call_of(load(write(tmp_path, MUG.format(language=language))))
    await call.start()
    await call.says(first)
    return (await call.says(said)).text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "no, the last one"),
        ("en", "no, the second one please"),
        ("de", "nein, das zweite"),
        ("de", "nein, die letzte bitte"),
        ("es", "no, la segunda"),
        ("fr", "non, le deuxième"),
        ("it", "no, la seconda"),
        ("nl", "nee, de tweede"),
        ("pt", "não, a segunda"),
    ],
)
async def test_the_other_one_by_its_place(tmp_path: Path, language: str, said: str) -> None:
    assert "blue. Right?" in await answer(tmp_path, language, "red", said)


@pytest.mark.parametrize(
    ("language", "chosen", "said"),
    [
        ("en", "red", "yes, one last question"),
        ("en", "red", "no, one last question"),
        ("en", "blue", "first of all, yes"),
        ("en", "blue", "yes, first class please"),
        ("en", "blue", "yes, that was my first choice"),
        ("en", "blue", "no, that was the first thing I said"),
        ("de", "red", "ja, eine letzte Frage"),
        ("de", "blue", "ja, erste Klasse bitte"),
        ("es", "red", "sí, una última pregunta"),
        ("fr", "red", "oui, une dernière question"),
        ("it", "red", "sì, un'ultima domanda"),
        ("nl", "red", "ja, een laatste vraag"),
        ("pt", "red", "sim, uma última pergunta"),
    ],
)
async def test_an_ordinal_of_something_else(tmp_path: Path, language: str, chosen: str, said: str) -> None:
    other = "blue" if chosen == "red" else "red"
    text = await answer(tmp_path, language, chosen, said)
    assert f"{other}." not in text
