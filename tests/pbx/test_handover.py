"""What became of a caller, from the variables of the channel. That they are so is for tests/asterisk to show."""

from __future__ import annotations

import pytest

from bargein.core.turns.records import Handover
from bargein.pbx.handover import handover

CALLER, MEMBER = "PJSIP/trunk-00000001", "PJSIP/201-00000002"
QUEUED = {"BARGEIN_STAGE": "people", "BARGEIN_RESULT": "queue", "BARGEIN_QUEUED": "support 100", "HANGUPCAUSE": "16"}
DIALLED = {"BARGEIN_STAGE": "people", "BARGEIN_RESULT": "transfer", "BARGEIN_EXTEN": "200", "HANGUPCAUSE": "16"}
ANSWERED = {"SHARED(BARGEIN_ANSWERED)": f"114 {MEMBER}", "ANSWEREDTIME": "190", "EPOCH": "304"}
BY_CALLER, BY_MEMBER = {"CHANNEL(hangupsource)": CALLER}, {"CHANNEL(hangupsource)": MEMBER}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (QUEUED | ANSWERED | BY_CALLER, Handover("support", "", "answered", 14_000, "201", 190_000, 16, "caller")),
        (QUEUED | ANSWERED | BY_MEMBER, Handover("support", "", "answered", 14_000, "201", 190_000, 16, "member")),
        (
            QUEUED | ANSWERED | BY_CALLER | {"MEMBERNAME": "Ann", "QUEUEWAIT_MS": "13500", "ANSWEREDTIME_MS": "189900"},
            Handover("support", "", "answered", 13_500, "Ann", 189_900, 16, "caller"),
        ),
        (
            QUEUED | BY_CALLER | {"EPOCH": "109", "ANSWEREDTIME": "0"},
            Handover("support", "", "abandoned", 9_000, "", None, 16, "caller"),
        ),
        (
            QUEUED | {"QUEUESTATUS": "TIMEOUT", "BARGEIN_LEFT": "130", "EPOCH": "134"},
            Handover("support", "", "timeout", 30_000, "", None, 16, "dialplan"),
        ),
        (
            QUEUED | BY_CALLER | {"QUEUESTATUS": "JOINEMPTY", "BARGEIN_LEFT": "100", "EPOCH": "103"},
            Handover("support", "", "joinempty", 0, "", None, 16, "caller"),  # hung up in the apology
        ),
        (
            QUEUED | {"QUEUESTATUS": "CONTINUE", "BARGEIN_LEFT": "120", "EPOCH": "120"},
            Handover("support", "", "declined", 20_000, "", None, 16, "dialplan"),
        ),
        (QUEUED | {"EPOCH": "100"}, Handover("support", "", "unanswered", 0, "", None, 16, "dialplan")),
        (
            DIALLED | BY_MEMBER | {"DIALSTATUS": "ANSWER", "DIALEDPEERNAME": "Local/200@phones-00000003;1",
                                   "DIALEDTIME": "65", "ANSWEREDTIME": "60"},
            Handover("", "200", "answered", 5_000, "200", 60_000, 16, "member"),
        ),
        (
            DIALLED | {"DIALSTATUS": "BUSY", "DIALEDTIME": "1"},
            Handover("", "200", "busy", 1_000, "", None, 16, "dialplan"),
        ),
        (
            DIALLED | BY_CALLER | {"DIALSTATUS": "CANCEL", "DIALEDTIME": "4"},
            Handover("", "200", "abandoned", 4_000, "", None, 16, "caller"),
        ),
        (DIALLED, Handover("", "200", "", None, "", None, 16, "dialplan")),  # no Dial: an announcement
        (QUEUED | BY_CALLER | {"BARGEIN_STAGE": "agent"}, Handover(hangup_cause=16, hung_up_by="caller")),
        ({"BARGEIN_STAGE": "people", "BARGEIN_RESULT": "hangup"}, Handover(hung_up_by="dialplan")),
        ({}, Handover(hung_up_by="caller")),
    ],
)  # fmt: skip
def test_what_became_of_a_caller(values: dict[str, str], expected: Handover) -> None:
    assert handover(values, CALLER) == expected
