"""What the configuration says to the core."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bargein.config import AudioSocketConfig, Config, EndpointConfig
from bargein.core.turns.endpoint import EndpointSettings
from bargein.core.turns.records import CallInfo
from bargein.server.settings import conversation_settings


def test_the_configured_silences_reach_the_core() -> None:
    config = replace(Config(), endpoint=EndpointConfig(min_ms=200, max_ms=900, story_ms=580))
    assert conversation_settings(config).endpoint == EndpointSettings(min_ms=200, max_ms=900, story_ms=580)


def test_the_defaults_are_those_of_the_core() -> None:
    assert conversation_settings(Config()).endpoint == EndpointSettings()


@pytest.mark.parametrize("hears", [False, True])
def test_16_khz_for_a_caller_who_hears_it_unless_it_is_switched_off(hears: bool) -> None:
    info = CallInfo("c", wideband=hears)
    assert conversation_settings(Config(), info).wideband is hears
    assert not conversation_settings(replace(Config(), audiosocket=AudioSocketConfig(wideband=False)), info).wideband
