"""What a model writes, made plain: in any pieces the same."""

from __future__ import annotations

import pytest

from bargein.dialogue.model_text import ModelText

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
    "<mm:think>They ask.</mm:think><plan>Say it.</plan>We open at nine.": ["We open at nine."],
    "<thinking_process>They ask.</thinking_process><inner_thoughts>Hm.</inner_thoughts>We open at nine.": [
        "We open at nine."
    ],
    "**Thinking:** They ask.\n\n**Answer:** We open at nine.": ["We open at nine."],
    "assistant\n\nWe open\0 at nine.<0x0A>": ["We open at nine."],
    "AI Assistant: We open at nine.\n\nCustomer: Thanks!\n\nAgent: Bye.": ["We open at nine."],
    "Your table is booked.\nCustomer: Peter Jones": ["Your table is booked.", "Customer: Peter Jones"],
    "Take the red one.\nReasoning: it is cheaper.": ["Take the red one.", "Reasoning: it is cheaper."],
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
    "On [our site], see [our menu](https://m.example/a menu.pdf){:target=_blank}.": ["On our site, see our menu."],
    "See <https://m.example|our site> or <mailto:a@m.example|mail us>.": ["See our site or mail us."],
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
