"""From what a language model writes, as it streams in, to plain sentences that a voice can say.

Left out: reasoning, tags, markdown, emoji, notes in brackets, tool calls written as text (those are handed over as
calls). Kept: the words, also those of links and lists. How numbers and abbreviations are read is the voice's matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..core.language.sentences import SENTENCE_ENDS, Sentences
from .labelled_text import LABEL, LabelledText
from .plain_text import LineEnds, plain
from .tool_text import ARGUMENTS, Brackets, answer_in, bare_calls, calls_in, ends_call, from_attributes, python_calls

_NAMES = (  # of reasoning, also in longer names: inner_thoughts, seed:think, thinking_process
    r"(?:\w{1,20}[:_]|ant)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflect(?:ion)?|analysis|monologue|scratch_?pad"
    r"|plan(?:ning)?|chain_of_thought)(?:_\w{1,20})?|tool_respon[sc]es?|tool_results?|function_results?|observation"
)
_HARMONY = r"<\|channel\|>\s*(?:analysis|commentary)[^<]*<\|message\|>"  # gpt-oss
_CALLS = (  # calls written as text; Mistral's, Llama's and bare JSON have no end but that of the answer
    r"<(?:\w{1,20}[:_])?(tool_calls?|function_calls?|tool_use)>|<\|(tool_call)>|(?:assistant)?(commentary)(?=\s{1,9}to=)|(?=<(function)=)|\[(TOOL_CALLS)\]|<\|(python_tag)\|>"
    r"|<(start_function_call)>|<\|(tool_calls?)(?:_section)?_begin\|>|<\uff5c(tool)\u2581calls?\u2581begin\uff5c>"
    r"|\b(functools)(?=\[)|<\|(channel|start)\|>(?=\s{0,9}(?:commentary|assistant)\s{1,9}to=)"
    r"|(?=(?P<bare>(?:\[\s{0,9})?\{)\s{0,9}(?P<quote>[\"']?)[A-Za-z_]{1,20}(?P=quote)\s{0,9}:)"
    r"|(?<![\w.])(?P<own>[A-Za-z_]\w{0,60}+)(?::|\s|</?\w{1,20}>){1,20}+(?=\{)"
    r"|(?=(?<![\w.])(?P<python>(?:print\(|\[\s{0,9}){0,2})(?P<tool>[A-Za-z_][\w.]{0,60})\()"
)
_HIDDEN = {  # what else opens what is not said, and what closes it
    r"<details\s+type=\"reasoning\"[^<>]*>": r"</details>",  # Open WebUI
    r"<\|channel>\s{0,9}thought": r"<channel\|>",  # Gemma 4
    r"```(?:thinking|thoughts?|reasoning)\b": r"```",
    r"(?<!\w)analysis(?=[A-Z])": r"(?=assistantcommentary\s{1,9}to=)|assistantfinal",  # gpt-oss, its tokens left out
}
_TURN_END = (  # what follows is made up
    r"<\|(?:im_end|eot_id|endoftext|end_of_text|return)\|>|<end_of_turn>|<turn\|>|\[INST\]"
    r"|<\uff5cend\u2581of\u2581sentence\uff5c>"
)
_END = (
    rf"<\s*/\s*(?:{_NAMES})\s*>|<\|(?:end_(?:of_)?|/)(?:{_NAMES})\|>|\[/THINK\]|◁/think▷|<unused95>"
    r"|(?<=\w\W)assistantfinal(?=[A-Z])|\.{3}\s?done thinking\."
)
_OPEN = re.compile(
    rf"<\s*({_NAMES})(?:\s+\w+=[^<>]*(?<!/))?\s*>|<\|(?:start_|begin_of_|begin_)?({_NAMES})\|>|\[(THINK)\]|◁(think)▷"
    rf"|<(unused94)>|{_CALLS}|({_HARMONY})|(?-i:(?P<hidden>{'|'.join(_HIDDEN)})|(?P<turn_end>{_TURN_END}))",
    re.I,
)
_CLOSE = re.compile(
    rf"{_END}|<\|end\|>|<\|channel\|>\s*final[^<]*<\|message\|>|"
    r"</(?:\w{1,20}[:_])?(?:tool_calls?|function_calls?|function|tool_use)>"
    r"|<end_function_call>|<tool_call\|>|<\|call\|>|<\|tool_calls_section_end\|>|<\uff5ctool\u2581calls\u2581end\uff5c>",
    re.I,
)
_NEVER = re.compile(r"(?!)")
_STRAY = re.compile(_END, re.I)
_TAG = re.compile(
    r"<\|channel\|>\s*final[^<]*<\|message\|>|<\|(?:start|im_start)\|>\s*assistant|"
    r"<\|start_header_id\|>\s{0,9}\w{0,20}\s{0,9}<\|end_header_id\|>|"
    r"<\w+:[^<>|\s]+\|([^<>|]+)>|<(https?://[^<>\s]+|[^<>\s@]+@[^<>\s]+)>|<[/?]?(?:[A-Za-z]|0x)[^<>]*>|<\|[^<>]*>|<\uff5c[^<>]*\uff5c>|<!--[^<>]*-->|\[/?INST\]"
)
_PARTIAL = re.compile(  # what may be the beginning of a tag, or of a call
    r"(?:<[/|!?A-Za-z \uff5c][^<>]{0,240}|<|\[/?[A-Z_]{0,10}|◁[^▷]{0,8}|\[\s{1,9}"
    r"|(?:\[\s{0,9})?\{\s{0,9}[\"']?[A-Za-z_]{0,20}[\"']?\s{0,9}|<[A-Za-z_][\w.-]{0,60}(?:\s[^<>]{0,200})?>\s{0,9}(?:<[/\w.-]{0,62})?"
    r"|<\|(?:channel|start|im_start|start_header_id)\|?>[^<]{0,40}(?:<\|?[a-z_]*\|?)?|(?:assistant)?commentary\s{0,9}|\.{3}\s?done\s)$"
)
# The tag of a tool: <go/>, <go to="sales"/>, <go></go>, <go>{...}</go>, <go><to>sales</to></go>, <tool name="go">...
_OWN = re.compile(
    r"<(?P<set>[A-Za-z_][\w.-]{0,60})(?P<given>(?:\s{1,3}\w{1,60}=(?:\"[^\"<>]{0,200}\"|'[^'<>]{0,200}'))+)(?:\s{0,3}/>|\s{0,3}>\s{0,9}</(?P=set)>)|"
    r"<(?P<name>[A-Za-z_][\w.-]{0,60})(?:(?P<empty>\s{0,3}/>|>\s{0,9}</(?P=name)>)|>(?=\s{0,9}(?:(?P<json>\{)|<[a-z])))"
    r"|<(?:tool|function|call|invoke|tool_use|use_tool|tool_call|function_call)\s{1,3}name=[\"']?(?P<named>[\w.-]{1,60})[\"']?\s{0,3}>"
)
_NAME = re.compile(
    r"(\A|\n|(?<=>)|(?<=[.!?] ))[ \t>]{0,9}(?:print\(|\[\s{0,9}){0,2}(?:[A-Za-z_][\w.]{0,60}|(?<=print\())\Z"
)  # begins a line, and perhaps a call
_OWN_BEGINS = re.compile(r"(?<![\w.])([A-Za-z_]\w{0,60}+)(?::|\s|</?\w{1,20}>){1,20}+\Z")  # its JSON may come
_SPEAKER = re.compile(
    r"\A[\s*\"]*(?:(?:ai |voice )?assistant|ai|agent|bot|answer|response|reply)\*{0,2}:\*{0,2}\s+(?=[\w\"“])", re.I
)
MARKS = " \t\r\n`*_"
_LINE_BEGIN = re.compile(r"(?:```\w*|(?P<item>[-•]|\*(?!\*)|\d{1,2}[.)])?\s*(?P<mark>[`*_]{1,3})?)")
CALLS = (
    "tool_call", "function_call", "function", "tool_calls", "function_calls", "python_tag", "start_function_call",
    "tool", "functools", "channel", "start", "commentary", "tool_use",
)  # fmt: skip
_UNMARKED = ("tool_calls", "python_tag", "functools")  # nothing says where their calls end: words may follow
_CUT_CALL = re.compile(rf'"(?:{"|".join(ARGUMENTS)})"\s*:')
MAX_TOOL_CHARS = 8_000
LONGEST_WORD = 200  # characters; the rest is read as another one
_WORD = re.compile(rf"[^\s>]{{0,{LONGEST_WORD - 1}}}[\s>]|[^\s>]{{{LONGEST_WORD}}}")
LINE_CHARS = 200  # of a line's beginning: enough to tell whether it has words
LONGEST_SENTENCE = 500  # characters; then it is said in parts

# A first sentence that is about the user is reasoning whose opening tag is part of the prompt (Qwen, DeepSeek-R1).
_REASONS = re.compile(
    r"\b(?:the (?:user|caller|customer|person)\b|they(?:'re| are)? (?:want|ask|say|need|mean|greet)|"
    r"(?:I|we) (?:should|need to|have to|must) (?:be|answer|respond|reply|say|tell|check|call|use|keep|ask|think|look)|"
    r"\Athinking(?:\.{3}|…)|let me think|let's think|"
    r"der (?:nutzer|anrufer|benutzer)\b|el (?:usuario|cliente)\b|l'utilisateur\b)",
    re.I,
)


class ModelText:
    """Text in pieces of any size, sentences out as soon as each is complete. It is read word by word, so that the
    pieces in which it comes make no difference.

    `reasons`: this model ends its reasoning with a closing tag that has no opening one, so nothing is said before it.
    `known`: whether there is a tool of this name; JSON without a tag is a call if it names one or has an object of
    arguments, or else text.
    `called`: the same for a call as Python writes it, which may also be a word with a bracket behind it.
    """

    def __init__(
        self,
        reasons: bool = False,
        known: Callable[[str], bool] = lambda name: True,
        called: Callable[[str], bool] = lambda name: True,
    ) -> None:
        self.unopened = False  # a closing tag came without an opening one: what came before was reasoning
        self.tools: list[tuple[str, str]] = []  # name and arguments of tool calls written as text
        self.plain = ""  # all that is said
        self._word = ""  # whose end has not come
        self._raw = ""  # not yet read
        self._inside = ""  # name of the block that we are in
        self._block = ""
        self._brackets = Brackets()  # of the call that we are in
        self._own, self._begun = "", ""  # the name in front of its arguments, and what stands there
        self._whole = 0  # length of that call, once its last bracket has come
        self._line = ""  # the beginning of the line that we are in
        self._closing = _CLOSE
        self._last = ""  # the last character outside of blocks that is no space
        self._within = False  # the call that we are in stands within a sentence
        self._listed = False  # it is an item of a list, or marked like code behind words that introduce it
        self._known, self._called = known, called
        self._labels = LabelledText(known)
        self._held: list[str] | None = [] if reasons else None  # sentences that may be reasoning
        self._started = False
        self._sentences = Sentences()
        self._lines = LineEnds()

    @property
    def holding(self) -> bool:
        """Whether sentences are kept back that may turn out to be reasoning."""
        return self._held is not None

    def feed(self, text: str) -> list[str]:
        """Sentences that are complete now."""
        text, read, found = self._word + text, 0, []
        for word in _WORD.finditer(text):
            found += self._feed(word[0])
            read = word.end()
        self._word = text[read:]
        return found

    def _feed(self, word: str) -> list[str]:
        self._raw += word.replace("\uff5cDSML\uff5c", "")  # DeepSeek marks each tag of a call
        return self._spoken(self._read(last=False), last=False)

    def rest(self, cut: bool = False) -> list[str]:
        """What is left at the end. `cut`: the model was stopped in the middle, so the last sentence is not whole."""
        self._raw += self._word
        found = self._spoken(self._read(last=True), last=True)
        self.tools += self._labels.calls
        held, self._held = self._held or [], None
        tail = [plain(sentence) for sentence in self._sentences.rest()]
        whole = [*held, *found]
        if not self._started and tail:
            tail[0] = _SPEAKER.sub("", tail[0])
        return [sentence for sentence in (whole if cut and (whole or self._started) else [*whole, *tail]) if sentence]

    def flush(self) -> str:
        """The words that are complete so far, without waiting for the end of their sentence; "" if there are none."""
        if self._held is not None or self._inside:
            return ""
        return plain(self._sentences.words())

    # ------------------------------------------------------------------- blocks and tags

    def _read(self, last: bool) -> str:
        """The text outside of hidden blocks, as far as it is certain."""
        out: list[str] = []
        waits = False
        while True:
            if self._inside in ("{", "("):
                if (found := self._json(last)) is None:
                    break
                out.append(self._outside(found))
            mark = self._closing.search(self._raw) if self._inside else self._opening()
            stray = None if self._inside else _STRAY.search(self._raw)
            if stray is not None and (mark is None or stray.start() <= mark.start()):
                out = []
                self._forget()
                self._raw = self._raw[stray.end() :]
            elif mark is None and not (self._inside and last):
                break
            elif self._inside:
                upto, after = mark.span() if mark else (len(self._raw), len(self._raw))
                behind = self._raw[after:].lstrip(MARKS)
                if self._within and not behind and not last and self._inside in CALLS:
                    waits = True  # does the sentence go on?
                    break
                self._block = (self._block + self._raw[:upto])[-MAX_TOOL_CHARS:]
                self._raw = self._close(mentioned=self._within and behind[:1].islower()) + self._raw[after:]
            elif mark is not None:
                self._place(mark)
                out.append(self._outside(self._raw[: mark.start()]))
                kind = "(" if mark["tool"] else "{" if mark["own"] else next(group for group in mark.groups() if group)
                self._inside = kind.lower().lstrip("[ \t\r\n")
                if mark["turn_end"]:
                    self._closing = _NEVER
                elif mark["hidden"]:
                    here = self._raw[mark.start() :]
                    self._closing = next(re.compile(end) for begin, end in _HIDDEN.items() if re.match(begin, here))
                self._brackets = Brackets("\"'" if mark["tool"] or mark["quote"] == "'" else '"')
                self._own, self._begun = mark["own"] or "", mark[0] if mark["own"] else ""
                self._raw = self._raw[mark.end() :]
        upto = 0 if waits else len(self._raw) if last else self._certain()
        ready, self._raw = self._raw[:upto], self._raw[upto:]
        if self._inside:
            self._block = (self._block + ready)[-MAX_TOOL_CHARS:]
        else:
            out.append(self._outside(ready))
        plainly = self._labels.feed(_TAG.sub(lambda tag: tag[1] or tag[2] or " ", "".join(out)), last)
        return self._lines.feed(plainly, last)

    def _certain(self) -> int:
        """Up to where the text holds no beginning of a tag or of a call, whose rest may come."""
        marks = [_PARTIAL.search(self._raw)]
        if not self._inside:
            own, name = _OWN_BEGINS.search(self._raw, len(self._raw) - LINE_CHARS), _NAME.search(self._raw)
            marks.append(own if own and self._called(own[1]) and self._begins(own.start()) else None)
            marks.append(name if name and (name[1] or self._begins(name.start())) else None)
        return min((mark.start() for mark in marks if mark is not None), default=len(self._raw))

    def _opening(self) -> re.Match[str] | None:
        """The next tag that opens a block, or JSON, or a call in Python at the beginning of a line.

        The tag of a tool is written as other models write it.
        """
        mark = next((mark for mark in _OPEN.finditer(self._raw) if self._opens(mark)), None)
        own = self._own_tag()
        if own is None or (mark is not None and mark.start() < own.start()):
            return mark
        name, ended = own["set"] or own["named"] or own["name"], own["name"] or r"\w{1,20}"
        self._closing = _CLOSE if own["empty"] or own["set"] else re.compile(rf"</{ended}\s{{0,9}}>")
        written = f"{name}()" if own["empty"] else f"<function={name}>"
        if own["set"]:
            written += f"{from_attributes(own['given'])}</function>"
        elif not own["empty"] and not self._begins(own.start()):
            written = "<observation>"  # "say <go>{...}</go> now" only mentions it
        self._raw = self._raw[: own.start()] + written + self._raw[own.end() :]
        return self._opening()

    def _opens(self, mark: re.Match[str]) -> bool:
        if name := mark["tool"] or mark["own"]:
            return self._called(name) and self._begins(mark.start())
        if mark["hidden"] or mark["turn_end"]:  # a turn ends behind words, reasoning is in front of them
            return bool(self._before(mark.start())) == bool(mark["turn_end"])
        return True

    def _begins(self, at: int) -> bool:
        """Whether a line or a sentence begins at this place of the text that is not yet read."""
        return self._before(at) in SENTENCE_ENDS or self._begins_line(at)

    def _before(self, at: int) -> str:
        """The last character before this place that is no space and no mark; "" if there is none."""
        return self._raw[:at].rstrip(MARKS)[-1:] or self._last

    def _begins_line(self, at: int) -> bool:
        return _LINE_BEGIN.fullmatch(self._in_line(at)) is not None

    def _place(self, mark: re.Match[str]) -> None:
        """Note where the call that opens stands: it may only be mentioned."""
        at = mark.start()
        self._within, self._listed = not self._begins(at), False
        if not self._within and (begin := _LINE_BEGIN.fullmatch(self._in_line(at))) is not None:
            introduced = self._before(at) not in ("", *SENTENCE_ENDS)
            self._listed = begin["item"] is not None or (begin["mark"] is not None and introduced)

    def _in_line(self, at: int) -> str:
        """What stands before this place in its line, without labels and tags."""
        begin = self._raw.rfind("\n", 0, at) + 1
        before = ("" if begin else self._line) + self._raw[begin : min(at, begin + LINE_CHARS)]
        return LABEL.sub("", _TAG.sub("", before).lstrip("> \t\r\n"), count=1).strip("> \t\r\n;,")

    def _outside(self, text: str) -> str:
        self._last = text.rstrip()[-1:] or self._last
        self._line = (self._line + text).rpartition("\n")[2].lstrip()[:LINE_CHARS]
        return text

    def _own_tag(self) -> re.Match[str] | None:
        """The tag of a known tool that comes next: at the beginning of a line, or with JSON behind it."""
        for tag in _OWN.finditer(self._raw):
            name = tag["set"] or tag["named"] or tag["name"]
            meant = self._called(name) and not _OPEN.match(self._raw, tag.start())
            begins = self._begins if tag["set"] else self._begins_line
            if meant and (tag["json"] or tag["named"] or begins(tag.start())):
                return tag
        return None

    def _json(self, last: bool) -> str | None:
        """Read on in a call without a tag; None if it goes on. What of it is text after all."""
        python = self._inside == "("
        if not self._whole and (end := self._brackets.end(self._raw)) >= 0:
            self._whole = len(self._block) + end
        self._block, self._raw = self._block + self._raw, ""
        if not self._whole and not last:
            return None
        upto = self._whole or len(self._block)
        block, behind = self._block[:upto], self._block[upto:]
        ends = ends_call(block, behind, last)
        if ends is None:
            return None
        cut = not self._whole
        self._inside, self._block, self._whole, self._raw = "", "", 0, behind
        if python:
            calls = python_calls(block, self._called) if ends else []
        else:
            calls = [(self._own, block)] if self._own and ends else bare_calls(block, self._known)
        block = self._begun + block
        if ends and not self._listed and not (self._within and behind.strip(MARKS)):
            self.tools += calls
            block = answer_in(block)
        return "" if calls or (cut and _CUT_CALL.search(block)) else block

    def _close(self, mentioned: bool) -> str:
        """What of the block is text after all. `mentioned`: it is no call that shall be made."""
        block, kind = self._block, self._inside
        self._inside, self._block, self._closing = "", "", _CLOSE
        if kind not in CALLS or mentioned:
            return ""
        calls, words = calls_in(block)
        self.tools += calls
        return words if kind in _UNMARKED else ""

    def _forget(self) -> None:
        """All text so far was reasoning."""
        self.unopened = True
        self._held, self.plain = None, ""
        self._sentences, self._lines, self._labels = Sentences(), LineEnds(), LabelledText(self._known)

    # ------------------------------------------------------------------------- sentences

    def _spoken(self, text: str, last: bool) -> list[str]:
        whole = self._sentences.feed(text)
        if len(self._sentences) > LONGEST_SENTENCE:
            whole.append(self._sentences.words())
        found = [sentence for sentence in map(plain, whole) if sentence]
        if found and not self._started:
            found[0] = _SPEAKER.sub("", found[0])
        if found and not self._started and self._held is None and not self.unopened and _REASONS.search(found[0]):
            self._held = []
        self._started = self._started or bool(found)
        if self._held is not None and not last:
            self._held += found
            return []
        return found
