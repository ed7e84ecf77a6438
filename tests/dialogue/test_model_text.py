"""What a model writes, made plain: in any pieces the same."""

from __future__ import annotations

import json
import time
from random import Random

import pytest

from bargein.dialogue.model_text import ModelText
from bargein.dialogue.tool_text import read_arguments

SPOKEN = {
    "<think>They want it. Hm.</think>**Sure.** It is `ten` dollars.": ["Sure.", "It is ten dollars."],
    "<thinking>Hm. They ask.</thinking>We open at nine.": ["We open at nine."],
    "<think>\n\n</think>\n\nWe open at nine.": ["We open at nine."],
    "[THINK]Hm.[/THINK]We open at nine.": ["We open at nine."],
    "<|START_THINKING|>They ask. Hm.<|END_THINKING|>We open at nine.": ["We open at nine."],
    "<|begin_of_thought|>They ask. Hm.<|end_of_thought|>We open at nine.": ["We open at nine."],
    "<antThinking>They ask. Hm.</antThinking><think/>We open at nine.": ["We open at nine."],
    "<unused94>thought\nThey ask. Hm.<unused95>We open at nine.": ["We open at nine."],
    "<|start_header_id|>assistant<|end_header_id|>\n\nWe open at nine.": ["We open at nine."],
    "**Assistant:** We open at nine. And you?": ["We open at nine.", "And you?"],
    "AI: We open at nine.": ["We open at nine."],
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>We open at nine.<|return|>": [
        "We open at nine."
    ],
    "<think>It never ends. We open": [],
    '<details type="reasoning" done="true">\n<summary>Thought for 3 s</summary>\n> Hm.\n</details>\nWe open at nine.': [
        "We open at nine."
    ],
    "<reasoning_content>They ask.</reasoning_content>We open at nine.": ["We open at nine."],
    "<|channel>thought\nThey ask. Hm.<channel|>We open at nine.": ["We open at nine."],
    "```thinking\nThey ask. Hm.\n```\nWe open at nine.": ["We open at nine."],
    "analysisThey ask. Hm.assistantfinalWe open at nine.": ["We open at nine."],
    "We open at nine.<|im_end|>\n<|im_start|>user\nand then?": ["We open at nine."],
    "<|im_end|>We open at nine.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nand then?": ["We open at nine."],
    "We open at nine.</s>[INST] and then? [/INST] Bye.": ["We open at nine."],
    "We open at nine.<end_of_turn>\n<start_of_turn>user\nand then?": ["We open at nine."],
    "We open at nine.\n\n### User:\nAnd then?\n\n### Assistant:\nBye.": ["We open at nine."],
    '{"response": "We open at nine. And you?"}': ["We open at nine.", "And you?"],
    '```json\n{"intent": "hours", "answer": "We open at nine."}\n```': ["We open at nine."],
    'We write <tool_call>{"name": "go", "arguments": {}}</tool_call> for that. Fine?': ["We write for that.", "Fine?"],
    'You can say:\n- {"name": "go", "arguments": {}}': ["You can say:"],
    "You can book on [our site](https://mugs.example/book) or by phone.": ["You can book on our site or by phone."],
    "See ![a mug](m.png) and [this][1].": ["See a mug and this."],
    "See [our site](https://mugs.example 'Mugs'), [mugs [new]](a) and [[cups]].": ["See our site, mugs and cups."],
    "See [![the logo](l.png)](https://mugs.example) or [the shop](<https://mugs.example/a b>).": [
        "See the logo or the shop."
    ],
    "It is [here] (https://mugs.example) for \\$5 \\text{each}.": ["It is here for $5 each."],
    "Our hours:\n- Monday: nine\n- Tuesday: ten\n\nAnything else?": [
        "Our hours: Monday: nine.", "Tuesday: ten.", "Anything else?",
    ],
    "## Mugs\n\nWe have:\n1. Red ones.\n2. Blue ones.": ["Mugs.", "We have: 1: Red ones.", "2: Blue ones."],
    "| size | price |\n|---|---|\n| small | ten |": ["size, price. small, ten"],
    "Sure 😀👍🏽! Ten ✅ of ❤️ them 🇩🇪.": ["Sure!", "Ten of them."],
    "Fine :-) with me. It is 5 < 6.": ["Fine with me.", "It is 5 < 6."],
    "~~No~~ *yes* __very__ much &amp; more.": ["No yes very much & more."],
    "We open at nine.<|im_end|></s>": ["We open at nine."],
    "That is it【4:0†source】. Bye [1].": ["That is it.", "Bye."],
    "See [our site][2] and [3].\n\n[2]: https://mugs.example/a?b\n[3]: https://mugs.example": ["See our site and."],
    "One line\nand its other half.": ["One line and its other half."],
    "---\n> Quoted.\n***": ["Quoted."],
    'For example [{"name":"go"}] ends it. Sure?': ["For example ends it.", "Sure?"],
    'The form needs {"type": "mug"} and a date. Is that fine?': [
        'The form needs {"type": "mug"} and a date.', "Is that fine?",
    ],
    '{"type": "mug"} is what it needs. Fine?': ['{"type": "mug"} is what it needs.', "Fine?"],
    'We write {"name": "go", "arguments": {}} there. Fine?': ["We write there.", "Fine?"],
    "Press [1] for sales. That is it [1].": ["Press 1 for sales.", "That is it."],
    "Press **[1]**, or `[2]` for support.": ["Press 1, or 2 for support."],
    "Press 1 or [2]. Dial 0, [9], or [*].": ["Press 1 or 2.", "Dial 0, 9, or *."],
    "See [our site]( https://mugs.example ). Or [ours](https://mugs.example": ["See our site.", "Or ours"],
    "We open at nine \ue200cite\ue202turn0\ue201 ([m.example](https://m.example/?a=b)).": ["We open at nine."],
    "We open at nine[^1].\n\n[^1]: A source.": ["We open at nine."],
    "**Monday:** nine\n**Tuesday:** ten": ["Monday: nine.", "Tuesday: ten"],
    "Press # to end, or *. Dial [0].": ["Press # to end, or *.", "Dial 0."],
    "Press:\n[1]: Sales.\n[2] Support.": ["Press: 1: Sales.", "2: Support."],
    "We open at nine [1](https://a.example). So it is [[2]](https://b.example)[3].": ["We open at nine.", "So it is."],
    "The key point is that we open at nine [1].": ["The key point is that we open at nine."],
    "We have one type of mug [1]. Please enter the house [2].": ["We have one type of mug.", "Please enter the house."],
    "Press [1] for sales [2], or [0]. The key [#] ends it.": ["Press 1 for sales, or 0.", "The key # ends it."],
    "Drücken Sie die Taste [1] oder [2].": ["Drücken Sie die Taste 1 oder 2."],
    "Wählen Sie bitte [1] für Tassen [3].": ["Wählen Sie bitte 1 für Tassen."],
    "Thought: they ask. I know it.\nFinal Answer: We open at nine. And you?": ["We open at nine.", "And you?"],
    "Thought: they ask.\nAnswer: We open at nine.": ["We open at nine."],
    "Action: we call you back. Fine?": ["Action: we call you back.", "Fine?"],
    "Answer: yes. Sure.": ["yes.", "Sure."],
    "Thought: no tool. I know it. Final Answer: Nine.": ["Nine."],
    "Thought: x\nAction: none\nAction Input: none\nFinal Answer: Nine.": ["Nine."],
    "Action: None\nWe open at nine.": ["We open at nine."],
    "We open at nine.\nUser: and then?\nAssistant: Bye.": ["We open at nine."],
    "User: hi\nAssistant: We open at nine.": ["We open at nine."],
    "Your login is:\nUser: jones. Fine?": ["Your login is: User: jones.", "Fine?"],
    "I have this.\nUser: Jones\nPhone: 555. Fine?": ["I have this.", "User: Jones Phone: 555.", "Fine?"],
    "Caller: Jones. Day: Friday. Fine?": ["Caller: Jones.", "Day: Friday.", "Fine?"],
    "User: and then?": ["User: and then?"],
    "We open at nine.\n\nCaller: and then?\nAgent: Bye.": ["We open at nine."],
    "We open at nine.\nUser: and then?": ["We open at nine."],
    "Choose option [A], or dial *67. Source [2].": ["Choose option A, or dial *67.", "Source."],
    '<tool_response>{"a": 1}</tool_response>Fine.': ["Fine."],
    "Thoughts: none. Actions count.": ["Thoughts: none.", "Actions count."],
    "Use <go> to go. Say <go/> or <go></go>. Fine?": ["Use to go.", "Say or.", "Fine?"],
    "Say <b>go</b>, {or} [go].": ["Say go, {or}."],
    '<go>{"to": "sal': [],
    '{"name": "fly"} is unknown. Fine?': ['{"name": "fly"} is unknown.', "Fine?"],
    '{"name": "go", "arguments": {"to": "sa': [],
    '[TOOL_CALLS][{"name": "go", "argum': [],
    "We use [TOOL_CALLS] for that. Then we call back.": ["We use for that.", "Then we call back."],
    "Your code is <internal memo> five.": ["Your code is five."],
    "I think <thoughtful> persons pay five. More text here.": ["I think persons pay five.", "More text here."],
    "Thanks </reasonable> a lot.": ["Thanks a lot."],
    '<think time="2">They ask. Hm.</think>We open at nine.': ["We open at nine."],
    "<inner_monologue>They ask. Hm.</inner_monologue>We open at nine.": ["We open at nine."],
    '{"name": "go", "arguments": {}} is how we write it. Fine?': ["is how we write it.", "Fine?"],
    'We write:\n{"name": "go", "arguments": {}}\nto go there.': ["We write: to go there."],
    'Please say <go>{"a": 1}</go> now. Fine?': ["Please say now.", "Fine?"],
    'Please say <go a="1"/> now. Fine?': ["Please say now.", "Fine?"],
    "You can press:\n- go(to='x')\n- go(to='y')": ["You can press:"],
    "To go, we say:\n`go()`": ["To go, we say:"],
    "We write:\n```\ngo(to='x')\n```\nto go there.": ["We write: go(to='x'). to go there."],
    "See No. 5 on Main Ave. near Acme Inc. for Dr. Smith.": ["See No. 5 on Main Ave. near Acme Inc. for Dr. Smith."],
}  # fmt: skip


@pytest.mark.parametrize("text", SPOKEN)
@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_what_is_said(text: str, size: int) -> None:
    reader = ModelText(known=lambda name: name == "go", called=lambda name: name == "go")
    found = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
    assert found + reader.rest() == SPOKEN[text]
    assert (reader.tools, reader.unopened) == ([], False)


@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_reasoning_whose_opening_tag_is_in_the_prompt(size: int) -> None:
    text = "Okay, they want the hours. I should be brief.</think>\n\nWe open at nine."
    reader = ModelText()
    found = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
    assert found + reader.rest() == ["We open at nine."]
    assert reader.unopened
    again = ModelText(reasons=True)
    assert again.feed("Nine o'clock, then. It is early. ") == []
    assert again.feed("</think>We open at nine. ") == ["We open at nine."]
    reader = ModelText(reasons=True)
    reader.feed("No tag here. None at all.")
    assert reader.rest() == ["No tag here.", "None at all."]


def test_a_tool_call_written_as_text_is_a_tool_call() -> None:
    reader = ModelText()
    said = reader.feed(
        'Sure. <tool_call>\n{"name": "transfer_to_queue", "arguments": {"queue": "sales"}}\n</tool_call>'
    )
    assert said + reader.rest() == ["Sure."]
    assert reader.tools == [("transfer_to_queue", '{"queue": "sales"}')]


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nAction: go\nThought: x\n</think>We open at nine.",
        '<think><go>{"to": "x"}</go></think>We open at nine.',
        "Okay, they want it.\nAction: go\n</think>\nWe open at nine.",
        "Thought: <go/> or\ngo()?\nFinal Answer: We open at nine.",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_what_a_model_only_thinks_of_is_no_call(text: str, size: int) -> None:
    reader = ModelText(known=lambda name: name == "go", called=lambda name: name == "go")
    found = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
    assert found + reader.rest() == ["We open at nine."]
    assert reader.tools == []


def test_words_of_an_unfinished_sentence_can_be_taken() -> None:
    reader = ModelText()
    assert reader.feed("Sorry did you me") == []
    assert reader.flush() == "Sorry did you"
    assert reader.flush() == ""
    assert reader.feed("an that? ") == ["mean that?"]


def test_an_answer_that_is_cut_off_ends_with_a_whole_sentence() -> None:
    reader = ModelText()
    said = reader.feed("We have red ones. And then there are the")
    assert said + reader.rest(cut=True) == ["We have red ones."]
    reader = ModelText()
    reader.feed("And then there are the")
    assert reader.rest(cut=True) == ["And then there are the"]


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
    reader = ModelText()
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
