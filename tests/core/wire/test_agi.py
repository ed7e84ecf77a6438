"""The FastAGI codec: whole, byte by byte, truncated, with trailing bytes, and with anything."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.wire import agi

REQUEST = (
    b"agi_network: yes\n"
    b"agi_network_script: start?dialogue=shop&queue=sales%20team&x=\n"
    b"agi_request: agi://127.0.0.1:4573/start?dialogue=shop&queue=sales%20team&x=\n"
    b"agi_channel: PJSIP/caller-00000001\n"
    b"agi_callerid: unknown\n"
    b"agi_calleridname: Mary: the \xc3\xa9l\xe8ve\n"
    b"agi_dnid: 700\n"
    b"agi_arg_1: one\n"
    b"\n"
)


def parse(data: bytes, step: int) -> tuple[agi.AgiRequest | None, bytes]:
    parser = agi.RequestParser()
    for at in range(0, len(data), step):
        request = parser.feed(data[at : at + step])
        if request is not None:
            return request, parser.rest + data[at + step :]
    return None, parser.rest


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
def test_request_in_pieces_of_any_size(step: int) -> None:
    request, rest = parse(REQUEST + b"HANGUP\n", step)
    assert request is not None
    assert rest == b"HANGUP\n"
    assert request.script == "start"
    assert request.query == (("dialogue", "shop"), ("queue", "sales team"), ("x", ""))
    assert request.fields["arg_1"] == "one"
    assert request.fields["calleridname"] == "Mary: the él\ufffdve"
    assert request.known("callerid") == ""
    assert request.known("dnid") == "700"
    assert request.known("nothing") == ""


def test_request_with_carriage_returns() -> None:
    request, _ = parse(REQUEST.replace(b"\n", b"\r\n"), 10_000)
    assert request is not None
    assert request.script == "start"


@pytest.mark.parametrize("length", range(len(REQUEST)))
def test_truncated_request_is_no_request(length: int) -> None:
    assert agi.RequestParser().feed(REQUEST[:length]) is None


def test_a_line_smuggled_into_a_name_cannot_change_the_script() -> None:
    request = agi.RequestParser().feed(
        b"agi_network_script: start\nagi_calleridname: x\nagi_network_script: finish\n\n"
    )
    assert request is not None
    assert request.script == "start"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n", "not an AGI"),
        (b"agi network_script: x\n", "not an AGI"),
        (b"agi_x: " + b"y" * 9000, "longer"),
        (b"agi_x: " + b"y" * 9000 + b"\n\n", "longer"),
        (b"agi_x: y\n" * 500, "lines"),
        (b"\n" * 500, "lines"),
    ],
)
def test_what_is_no_request_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(agi.AgiError, match=why):
        agi.RequestParser().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\n" + REQUEST,
        REQUEST.replace(b"agi_channel", b"\nagi_channel").replace(b"agi_network: yes", b"agi_network: yes\n", 1),
        b"agi_network: yes\n\n" + REQUEST,
        REQUEST.replace(b"agi_network_script: ", b"AGI_Network_Script :\t").replace(b"x=\n", b"x= \t\n"),
        REQUEST.replace(b"agi_dnid", b"a line without a colon\nagi_dnid"),
        REQUEST.replace(b"agi_dnid", b"somebody: else\nagi_dnid"),
        REQUEST.replace(b"start?", b"/start/?"),
    ],
)
def test_a_request_of_any_shape(data: bytes) -> None:
    request, _ = parse(data, 10_000)
    assert request is not None
    assert (request.script, dict(request.query)["dialogue"]) == ("start", "shop")


def test_an_endless_request_is_refused() -> None:
    parser = agi.RequestParser()
    line = b"agi_x: " + b"y" * 4000 + b"\n"
    for _ in range(agi.MAX_REQUEST_BYTES // len(line)):
        assert parser.feed(line) is None
    with pytest.raises(agi.AgiError, match="bytes"):
        parser.feed(line)


REPLIES: list[tuple[bytes, agi.AgiReply | agi.HungUp]] = [
    (b"200 result=1\n", agi.AgiReply(200, "1")),
    (b"200 result=0\n", agi.AgiReply(200, "0")),
    (b"200 result=1 (a value)\n", agi.AgiReply(200, "1", "a value")),
    (b"200 result=1 ()\n", agi.AgiReply(200, "1", "")),
    (b"200 result=1 (two\nor\n\nthree)\n", agi.AgiReply(200, "1", "two\nor\n\nthree")),
    (b"200 result=0 endpos=160\n", agi.AgiReply(200, "0", "endpos=160")),
    (b"200 result= (timeout)\n", agi.AgiReply(200, "", "timeout")),
    (b"100 Trying\n", agi.AgiReply(100, value="Trying")),
    (b"510 Invalid or unknown command\n", agi.AgiReply(510, value="Invalid or unknown command")),
    (b"511 Command Not Permitted on a dead channel\n",
     agi.AgiReply(511, value="Command Not Permitted on a dead channel")),
    (b"520 Invalid command syntax.  Proper usage not available.\n",
     agi.AgiReply(520, value="Invalid command syntax.  Proper usage not available.")),
    (b"520-Invalid command syntax.  Proper usage follows:\nUsage: X\n520 End of proper usage.\n",
     agi.AgiReply(520, value="Invalid command syntax.  Proper usage follows:\nUsage: X\n520 End of proper usage.")),
    (b"520-Invalid.\nUsage: X520 End of proper usage.\n",
     agi.AgiReply(520, value="Invalid.\nUsage: X520 End of proper usage.")),
    (b"200 result=1 (call (home) or\nlater)\n", agi.AgiReply(200, "1", "call (home) or\nlater")),
    (b"200 result=1 (a) endpos=160\n", agi.AgiReply(200, "1", "(a) endpos=160")),
    (b"200 result=1 (say \"hi\" \\\\ :-)) \n", agi.AgiReply(200, "1", 'say "hi" \\\\ :-)')),
    (b"200 result=1 (" + b"v" * 4096 + b")\n", agi.AgiReply(200, "1", "v" * 4096)),
    (b"200 fine\n", agi.AgiReply(200, value="fine")),
    (b"200\n", agi.AgiReply(200)),
    (b"nonsense\n", agi.AgiContinuation("nonsense")),
    (b"2000 result=1\n", agi.AgiContinuation("2000 result=1")),
    (b"\n", agi.AgiContinuation("")),
    (b"HANGUP\n", agi.HungUp()),
]  # fmt: skip


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_replies_in_pieces_of_any_size(step: int) -> None:
    data = b"".join(wire.replace(b"\n", b"\r\n") if step == 3 else wire for wire, _ in REPLIES)
    parser = agi.ReplyParser()
    events = [event for at in range(0, len(data), step) for event in parser.feed(data[at : at + step])]
    assert events == [event for _, event in REPLIES]


@pytest.mark.parametrize(("wire", "event"), REPLIES)
def test_a_reply_that_comes_in_parts_is_one_event(wire: bytes, event: agi.AgiReply | agi.HungUp) -> None:
    parser = agi.ReplyParser(wire[:-2])
    assert parser.feed(wire[-2:-1] if len(wire) > 1 else b"") == []
    assert parser.feed(b"\n") == [event]


def test_only_200_with_no_negative_result_is_ok() -> None:
    assert agi.AgiReply(200, "0").ok
    assert not agi.AgiReply(200, "-1").ok
    assert not agi.AgiReply(510).ok


def test_a_value_of_many_lines_is_one_value() -> None:
    value = "\n".join(str(line) for line in range(1000))
    assert agi.ReplyParser().feed(f"200 result=1 ({value})\n".encode()) == [agi.AgiReply(200, "1", value)]


@pytest.mark.parametrize("data", [b"520-x\n" + b"usage\n" * 200, b"200 result=1 (x\n" * 600, b"x\n" * 4200])
def test_an_endless_reply_is_refused(data: bytes) -> None:
    with pytest.raises(agi.AgiError):
        agi.ReplyParser().feed(data)


@pytest.mark.parametrize(
    ("value", "continuation", "whole"),
    [
        ("a", [], "a"),
        ("a", ["b)"], "a)\nb"),
        ("call (home", ["or (work) later)"], "call (home)\nor (work) later"),
        ("a", ["", "b)", "", "c)", ""], "a)\n\nb)\n\nc"),
        ("a", ["", "nonsense"], "a"),
    ],
)
def test_a_value_and_the_lines_behind_its_reply(value: str, continuation: list[str], whole: str) -> None:
    assert agi.joined(value, continuation) == whole


def test_the_words_of_a_command_are_quoted_where_needed() -> None:
    assert agi.command("GET", "VARIABLE", "BARGEIN_ID") == b"GET VARIABLE BARGEIN_ID\n"
    assert agi.command("SET", "VARIABLE", "X", "") == b'SET VARIABLE X ""\n'
    assert agi.command("SET", "VARIABLE", "X", 'a "b" \\ c') == b'SET VARIABLE X "a \\"b\\" \\\\ c"\n'


@pytest.mark.parametrize("word", ["a\nSET VARIABLE X 1", "a\r", "a\0b", "x" * 2048])
def test_a_command_that_cannot_be_carried_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="AGI command"):
        agi.command("SET", "VARIABLE", "X", word)


@given(st.text(alphabet=st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=200))
def test_quoting_is_undone_by_the_rules_of_a_shell(value: str) -> None:
    line = agi.command("SET", "VARIABLE", "X", value).decode().removesuffix("\n")
    assert shlex.split(line, comments=False)[3] == value


@given(st.binary(max_size=400), st.integers(1, 50))
def test_anything_gives_a_result_or_an_agi_error(data: bytes, step: int) -> None:
    for parser in (agi.RequestParser(), agi.ReplyParser()):
        try:
            for at in range(0, len(data), step):
                parser.feed(data[at : at + step])
        except agi.AgiError:
            pass


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_0-9]+", fullmatch=True),
        st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=60),
        max_size=20,
    ),
    st.integers(1, 80),
)
def test_any_fields_survive_any_cut(fields: dict[str, str], step: int) -> None:
    fields = {"network_script": "start", **fields}
    wire = "".join(f"agi_{name}: {value}\n" for name, value in fields.items()).encode() + b"\n"
    request, rest = parse(wire, step)
    assert request is not None
    assert dict(request.fields) == {name: value.strip(" \t") for name, value in fields.items()}
    assert rest == b""


@pytest.mark.parametrize(
    ("channel", "endpoint"),
    [
        ("PJSIP/trunk-00000001", "PJSIP/trunk"),
        ("PJSIP/my-trunk-0000abcd", "PJSIP/my-trunk"),
        ("Local/700@from-internal-00000002;1", "Local/700@from-internal"),
        ("SIP/201", "SIP/201"),
        ("", ""),
    ],
)
def test_whose_channel_it_is(channel: str, endpoint: str) -> None:
    assert agi.endpoint_of(channel) == endpoint
