"""What `bargein dialplan` prints; that it works is for tests/asterisk to show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.dialplan import dialplan_command
from agent.dialplan import Plan, render, subroutine
from agent.errors import UserError

SHIPPED = Path(__file__).parents[1] / "asterisk-conf"


def test_the_shipped_extension_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(dialplan_command, ["--exten", "700", "--queue", "support"])
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
            dialogue="flows/my shop",
            variables=("ACCOUNT",),
            onward="ivr,s,1",
            record=True,
        )
    )
    assert "[phones]\nexten => _7XX,1,Answer()" in text
    assert "Gosub(bargein-7XX,s,1(flows/my%20shop&var=ACCOUNT&record=yes,sales))" in text
    assert text.index("BARGEIN_AGI=a.example:1") < text.index("BARGEIN_AGI=[::1]:2")
    assert "Dial(AudioSocket/${BARGEIN_SERVER}/${BARGEIN_ID}/c(slin),,g)" in text
    assert "Goto(ivr,s,1)" in text


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
        {"variables": ("a b",)},
        {"onward": "x)"},
    ],
)
def test_what_is_no_word_of_a_dialplan_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError) as error:
        Plan(**({"exten": "700", "queue": "support"} | options))  # type: ignore[arg-type]
    assert error.value.exit_code == 2
    assert str(error.value).startswith("--")


def test_the_help_ends_with_an_example() -> None:
    help_text = CliRunner().invoke(dialplan_command, ["--help"]).output
    assert "Example:" in help_text
