"""Tool calls that a model writes as text: in any pieces the same."""

from __future__ import annotations

import json
import time
from random import Random

import pytest

from bargein.dialogue.model_text import ModelText
from bargein.dialogue.tool_text import read_arguments

CALLS = {
    '<tool_call>{"name": "go", "arguments": {"to": "sales"}}</tool_call>': "",
    '<function=go>{"to": "sales"}</function>': "",
    "<tool_call>\n<function=go>\n<parameter=to>\nsales\n</parameter>\n</function>\n</tool_call>": "",
    '[TOOL_CALLS][{"name": "go", "arguments": {"to": "sales"}}]': "",
    '[TOOL_CALLS]go[ARGS]{"to": "sales"}': "",
    '<|python_tag|>{"name": "go", "parameters": {"to": "sales"}}': "",
    '{"type": "function", "function": {"name": "go", "arguments": {"to": "sales"}}}': "",
    'One moment.\n```json\n{"name": "go", "arguments": "{\\"to\\": \\"sales\\"}"}\n```': "One moment.",
    '{"name": "go", "arguments": {"to": "sales"}}\nOne moment. Please.': "One moment. Please.",
    '[{"name": "go", "arguments": {"to": "sales"}},]': "",
    '[TOOL_CALLS]go{"to": "sales"} One moment.': "One moment.",
    '[TOOL_CALLS][{"name": "go", "arguments": {"to": "sales"}}]\nOne moment.': "One moment.",
    "<think>Hm.</think>\n" + '{"name": "go", "parameters": {"to": "sales"}}': "",
    '{"tool": "go", "args": {"to": "sales"}}': "",
    '{"action": "go", "action_input": {"to": "sales"}}': "",
    '{"tool_calls": [{"id": "a", "function": {"name": "go", "arguments": {"to": "sales"}}}]}': "",
    'One moment.\n[go(to="sales")]': "One moment.",
    "go(to='sales')\nOne moment.": "One moment.",
    "go(to='sales') One moment.": "One moment.",
    "Sure. `go(to='sales')`": "Sure.",
    "**go(to='sales')**": "",
    "Sure.\ngo(to='sales').": "Sure.",
    "tool_call: go(to='sales')": "",
    "call: go(to='sales')": "",
    '**Action**: go\n**Action Input**: {"to": "sales"}': "",
    "Action: go(to='sales')": "",
    'Action: go({"to": "sales"})': "",
    "{'name': 'go', 'arguments': {'to': 'sales'}}": "",
    '{name: "go", arguments: {to: "sales"}}': "",
    '<go to="sales"/> One moment.': "One moment.",
    "Sure.\n<go to='sales'></go>": "Sure.",
    '```tool_code\nprint(go(to="sales"))\n```': "",
    '<function_calls><invoke name="go"><parameter name="to">sales</parameter></invoke></function_calls>': "",
    '<minimax:tool_call><invoke name="go"><parameter name="to">sales</parameter></invoke></minimax:tool_call> Hi.': (
        "Hi."
    ),
    "<tool_call>go\n<arg_key>to</arg_key>\n<arg_value>sales</arg_value>\n</tool_call>": "",
    '<|channel|>commentary to=functions.go <|constrain|>json<|message|>{"to": "sales"}<|call|>': "",
    '<|start|>assistant to=functions.go<|channel|>commentary<|message|>{"to": "sales"}<|call|>': "",
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>go<｜tool▁sep｜>{"to": "sales"}<｜tool▁call▁end｜>'
    "<｜tool▁calls▁end｜>": "",
    'Yes.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>go\n```json\n{"to": "sales"}\n```'
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>": "Yes.",
    "<start_function_call>call:go{to:<escape>sales<escape>}<end_function_call>": "",
    'functools[{"name": "go", "arguments": {"to": "sales"}}]': "",
    'Action: go\nAction Input: {"to": "sales"}\nObservation: done\nFinal Answer: Bye.': "",
    'Thought: sales, then.\n**Action:** `go`\n**Action Input:** {"to": "sales"}': "",
    'One moment.\nTool: go\nArguments: {"to": "sales"}': "One moment.",
    'Action:\n```json\n{"action": "go", "action_input": {"to": "sales"}}\n```': "",
    'Action: ```json\n[{"tool_name": "go", "parameters": {"to": "sales"}}]\n```': "",
    '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "go", "parameters": {"to": "sales"}}]<|END_ACTION|>': "",
    'Sure. <go>{"to": "sales"}</go> Bye.': "Sure. Bye.",
    "<go>\n<to>sales</to>\n</go>": "",
    'Action: go[{"to": "sales"}]': "",
    '<tool name="go">{"to": "sales"}</tool>': "",
    '<tool_code>go(to="sales")</tool_code>': "",
    '<invoke name="go">\n<parameter name="to">sales</parameter>\n</invoke>\nOne moment.': "One moment.",
    '{"recipient_name": "go", "parameters": {"to": "sales"}}': "",
    'Sure! {"arguments": {"to": "sales"}, "name": "go"}': "Sure!",
    '{"functionCall": {"name": "go", "args": {"to": "sales"}}}': "",
    '[{"functionCall": {"name": "go", "args": {"to": "sales"}}}]': "",
    'go {"to": "sales"}': "",
    'One moment.\ngo: {"to": "sales"}': "One moment.",
    '<action>go</action>\n<action_input>{"to": "sales"}</action_input>': "",
    '<tool_use><name>go</name><arguments>{"to": "sales"}</arguments></tool_use>': "",
    '<tool_call><name>go</name><arguments>{"to": "sales"}</arguments></tool_call>': "",
    '<use_tool name="go">{"to": "sales"}</use_tool>': "",
    '[TOOL_CALLS]go[CALL_ID]a1b2c3[ARGS]{"to": "sales"}': "",
    '{"method": "go", "params": {"to": "sales"}}': "",
    '{"toolCalls": [{"function_name": "go", "parameters": {"to": "sales"}}]}': "",
    '{"go": {"to": "sales"}}': "",
    '{"name": "go", "to": "sales"}': "",
    'One moment {"name": "go", "arguments": {"to": "sales"}}': "One moment",
    'One moment <tool_call>{"name": "go", "arguments": {"to": "sales"}}</tool_call>': "One moment",
    '<tool_call>{"name": "go", "arguments": {"to": "sales"}</tool_call>': "",
    '<function_calls>go(to="sales")</function_calls>': "",
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="go">\n<｜DSML｜parameter name="to" string="true">sales'
    "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>": "",
    '<|tool_call>call:go{to:<|"|>sales<|"|>}<tool_call|>': "",
    'analysisHm.assistantcommentary to=functions.go json{"to": "sales"}': "",
    '[{"candidates": [{"content": {"parts": [{"functionCall": {"name": "go", "args": {"to": "sales"}}}]}}]}]': "",
}
NO_CALLS = [
    "hello(there) is what they say.",
    "Call go(to) whenever you like.",
    "We have mugs (red and blue).",
    "Red (or blue) mugs.\nPlates (white).",
    'The tool "go" is not for you.',
    "go(s) before noon ship today.",
    "Go() and see.",
    "go() is what they say.",
    'go {"to": "x"} is what we write.',
    "We go: {by train}.",
    "go(to) the shop, or go() home.",
    "go(to sales) is what I would do.",
    "go(1, 2) is a move.",
    "Yes: go().",
    "You can write default_api.go(to='x') for that.",
    "We write www.shop.go(to='x') or x.go() there.",
    "We use:\ngo()\nto end a call.",
    "We use:\ngo(to='x')\nto end a call.",
    "go(to='x') is done.",
    "go(to='x'), or go(a=1)? Fine.",
    "go(to='x') - that is it.",
]


@pytest.mark.parametrize("text", CALLS)
@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_a_tool_call_written_as_text_is_a_call(text: str, size: int) -> None:
    reader = ModelText(called=lambda name: name.rpartition(".")[2] == "go")
    found = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
    assert " ".join(found + reader.rest()) == CALLS[text]
    assert [(name, read_arguments(arguments)) for name, arguments in reader.tools] == [("go", {"to": "sales"})]


@pytest.mark.parametrize(
    "text",
    [
        "go()",
        "go()\nOne moment.",
        "go().",
        '{"name": "go"}\nOne moment.',
        "```\nprint(go())\n```",
        "[go()]",
        "go(); go()",
        "<go/>",
        "<go></go>\nOne moment.",
        "Action: go()",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_a_call_without_arguments_stands_alone_in_its_line(text: str, size: int) -> None:
    reader = ModelText(called=lambda name: name == "go")
    found = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
    said = ["One moment."] if "One" in text else ["Yes."] if "Yes" in text else []
    assert found + reader.rest() == said
    assert {*reader.tools} == {("go", "{}")}


@pytest.mark.parametrize(
    ("begin", "unit"),
    [
        ("<tool_call>go\n<arg_key>", "\n"), ("<tool_call>go\n<arg_key>", "x</arg_key>"), ("<tool_call>", "a "),
        ("<tool_call>", "a"), ("<tool_call>", "\n"), ("<start_function_call>call:go{", "a"),
        ("<start_function_call>call:go{", "a:"), ("<|start|>assistant to=functions.go ", "json"),
        ("<|start|>assistant to=", "\n"), ("<|start|>assistant to=", "\na"),
        ("[TOOL_CALLS]", "a{"), ("[TOOL_CALLS]", ","),
        ("<function_calls><invoke name=a>", "<parameter name=b>\n"), ("<tool_calls>", "call:a:<escape>"),
        ("go(", "("), ("", "go()\n"), ("", "go() "), ("Thought: ", "x "), ("Action: ", "x "), ("", "User: x\n"),
    ],
)  # fmt: skip
def test_a_model_that_repeats_itself_takes_no_time(begin: str, unit: str) -> None:
    """The block limit is 8,000 characters."""
    reader = ModelText()
    started = time.process_time()
    reader.feed(begin + unit * (8_000 // len(unit)))
    reader.rest()
    assert time.process_time() - started < 0.5


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
def test_what_a_model_garbles_is_read_without_an_error() -> None:
    """Half of a call, a letter less, a letter more."""
    random, letters = Random(1), "(){}[]<>|=:,\"'` \nax1*/\\"
    calls = [*CALLS, "[a(x=1), b(y=2)]", 'queue="sales"), hangup(x=1']
    for _ in range(2_000):
        text = list(random.choice(calls))
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(text))
            text[at : at + random.randint(0, 3)] = random.choice(letters)
        reader = ModelText()
        reader.feed("".join(text))
        reader.rest()
        for _, arguments in [*reader.tools, ("", "".join(text))]:
            given = read_arguments(arguments)
            assert given is None or isinstance(given, dict)


@pytest.mark.parametrize("text", NO_CALLS)
@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_words_that_only_look_like_a_call_are_said(text: str, size: int) -> None:
    reader = ModelText(known=lambda name: name == "go", called=lambda name: name == "go")
    found = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
    assert " ".join(found + reader.rest()).replace(". Plates", " Plates") == text.replace("\n", " ").replace(
        ". P", " P"
    )
    assert not reader.tools


@pytest.mark.parametrize(
    "text",
    [
        '[TOOL_CALLS]a{"x":1}[TOOL_CALLS]b{"y":2}',
        "[a(x=1), b(y=2)]",
        '<function_calls><invoke name="a"><parameter name="x">1</parameter></invoke>'
        '<invoke name="b"><parameter name="y">2</parameter></invoke></function_calls>',
        '<|tool_calls_section_begin|><|tool_call_begin|>a:0<|tool_call_argument_begin|>{"x": 1}<|tool_call_end|>'
        '<|tool_call_begin|>b:1<|tool_call_argument_begin|>{"y": 2}<|tool_call_end|><|tool_calls_section_end|>',
        '[TOOL_CALLS][{"name":"a","arguments":{"x":1}},{"name":"b","arguments":{"y":2}}]',
        '[\n{"name":"a","arguments":{"x":1}}, {"name":"b","arguments":{"y":2}}]',
        '{"name":"a","arguments":{"x":1}}; {"name":"b","arguments":{"y":2}}',
    ],
)
@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_parallel_calls_written_as_text_are_all_found(text: str, size: int) -> None:
    reader = ModelText()
    said = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
    assert said + reader.rest() == []
    assert [
        (name, json.loads(arguments.replace('"1"', "1").replace('"2"', "2"))) for name, arguments in reader.tools
    ] == [
        ("a", {"x": 1}),
        ("b", {"y": 2}),
    ]


def test_words_after_a_call_do_not_wait_for_the_end_of_the_answer() -> None:
    reader = ModelText()
    assert reader.feed('{"name": "go", "arguments": {}}\nOne moment. And') == ["One moment."]
