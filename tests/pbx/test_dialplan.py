"""What `bargein dialplan` prints; that it works is for tests/asterisk to show."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.dialogue import dialogues
from bargein.errors import UserError
from bargein.pbx.dialplan import Plan, render, subroutine

SHIPPED = Path(__file__).parents[2] / "asterisk-conf"


def test_the_shipped_extension_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(cli, ["dialplan", "--exten", "700", "--queue", "support"])
    assert printed.exit_code == 0
    assert printed.output == (SHIPPED / "extension.conf").read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bargein.conf", subroutine("bargein", ("127.0.0.1:4573",))),
        ("failover.conf", subroutine("bargein-failover", ("10.0.0.11:4573", "10.0.0.12:4573"))),
    ],
)
def test_the_shipped_subroutines_are_the_printed_one(name: str, text: str) -> None:
    assert (SHIPPED / name).read_text().endswith(text)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.conf")), ids=lambda path: path.name)
def test_every_shipped_file_says_what_it_is_and_jumps_only_to_labels_that_exist(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("; ")
    labels = set(re.findall(r"n\((\w+)\)", text))
    jumps = set(re.findall(r"\?(\w+)(?:\)|:)", text)) | set(re.findall(r"BARGEIN_LATE=(\w+)", text))
    assert jumps <= labels


def test_everything_that_was_asked_for_is_in_it() -> None:
    text = render(
        Plan(
            "_7XX",
            "sales",
            context="phones",
            agi=("a.example:1", "[::1]:2"),
            app="dial",
            dialogue="my-shop",
            variables=("ACCOUNT",),
            onward="ivr,s,1",
            record=True,
        )
    )
    assert "[phones]\nexten => _7XX,1,Answer()" in text
    assert "Gosub(bargein-_7XX,s,1(my-shop&var=ACCOUNT&record=yes,sales))" in text
    assert text.index("BARGEIN_AGI=a.example:1") < text.index("BARGEIN_AGI=[::1]:2")
    assert "Dial(AudioSocket/${BARGEIN_SERVER}/${BARGEIN_ID}/c(slin),,g)" in text
    assert "GotoIf(${DIALPLAN_EXISTS(ivr,s,1)}?ivr,s,1)" in text


def test_the_caller_is_heard_at_16_khz_if_that_is_asked_for() -> None:
    assert "Dial(AudioSocket/${BARGEIN_SERVER}/${BARGEIN_ID}/c(slin16),,g)" in render(Plan("700", "a", app="dial16"))


@pytest.mark.parametrize(
    ("listen", "agi"),
    [
        ("10.0.0.5:4999", "10.0.0.5:4999"),
        ("0.0.0.0:4573", "127.0.0.1:4573"),
        ("[::]:4573", "[::1]:4573"),
        ("[::1]:4573", "[::1]:4573"),
    ],
)
def test_the_address_comes_from_the_configuration(listen: str, agi: str, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'[fastagi]\nlisten = "{listen}"\n')
    options = ["--exten", "700", "--queue", "support", "--config", str(file)]
    printed = CliRunner().invoke(cli, ["dialplan", *options])
    assert printed.exit_code == 0
    assert f"BARGEIN_AGI={agi})" in printed.output
    printed = CliRunner().invoke(cli, ["dialplan", *options, "--agi", "10.9.9.9:1"])
    assert "BARGEIN_AGI=10.9.9.9:1)" in printed.output


@pytest.mark.parametrize(
    ("onward", "step"),
    [
        ("ivr,s,1", "GotoIf(${DIALPLAN_EXISTS(ivr,s,1)}?ivr,s,1)"),
        ("s,1", "GotoIf(${DIALPLAN_EXISTS(from-internal,s,1)}?from-internal,s,1)"),
        ("bye", "Goto(bye)"),
    ],
)
def test_a_way_on_that_does_not_exist_loses_nobody(onward: str, step: str) -> None:
    assert f" same => n(on),NoOp()\n same => n,{step}\n same => n,Goto(people)\n" in render(
        Plan("700", "support", onward=onward)
    )


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.conf")), ids=lambda path: path.name)
def test_every_queue_is_followed_by_people_or_a_sentence(path: Path) -> None:
    steps = [line for line in path.read_text().splitlines() if line.startswith((" same", "exten"))]
    lines = [line for line in steps if "Set(" not in line]
    for line, after in pairwise(lines):
        if ",Queue(" in line:
            assert ",Queue(" in after or ",Playback(" in after or ",Goto(nobody)" in after, line


@pytest.mark.parametrize(
    "options",
    [
        {"exten": "700)\nexten => x"},
        {"exten": ""},
        {"queue": "a,b"},
        {"queue": "a;b"},
        {"context": "[x]"},
        {"agi": ("nowhere",)},
        {"agi": ()},
        {"agi": ("host\nexten => x:1",)},
        {"agi": ("a;b:1",)},
        {"agi": ("a b:1",)},
        {"agi": ("a)b:1",)},
        {"agi": ("[::g]:1",)},
        {"agi": ("::1:4573",)},
        {"agi": ("host:0",)},
        {"agi": ("host:70000",)},
        {"agi": ("host:\u0664\u0665",)},
        {"dialogue": "flows/shop"},
        {"warm": "music", "back": "a,b"},
        {"dialogue": "shop.yaml"},
        {"dialogue": "shop&record=yes"},
        {"exten": "*" * 70},
        {"variables": ("a b",)},
        {"onward": "x)"},
    ],
)
def test_what_is_no_word_of_a_dialplan_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError) as error:
        Plan(**({"exten": "700", "queue": "support"} | options))  # type: ignore[arg-type]
    assert error.value.exit_code == 2
    assert str(error.value).startswith("--")
    assert len(str(error.value).splitlines()) == 1


def test_extensions_that_differ_have_subroutines_that_differ() -> None:
    extensions = ("70", "*70", "#70", "7*0", "_70", "_7[12]X", "_712X", "_7.", "_7!", "+70")
    names = {Plan(exten, "support").subroutine for exten in extensions}
    assert len(names) == len(extensions)
    assert all(re.fullmatch(r"bargein-[A-Za-z0-9_-]+", name) for name in names)
    text = render(Plan("*70", "support"))
    assert "#include bargein--star-70.conf\n" in text
    assert "Gosub(bargein--star-70,s,1(" in text
    assert "\n[bargein--star-70]\n" in text


@pytest.mark.parametrize("name", ["shop", "night-2", "a" * 64, "", "a" * 65, "-x", "a.b", "a/b", "a b"])
def test_a_dialogue_that_is_printed_is_one_that_the_server_takes(name: str) -> None:
    def printed() -> bool:
        try:
            Plan("700", "support", dialogue=name)
        except UserError:
            return False
        return True

    assert printed() == (not name or bool(dialogues.NAME.fullmatch(name)))


LOGGED = {
    "--cdr": [
        "Set(CDR(userfield)=${BARGEIN_ID} caller_hung_up)",
        "Set(CDR(userfield)=${BARGEIN_ID} ${BARGEIN_RESULT})",
    ],
    "--cel": ["CELGenUserEvent(BARGEIN_START,", "CELGenUserEvent(BARGEIN_RESULT,"],
    "--queue-log": ["QueueLog("],
    "--events": ["UserEvent(BargeinStart,", "UserEvent(BargeinResult,"],
}


@pytest.mark.parametrize("option", LOGGED)
def test_each_log_of_asterisk_is_written_only_if_asked_for(option: str) -> None:
    printed = CliRunner().invoke(cli, ["dialplan", "--exten", "700", "--queue", "support", option]).output
    for other, steps in LOGGED.items():
        assert all((step in printed) == (other == option) for step in steps), other


def test_warm_handover_in_a_dialplan() -> None:
    options = ["--exten", "700", "--queue", "support", "--warm", "ringing", "--back", "callback", "--patience", "30"]
    printed = CliRunner().invoke(cli, ["dialplan", *options]).output
    assert "Dial(Local/s@bargein-700-queue/n,,rg)" in printed
    assert "Queue(${BARGEIN_WAITS},c,,,30,,bargein-700-member)" in printed
    assert "Gosub(bargein-700,s,1(callback&returned=yes&var=ABOUT,support))" in printed
    labels = set(re.findall(r"n\((\w+)\)", printed))
    assert set(re.findall(r"\?(\w+)(?:\)|:)", printed)) <= labels
    assert "callback" not in CliRunner().invoke(cli, ["dialplan", *options[:-4]]).output
    assert CliRunner().invoke(cli, ["dialplan", *options[:4], "--back", "callback"]).exit_code == 2


def test_the_help_ends_with_an_example() -> None:
    help_text = CliRunner().invoke(cli, ["dialplan", "--help"]).output
    assert "Example:" in help_text


def test_a_mailbox_takes_who_chose_it_and_whom_nobody_answers() -> None:
    assert "VoiceMail" not in render(Plan("700", "support"))
    for warm in (None, "music"):
        text = render(Plan("700", "support", warm=warm, back="callback", voicemail="100@default"))  # type: ignore[arg-type]
        assert 'GotoIf($["${BARGEIN_RESULT}" = "voicemail"]?voicemail)' in text
        assert "(&voicemail=yes,support)" in text
        assert text.index("n(people)") < text.index("n(voicemail)") < text.index("n(nobody),Playback(vm-nobodyavail")
    assert "(callback&returned=yes&voicemail=yes&var=ABOUT,support)" in text
    with pytest.raises(UserError, match="--voicemail"):
        Plan("700", "support", voicemail="100&200")
