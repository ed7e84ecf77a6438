"""What Asterisk says of a queue, and the names that a flow gets."""

from __future__ import annotations

import pytest

from bargein.pbx import availability


@pytest.mark.parametrize(
    ("told", "since", "ready", "waiting", "wait"),
    [
        ("0,2,1764334486,-1,,PJSIP/a-00000001", "support 1764334246", "0", "2", "4"),
        ("3,0,1764334486,-1,,", "", "3", "0", ""),
        ("0,1,1764334486,-1,,PJSIP/a-00000001", "", "0", "1", ""),  # it came another way: nobody knows since when
        ("0,1,1764334486,0,150,PJSIP/a-00000001", "support 1764334480", "0", "1", "2"),  # the average is more
        ("0,1,1764334486,-1,,PJSIP/a-00000001", "support 1764334480", "0", "1", "1"),  # "in 0 minutes" is no answer
        ("0,1,1764334486,-1,,PJSIP/a-00000001", "support 1764339999", "0", "1", ""),  # two clocks
    ],
)
def test_the_names_of_a_flow(told: str, since: str, ready: str, waiting: str, wait: str) -> None:
    names = {"queue.ready": ready, "queue.waiting": waiting, "queue.wait": wait}
    assert availability.names(told, since) == names


@pytest.mark.parametrize("told", ["", ",,1764334486,,,", "x,y,z", "1,2"])
def test_what_cannot_be_read_says_nothing(told: str) -> None:
    assert availability.names(told) == {}
    assert availability.first_channel(told) == ""


def test_the_one_who_waits_longest_is_asked_only_if_somebody_waits() -> None:
    assert availability.first_channel("0,1,1,-1,,Local/s@q,x-1;2") == "Local/s@q,x-1;2"
    assert availability.first_channel("0,0,1,-1,,PJSIP/a-1") == ""


def test_the_summary_of_the_manager_interface() -> None:
    event = {"Available": "0", "Callers": "2", "HoldTime": "30", "LongestHoldTime": "245"}
    assert availability.of_summary(event) == {"queue.ready": "0", "queue.waiting": "2", "queue.wait": "4"}
    assert availability.of_summary({"Queue": "support"}) == {}
