"""Who hears 16 kHz."""

from __future__ import annotations

import pytest

from bargein.pbx.wideband import hears_wideband


@pytest.mark.parametrize(
    ("version", "hears"),
    [
        *((version, True) for version in ("22.10.1", "20.17.0", "21.12.0", "22.7.0-rc1", "23.1.0", "24.0.0")),
        ("22.10.1~dfsg+~cs6.15.60671435-1", True),
        *((version, False) for version in ("22.6.9", "20.16.0", "21.11.1", "23.0.0", "19.99.0", "18.26.4", "16.2.1")),
        *((version, False) for version in ("", "certified/20.18-cert1", "certified-22.8-cert1", "GIT-master-3c92970")),
    ],
)
def test_an_asterisk_that_may_not_take_16_khz_never_gets_it(version: str, hears: bool) -> None:
    assert hears_wideband(version, "g722") is hears


@pytest.mark.parametrize(
    ("codec", "hears"),
    [
        *((codec, True) for codec in ("g722", "opus", "slin16", "g722|opus")),
        *((codec, False) for codec in ("ulaw", "alaw", "gsm", "slin", "", "g722|ulaw", "siren")),
    ],
)
def test_a_caller_whose_codec_may_be_narrow_never_gets_it(codec: str, hears: bool) -> None:
    assert hears_wideband("22.10.1", codec) is hears
