"""`bargein replay`: a recorded call through the same core, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as replaced
from pathlib import Path

import click
import numpy as np

from ..config import Config
from ..core.conversation import Settings
from ..core.endpoint import EndpointSettings
from ..core.pcm import RATE, Pcm
from ..engines import catalog, weights
from ..engines.audio import read_wav, read_wav_stereo
from ..languages import load as load_language
from ..replay import Recognize, Replay, blocking, no_words, replay
from ..terminal import Column, Screen, table, write
from .options import format_options, print_named

SWEEP = tuple(round(0.1 * i, 1) for i in range(1, 10))
COLUMNS = ("onset_ms", "paused_ms", "decided_ms", "detect_latency_ms", "kind", "resolution", "evidence", "caller_text")
OF_WORDS = ("kind", "caller_text")


@click.command("replay")
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--agent", "agent_path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What the agent says from the start (with a mono recording).")  # fmt: skip
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="TOML file.")
@click.option("--sensitivity", type=click.FloatRange(0, 1), help="In place of the configured one.")
@click.option("--language", default="en", show_default=True)
@click.option("--fast", is_flag=True, help="Without speech to text: evidence alone decides.")
@click.option("--sweep", type=click.Choice(["sensitivity"]), help="Try values of this setting and print the trade-off.")
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path), help="Draw it: .png or .svg.")
@format_options
def replay_command(
    recording: Path,
    agent_path: Path | None,
    config_path: Path | None,
    sensitivity: float | None,
    language: str,
    fast: bool,
    sweep: str | None,
    plot_path: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Run RECORDING through the core that takes live calls, and print every decision.

    A stereo recording has the caller on the left and the agent on the right, as bargein records calls; then the agent
    is what was really sent. A mono recording is the caller; the agent says --agent, or is taken to talk all the time.

    \b
    Example:
      bargein replay recordings/2026/11/22/3f0c.wav --plot call.png
    """
    config = Config.load(config_path)
    caller, agent, recorded = _legs(recording, agent_path)
    settings = Settings(
        sensitivity=config.hearing.sensitivity if sensitivity is None else sensitivity,
        endpoint=EndpointSettings(min_ms=config.endpoint.min_ms, max_ms=config.endpoint.max_ms),
    )
    phrases, learned = load_language(language), weights.load()
    recognize: Recognize = no_words
    if not fast:
        recognizer = catalog.recognizer(config.speech)
        recognizer.load()
        recognize = blocking(recognizer, language)

    def run(with_settings: Settings) -> Replay:
        return replay(caller, agent, learned, phrases, with_settings, recognize, recorded)

    if sweep:
        rows = [_trade_off(value, run(replaced(settings, sensitivity=value))) for value in SWEEP]
        _print(list(rows[0]), rows, as_json, as_csv)
        return
    result = run(settings)
    if plot_path:
        from ..plot import plot

        plot(result, plot_path)
    names = [name for name in COLUMNS if not (fast and name in OF_WORDS)]
    _print(names, [{name: getattr(row, name) for name in names} for row in result.interruptions], as_json, as_csv)
    if not as_json and not as_csv:
        click.echo(
            f"{len(caller) / RATE:.1f} s, {len(result.interruptions)} pause{'s' * (len(result.interruptions) != 1)}"
        )


def _legs(recording: Path, agent_path: Path | None) -> tuple[Pcm, Pcm, bool]:
    """The caller, the agent, and whether the agent is what was sent during that very call."""
    both = read_wav_stereo(recording)
    if both.shape[1] == 2:
        if agent_path:
            raise click.UsageError(f"{recording} is stereo: the agent is its right channel, leave --agent out")
        return both[:, 0].copy(), both[:, 1].copy(), True
    return both[:, 0].copy(), read_wav(agent_path) if agent_path else np.zeros(0, np.int16), False


def _trade_off(sensitivity: float, result: Replay) -> dict[str, object]:
    cut_in = [row for row in result.interruptions if row.resolution != "resumed"]
    latencies = [row.detect_latency_ms for row in result.interruptions]
    return {
        "sensitivity": sensitivity,
        "pauses": len(result.interruptions),
        "interruptions": len(cut_in),
        "resumed": len(result.interruptions) - len(cut_in),
        "median_detect_ms": int(np.median(latencies)) if latencies else None,
    }


def _print(names: Sequence[str], rows: Sequence[Mapping[str, object]], as_json: bool, as_csv: bool) -> None:
    if not print_named(names, rows, as_json, as_csv):
        cells = [["" if row[name] is None else str(row[name]) for name in names] for row in rows]
        write(
            table(
                [Column(name.replace("_", " "), flexible=name == "caller_text") for name in names],
                cells,
                Screen.of_stdout(),
            )
        )
