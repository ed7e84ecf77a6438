"""A recording through the core in virtual time: the same decisions each time, and faster than the call."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from bargein.cli.replay import replay_command
from bargein.core.audio.pcm import RATE, Pcm, samples
from bargein.core.turns.second_opinion import ASKED_MS, BEFORE_SAMPLES
from bargein.core.turns.settings import ConversationSettings
from bargein.core.turns.transcript import SoundProbabilities, Transcript
from bargein.data.trained import load_weights
from bargein.dialogue.languages import load
from bargein.errors import UserError
from bargein.offline.replay import Blocking, replay
from bargein.speech.audio import write_wav
from bargein.speech.catalog import tts


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, np.ndarray]:
    """The agent talks for some seconds; the caller cuts in after 3 s, on a line with a little noise."""
    voice = tts("hibari")
    agent = voice.synthesize("We have the red mug for ten dollars, and the green mug for twelve dollars, and more.").pcm
    words = voice.synthesize("No wait, I want the blue one.").pcm
    caller = np.random.default_rng(1).normal(0, 12, RATE * 8)
    caller[RATE * 3 : RATE * 3 + len(words)] += words
    return np.clip(caller, -32768, 32767).astype(np.int16), agent


def test_the_same_recording_gives_the_same_decisions_to_the_sample(spoken) -> None:
    caller, agent = spoken
    results = [replay(caller, agent, load_weights(), load("en"), ConversationSettings()) for _ in range(2)]
    assert results[0].interruptions == results[1].interruptions
    assert np.array_equal(results[0].agent, results[1].agent)
    row = results[0].interruptions[0]
    assert 2900 <= row.onset_ms <= 3150
    assert row.stop_latency_ms < 300
    assert row.resolution != "resumed"


def test_a_recorded_call_is_heard_with_what_was_really_sent(spoken, tmp_path: Path) -> None:
    caller, agent = spoken
    sent = np.zeros(len(caller), np.int16)
    sent[: len(agent)] = agent[: len(caller)]
    echo = np.roll(sent, 400) // 8
    both = np.clip(caller.astype(int) + echo, -32768, 32767).astype(np.int16)
    result = replay(both, sent, load_weights(), load("en"), ConversationSettings(), recorded=True)
    assert all(row.onset_ms > 2500 for row in result.interruptions)
    assert any(2900 <= row.onset_ms <= 3200 for row in result.interruptions)


def test_the_command_prints_decisions_and_draws_them(spoken, tmp_path: Path) -> None:
    caller, agent = spoken
    write_wav(tmp_path / "caller.wav", caller)
    write_wav(tmp_path / "agent.wav", agent)
    words = [str(tmp_path / "caller.wav"), "--agent", str(tmp_path / "agent.wav"), "--fast"]
    run = CliRunner().invoke(replay_command, [*words, "--json", "--plot", str(tmp_path / "call.svg")])
    assert run.exit_code == 0, run.output
    rows = json.loads(run.stdout)
    assert rows[0]["detect_latency_ms"] < 300
    assert rows[0]["voice"] > 0.8
    assert -30 < rows[0]["loudest_dbfs"] < -5
    assert " times faster than real time" in run.stderr
    root = ElementTree.parse(tmp_path / "call.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter())) > 50
    swept = CliRunner().invoke(replay_command, [*words, "--sweep", "sensitivity", "--csv"])
    assert len(swept.stdout.splitlines()) == 10
    assert swept.stdout.startswith("sensitivity,pauses,interruptions,resumed,hesitations,")


def test_a_mono_recording_alone_is_heard_over_an_agent_that_talks(spoken, tmp_path: Path) -> None:
    write_wav(tmp_path / "caller.wav", spoken[0])
    run = CliRunner().invoke(replay_command, [str(tmp_path / "caller.wav"), "--fast"])
    assert run.exit_code == 0, run.output
    assert "8.0 s, 1 pause, 0 hesitations\n" in run.output


def test_an_agent_that_talks_all_the_time_can_be_interrupted_again(spoken) -> None:
    caller, _ = spoken
    rows = replay(
        np.tile(caller, 3), np.zeros(0, np.int16), load_weights(), load("en"), ConversationSettings()
    ).interruptions
    assert [round(row.onset_ms / 1000) for row in rows] == [3, 11, 19]


def test_an_agent_that_was_interrupted_goes_on_with_what_belongs_to_the_time(spoken) -> None:
    caller, agent = spoken
    result = replay(np.tile(caller, 2), np.tile(agent, 5), load_weights(), load("en"), ConversationSettings())
    assert [round(row.onset_ms / 1000) for row in result.interruptions] == [3, 11]
    assert [turn.speaker for turn in result.turns][:2] == ["agent", "agent"]
    assert [round(turn.started_ms / 1000) for turn in result.turns][:2] == [0, 5]


def test_a_pause_that_was_taken_back_and_one_that_is_open_at_the_end_are_shown(spoken) -> None:
    caller, _ = spoken
    word = caller[RATE * 3 :]
    click = np.random.default_rng(2).normal(0, 12, RATE * 5).astype(np.int16)
    click[RATE * 2 : RATE * 2 + 400] += word[2000:2400]
    click[-2800:] += word[:2800]
    settings = ConversationSettings(duck=False)
    result = replay(click, np.zeros(0, np.int16), load_weights(), load("en"), settings)
    assert not result.interruptions
    short, last = result.pauses
    assert (short.kind, short.resolution) == ("hesitation", "taken_back")
    assert round(short.onset_ms, -2) == 2000
    assert short.decided_ms is not None
    assert short.decided_ms - short.paused_ms <= 120
    assert (last.resolution, last.decided_ms) == ("undecided", None)


def test_a_pause_shows_what_decided_it(spoken) -> None:
    caller, _ = spoken
    words = Transcript("no wait", speech=0.9, sound_probabilities=SoundProbabilities(0.9, 0.06, 0.04))
    result = replay(
        caller, np.zeros(0, np.int16), load_weights(), load("en"), ConversationSettings(), lambda pcm: words
    )
    [pause], [row] = result.pauses, result.interruptions
    assert pause.words == words
    assert (pause.onset_ms, pause.paused_ms, pause.decided_ms) == (row.onset_ms, row.paused_ms, row.decided_ms)
    assert (pause.kind, pause.resolution, round(pause.score, 3)) == (row.kind, row.resolution, row.evidence)
    assert pause.voice > 0.8
    quiet = replay(
        caller // 4, np.zeros(0, np.int16), load_weights(), load("en"), ConversationSettings(), lambda pcm: words
    )
    assert quiet.pauses[0].loudest_dbfs == pytest.approx(pause.loudest_dbfs - 12, abs=2)


def test_words_of_the_flow_mean_nothing_here_either(spoken) -> None:
    caller, said = spoken[0], Transcript("amen", speech=0.95)
    for backchannels, resolution in (((), "replanned"), (("amen",), "resumed")):
        result = replay(
            caller, np.zeros(0, np.int16), load_weights(), load("en"), ConversationSettings(), lambda pcm: said,
            backchannels=backchannels,
        )  # fmt: skip
        assert result.pauses[0].resolution == resolution


@pytest.mark.parametrize(
    ("options", "sensitivity", "language"),
    [
        ([], 0.2, "es"),
        (["--flow", "own.yaml"], 0.3, "es"),
        (["--flow", "own.yaml", "--config", "bare.toml"], 0.3, "de"),
        (["--flow", "own.yaml", "--language", "en", "--sensitivity", "0.9"], 0.9, "en"),
    ],
)
def test_an_option_counts_before_the_flow_and_the_flow_before_the_configuration(
    spoken, tmp_path: Path, monkeypatch, options: list[str], sensitivity: float, language: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "caller.wav", spoken[0])
    (tmp_path / "own.yaml").write_text(
        "sensitivity: 0.3\nlanguage: de\nbackchannels: [amen]\nsteps:\n  a: {say: Hallo., hangup: }\n"
    )
    (tmp_path / "bargein.toml").write_text('[hearing]\nsensitivity = 0.2\n[dialogue]\nlanguage = "es"\n')
    (tmp_path / "bare.toml").write_text("")
    given: list[tuple[float, str, tuple[str, ...]]] = []

    def spy(caller, agent, learned, phrases, settings, recognize, recorded, backchannels, progress):
        given.append((settings.sensitivity, phrases.language, backchannels))
        return replay(caller, agent, learned, phrases, settings, recognize, recorded, backchannels)

    monkeypatch.setattr("bargein.offline.replay.replay", spy)
    run = CliRunner().invoke(replay_command, ["caller.wav", "--fast", *options])
    assert run.exit_code == 0, run.output
    assert given == [(sensitivity, language, ("amen",) if options else ())]


@pytest.mark.parametrize("name", ["call.png", "CALL.PNG"])
def test_a_plot_is_a_picture_with_the_pause_in_its_colour(spoken, tmp_path: Path, name: str) -> None:
    from matplotlib import image

    write_wav(tmp_path / "caller.wav", spoken[0])
    run = CliRunner().invoke(replay_command, [str(tmp_path / "caller.wav"), "--fast", "--plot", str(tmp_path / name)])
    assert run.exit_code == 0, run.output
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    red, green, blue = np.moveaxis(image.imread(tmp_path / name, format="png")[..., :3], -1, 0)
    assert np.sum((red > green + 0.1) & (red > blue + 0.1)) > 300  # the shade of an interruption


def test_a_sweep_draws_nothing_and_says_so(spoken, tmp_path: Path) -> None:
    write_wav(tmp_path / "caller.wav", spoken[0])
    words = [str(tmp_path / "caller.wav"), "--sweep", "sensitivity", "--plot", str(tmp_path / "x.png")]
    run = CliRunner().invoke(replay_command, words)
    assert isinstance(run.exception, UserError)
    assert "use --sensitivity instead of --sweep" in str(run.exception)
    assert not (tmp_path / "x.png").exists()


def test_without_words_it_is_far_faster_than_real_time(spoken) -> None:
    caller, agent = spoken
    learned, phrases = load_weights(), load("en")
    spent = []
    for _ in range(3):
        begun = time.process_time()
        replay(np.tile(caller, 3), np.tile(agent, 5), learned, phrases, ConversationSettings())
        spent.append(time.process_time() - begun)
    assert 3 * len(caller) / RATE / min(spent) > 60


def test_a_plot_of_another_kind_is_refused_before_the_run(spoken, tmp_path: Path) -> None:
    write_wav(tmp_path / "caller.wav", spoken[0])
    run = CliRunner().invoke(replay_command, [str(tmp_path / "caller.wav"), "--fast", "--plot", "call.gif"])
    assert run.exit_code != 0
    assert "a picture is a .png, .svg or .pdf file" in str(run.exception or run.output)
    assert not run.stdout


def test_a_replay_says_what_the_caller_waited_for(spoken, tmp_path: Path) -> None:
    """The recorded agent talks until it is interrupted, and answers 2 s after the caller's last sound."""
    caller, agent = spoken
    talks = np.abs(caller) > 1000
    end = int(np.flatnonzero(talks)[-1])
    sent = np.zeros(len(caller) + RATE * 4, np.int16)
    sent[: int(RATE * 3.2)] = agent[: int(RATE * 3.2)]
    sent[end + 2 * RATE : end + 3 * RATE] = agent[:RATE]
    line = np.concatenate([caller, np.random.default_rng(2).normal(0, 12, RATE * 4).astype(np.int16)])
    words = Transcript("No wait, I want the blue one.", speech=0.9)
    run = [
        replay(line, sent, load_weights(), load("en"), ConversationSettings(), lambda pcm: words, recorded=True).waits
        for _ in range(2)
    ]
    assert run[0] == run[1]
    (waits,) = run[0]
    assert waits.recognition_ms == pytest.approx(150, abs=20)
    assert waits.endpoint_ms is not None
    assert 300 <= waits.endpoint_ms <= 1400
    assert waits.wait_ms == pytest.approx(2000, abs=120)


class OnlySoFar:
    """A recognizer whose streams cannot be asked for a final result: no live call asks for one."""

    def stream(self, language: str, hints: Sequence[str] = ()) -> OnlySoFar:
        return self

    def feed(self, pcm: Pcm) -> None:
        pass

    async def partial(self) -> Transcript:
        return Transcript("no, the blue one", speech=0.9)

    async def final(self) -> Transcript:
        raise AssertionError("a live call never asks for this")

    def cancel(self) -> None:
        pass


def test_a_replay_asks_the_recognizer_as_a_live_call_does(spoken) -> None:
    caller, agent = spoken
    recognize = Blocking(OnlySoFar(), "en")  # type: ignore[arg-type]
    result = replay(caller, agent, load_weights(), load("en"), ConversationSettings(), recognize)
    assert result.interruptions[0].caller_text == "no, the blue one"


class Judging(OnlySoFar):
    """It writes no word, and is asked what the beginning of a sound is."""

    def __init__(self, word: float) -> None:
        self.word = word
        self.lengths: list[int] = []

    async def partial(self) -> Transcript:
        return Transcript("", speech=0.9)

    async def judge_sound(self, pcm: Pcm) -> SoundProbabilities:
        self.lengths.append(len(pcm))
        return SoundProbabilities(self.word, 1 - self.word, 0.0)


def test_a_replay_has_the_recognizer_judge_the_beginning_of_a_sound(spoken) -> None:
    caller, agent = spoken
    resumed = []
    for word in (0.999, 0.0001):
        judging = Judging(word)
        result = replay(caller, agent, load_weights(), load("en"), ConversationSettings(), Blocking(judging, "en"))  # type: ignore[arg-type]
        assert judging.lengths[0] == samples(ASKED_MS[0]) + BEFORE_SAMPLES  # sure, so it is not asked again
        resumed.append(any(pause.decided_ms is not None and pause.decided_ms < 3600 for pause in result.pauses))
    assert resumed == [False, True]
