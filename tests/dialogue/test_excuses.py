"""A cold is no excuse for a noise where the caller is asked what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.core.language.intent import classify
from bargein.core.language.kinds import Kind
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language

from .flows import call_of, write

REASON = """
language: {language}
slots:
  reason: {{type: text}}
steps:
  ask: {{ask: "What brings you to us?", slot: reason, next: end}}
  end: {{say: "Noted: {{reason}}.", hangup: yes}}
"""


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "I have a cold"),
        ("en", "sorry, I have a cough"),
        ("en", "I dropped my phone"),
        ("de", "ich habe Husten"),
        ("de", "mir ist das Handy runtergefallen"),
        ("es", "tengo tos"),
        ("fr", "j'ai un rhume"),
        ("it", "ho la tosse"),
        ("nl", "ik ben verkouden"),
        ("pt", "estou com tosse"),
    ],
)
async def test_what_ails_the_caller_is_noted(tmp_path: Path, language: str, said: str) -> None:
    call = call_of(load(write(tmp_path, REASON.format(language=language))))
    await call.start()
    assert (await call.says(said)).text == f"Noted: {said}."


async def test_a_backchannel_is_not_noted(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, REASON.format(language="en"))))
    await call.start()
    assert not (await call.says("uh-huh")).text.startswith("Noted")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "I have a cold, go on"),
        ("de", "ich habe Husten, weiter"),
        ("es", "tengo tos, siga"),
        ("fr", "j'ai un rhume, continuez"),
        ("it", "ho la tosse, continui"),
        ("nl", "ik ben verkouden, ga door"),
        ("pt", "estou com tosse, continue"),
    ],
)
def test_with_go_on_it_is_an_excuse(language: str, said: str) -> None:
    assert classify(said, load_language(language)) is Kind.BACKCHANNEL
