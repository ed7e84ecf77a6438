"""`bargein replay`: a recorded call through the same core, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as replaced
from pathlib import Path

import click
import numpy as np

from ..clock import SystemClock
from ..config import Config
from ..core.audio.pcm import RATE, Pcm
from ..core.turns.conversation import ConversationSettings
from ..core.turns.endpoint import EndpointSettings
from ..data.trained import load_weights
from ..dialogue.dialogues import find, read
from ..dialogue.flow import Flow
from ..dialogue.languages import load as load_language
from ..errors import UserError
from ..offline.pauses import TAKEN_BACK, UNDECIDED, Pause
from ..offline.plot import check_plot, plot
from ..offline.replay import Recognize, Replay, blocking, no_words, replay
from ..speech import catalog
from ..speech.audio import read_wav, read_wav_stereo
from .options import print_named
from .terminal import Column, Screen, table, write

SWEEP = tuple(round(0.1 * i, 1) for i in range(1, 10))
OF_WORDS = ("kind", "caller_text", "words", "speech", "word_odds", "backchannel_odds", "other_odds", "odds")
FLEXIBLE = ("words", "caller_text")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("replay")
@click.argument("recording", type=FILE)
@click.option("--agent", "agent_path", type=FILE, help="What the agent says from the start (with a mono recording).")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="TOML file.")
@click.option("--flow", "flow_name", metavar="FILE|NAME", help="The flow, in place of the configured one.")
@click.option("--sensitivity", type=click.FloatRange(0, 1), help="In place of the flow's or the configured one.")
@click.option("--language", metavar="CODE", help="In place of the configured one, or the flow's: en, de, es.")
@click.option("--fast", is_flag=True, help="Without speech to text: evidence alone decides.")
@click.option("--sweep", type=click.Choice(["sensitivity"]), help="Try values of this setting and print the trade-off.")
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path), help="Draw it: .png or .svg.")
@click.option("--json", "as_json", is_flag=True, help="JSON, times in ms from the start of the recording.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")
def replay_command(
    recording: Path,
    agent_path: Path | None,
    config_path: Path | None,
    flow_name: str | None,
    sensitivity: float | None,
    language: str | None,
    fast: bool,
    sweep: str | None,
    plot_path: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Run RECORDING through the core that takes live calls, and print every decision with its evidence.

    A stereo recording has the caller on the left and the agent on the right, as bargein records calls; then the agent
    is what was really sent. A mono recording is the caller; the agent says --agent, or is taken to talk all the time.

    Of the flow it takes the language, the sensitivity and the backchannels. Which step the agent was at cannot be known
    from a recording: replay takes nothing for a question ("yes" over one is an answer), and what a step or a line says
    of sensitivity, interruptible and backchannels does not count.

    A hesitation is a pause that was taken back at once (taken_back); the log of a live call has no row of it.

    \b
    Example:
      bargein replay recordings/2026/11/22/3f0c.wav --plot call.png
    """
    if plot_path:
        if sweep:
            raise UserError("--plot draws one run: leave --sweep out, and say --sensitivity", 2)
        check_plot(plot_path)
    config = Config.load(config_path)
    flow = read(find(flow_name or config.dialogue.flow), language or config.dialogue.language)
    caller, agent, recorded = _legs(recording, agent_path)
    settings = _settings(config, flow, sensitivity)
    phrases = load_language(flow.language, flow.language_file)
    learned = load_weights()
    recognize: Recognize = no_words
    if not fast:
        recognizer = catalog.recognizer(config.speech)
        recognizer.load()
        recognize = blocking(recognizer, flow.language)
    runs = [replaced(settings, sensitivity=value) for value in SWEEP] if sweep else [settings]
    clock = SystemClock()
    begun = clock.monotonic()
    results = [replay(caller, agent, learned, phrases, one, recognize, recorded, flow.backchannels) for one in runs]
    took = clock.monotonic() - begun
    if sweep:
        rows = [_trade_off(value, result) for value, result in zip(SWEEP, results, strict=True)]
        _print(list(rows[0]), rows, as_json, as_csv)
    else:
        _show(results[0], fast, as_json, as_csv)
    if plot_path:
        plot(results[0], plot_path)
    lasts = len(caller) / RATE * len(runs)
    click.echo(f"{lasts:.1f} s in {took:.2f} s, {lasts / max(took, 0.001):.0f} times faster than real time", err=True)


def _settings(config: Config, flow: Flow, sensitivity: float | None) -> ConversationSettings:
    wanted = (sensitivity, flow.sensitivity, config.hearing.sensitivity)
    return ConversationSettings(
        sensitivity=next(value for value in wanted if value is not None),
        endpoint=EndpointSettings(min_ms=config.endpoint.min_ms, max_ms=config.endpoint.max_ms),
    )


def _legs(recording: Path, agent_path: Path | None) -> tuple[Pcm, Pcm, bool]:
    """The caller, the agent, and whether the agent is what was sent during that very call."""
    both = read_wav_stereo(recording)
    if both.shape[1] == 2:
        if agent_path:
            raise click.UsageError(f"{recording} is stereo: the agent is its right channel, leave --agent out")
        return both[:, 0].copy(), both[:, 1].copy(), True
    return both[:, 0].copy(), read_wav(agent_path) if agent_path else np.zeros(0, np.int16), False


def _row(pause: Pause) -> dict[str, object]:
    """A pause and its evidence, flat."""
    words = pause.words
    odds = words.sound_probabilities if words else None
    return {
        "onset_ms": pause.onset_ms,
        "paused_ms": pause.paused_ms,
        "decided_ms": pause.decided_ms,
        "detect_latency_ms": pause.detect_latency_ms,
        "kind": pause.kind,
        "resolution": pause.resolution,
        "score": round(pause.score, 2),
        "voice": round(pause.voice, 2),
        "loudest_dbfs": round(pause.loudest_dbfs, 1),
        "words": words.text if words else None,
        "speech": round(words.speech, 2) if words else None,
        "word_odds": round(odds.word, 2) if odds else None,
        "backchannel_odds": round(odds.backchannel, 2) if odds else None,
        "other_odds": round(odds.other, 2) if odds else None,
        "caller_text": pause.caller_text,
    }


def _brief(row: Mapping[str, object]) -> dict[str, object]:
    """The same for a table: fewer and shorter columns."""
    odds = [row[name] for name in ("word_odds", "backchannel_odds", "other_odds")]
    return {
        "onset": row["onset_ms"],
        "paused": row["paused_ms"],
        "decided": row["decided_ms"],
        "kind": row["kind"],
        "resolution": row["resolution"],
        "voice": row["voice"],
        "dBFS": row["loudest_dbfs"],
        "words": row["words"] or row["caller_text"],
        "odds": "" if odds[0] is None else "/".join(f"{value:.2f}" for value in odds),
    }


def _show(result: Replay, fast: bool, as_json: bool, as_csv: bool) -> None:
    rows = [_row(pause) for pause in result.pauses]
    if not as_json and not as_csv:
        rows = [_brief(row) for row in rows]
    empty = _row(Pause(0, 0)) if as_json or as_csv else _brief(_row(Pause(0, 0)))
    names = [name for name in empty if not (fast and name in OF_WORDS)]
    _print(names, [{name: row[name] for name in names} for row in rows], as_json, as_csv)
    if not as_json and not as_csv:
        hesitations = sum(pause.resolution == TAKEN_BACK for pause in result.pauses)
        click.echo(
            f"{len(result.caller) / RATE:.1f} s, {_count(len(result.pauses) - hesitations, 'pause')}, "
            f"{_count(hesitations, 'hesitation')}"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _trade_off(sensitivity: float, result: Replay) -> dict[str, object]:
    long = [pause for pause in result.pauses if pause.resolution != TAKEN_BACK]
    resumed = sum(pause.resolution == "resumed" for pause in long)
    latencies = [pause.detect_latency_ms for pause in long]
    return {
        "sensitivity": sensitivity,
        "pauses": len(long),
        "interruptions": sum(pause.resolution not in ("resumed", UNDECIDED) for pause in long),
        "resumed": resumed,
        "hesitations": len(result.pauses) - len(long),
        "median_detect_ms": int(np.median(latencies)) if latencies else None,
    }


def _print(names: Sequence[str], rows: Sequence[Mapping[str, object]], as_json: bool, as_csv: bool) -> None:
    if not print_named(names, rows, as_json, as_csv):
        cells = [["" if row[name] is None else str(row[name]) for name in names] for row in rows]
        columns = [Column(name.replace("_", " "), flexible=name in FLEXIBLE) for name in names]
        write(table(columns, cells, Screen.of_stdout()))
