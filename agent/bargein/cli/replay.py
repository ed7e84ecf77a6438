"""`bargein replay`: a recorded call through the same core, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..clock import SystemClock
from ..config import Config
from ..errors import UserError
from .options import config_option
from .progress import ProgressLine
from .rerun import Repeater, engines, flow_of, legs, settings_of
from .rows import print_rows
from .terminal import Column, Screen, counted, table, write
from .waits import waits_table

if TYPE_CHECKING:
    from ..core.audio.pcm import Pcm
    from ..core.language.phrases import Phrases
    from ..core.turns.settings import ConversationSettings
    from ..offline.pauses import Pause
    from ..offline.replay import Recognize, Replay, Weights

SWEEP = tuple(round(0.1 * i, 1) for i in range(1, 10))
OF_WORDS = (
    "kind", "caller_text", "words", "speech", "word_probability", "backchannel_probability", "other_probability",
    "word_odds", "backchannel_odds", "other_odds", "probabilities",
)  # fmt: skip
FLEXIBLE = ("words", "caller_text")
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command("replay")
@click.argument("recording", type=FILE, required=False)
@click.option("--agent", "agent_path", type=FILE, help="What the agent says from the start (with a mono recording).")
@config_option
@click.option("--flow", "flow_name", metavar="FILE|NAME", help="The flow, instead of the configured one.")
@click.option("--sensitivity", type=click.FloatRange(0, 1), help="Instead of the flow's or the configured one.")
@click.option("--language", metavar="CODE", help="Instead of the configured one or the flow's, for example de.")
@click.option("--fast", is_flag=True, help="Without speech to text: only the sound decides.")
@click.option("--sweep", type=click.Choice(["sensitivity"]), help="Try values of this setting and print the trade-off.")
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the call: .png, .svg or "
              ".pdf.")  # fmt: skip
@click.option(
    "--labelled",
    is_flag=False,
    flag_value="bargein-labels.jsonl",
    type=click.Path(path_type=Path),
    metavar="[FILE]",
    help="Repeat the decisions of all calls labelled in this file (bargein-labels.jsonl).",
)
@click.option("--fail-on-regression", is_flag=True, help="With --labelled: exit with 1 if a decision that was marked "
              "right is now different.")  # fmt: skip
@click.option("--weights", type=FILE, help="Other weights for the detector: a file of scripts/training.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, times in ms from the start of the recording.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
def replay_command(
    recording: Path | None,
    agent_path: Path | None,
    config_path: Path | None,
    flow_name: str | None,
    sensitivity: float | None,
    language: str | None,
    fast: bool,
    sweep: str | None,
    picture: Path | None,
    labelled: Path | None,
    fail_on_regression: bool,
    weights: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Run RECORDING through the code that decides in live calls, and print every decision with its evidence.

    A stereo recording has the caller on the left and the agent on the right, as bargein records calls. A mono
    recording is the caller; the agent says --agent, or talks all the time.

    The language, the sensitivity and the backchannels come from the flow. A recording does not tell which step the
    agent was at, so replay ignores the settings of single steps and never takes a step for a question.

    With --labelled, replay needs no RECORDING: it repeats the decisions that `bargein label` marked, and prints which
    of them are as marked.

    Below the decisions it prints what callers waited for: the end of the turn and the recognition as decided here,
    and the whole wait up to the agent's next sound in the recording.

    A hesitation is a pause that the agent took back at once (taken_back). The log of a live call has no row of it.

    \b
    Example:
      bargein replay recordings/2026/11/22/3f0c.wav --plot call.png
    """
    if labelled is not None:
        repeater = Repeater(Config.load(config_path), fast, weights)
        _replay_labelled(labelled, sensitivity, repeater, fail_on_regression)
        return
    if recording is None:
        raise click.UsageError("Missing argument 'RECORDING', or --labelled.")
    if picture:
        if sweep:
            raise UserError("--plot draws one run: use --sensitivity instead of --sweep", 2)
        from ..view.picture import check_picture

        check_picture(picture)
    config = Config.load(config_path)
    flow = flow_of(config, flow_name, language)
    audio = legs(recording, agent_path)
    settings = settings_of(config, flow, sensitivity)
    parts = engines(config, flow, fast, weights)
    runs = [replaced(settings, sensitivity=value) for value in SWEEP] if sweep else [settings]
    clock = SystemClock()
    begun = clock.monotonic()
    results = _replayed(*audio, *parts, runs, flow.backchannels)
    took_s = clock.monotonic() - begun
    if sweep:
        rows = [_trade_off(value, result) for value, result in zip(SWEEP, results, strict=True)]
        _print(list(rows[0]), rows, as_json, as_csv)
    else:
        _show(results[0], fast, as_json, as_csv)
    if picture:
        from ..view.picture import draw
        from ..view.timeline import of_replay

        draw(of_replay(f"{recording.name}, replayed", results[0]), picture)
    _tell_speed(results, took_s)


def _replayed(
    caller: Pcm,
    agent: Pcm,
    recorded: bool,
    phrases: Phrases,
    learned: Weights,
    recognize: Recognize,
    runs: Sequence[ConversationSettings],
    backchannels: Sequence[str],
) -> list[Replay]:
    """The call with each of these settings, while a line on the terminal tells how far it is."""
    from ..core.audio.pcm import RATE
    from ..offline.replay import replay

    lasts_s = len(caller) / RATE
    results: list[Replay] = []
    with ProgressLine("replaying, seconds of audio", round(lasts_s * len(runs))) as progress:
        for settings in runs:
            before_s = lasts_s * len(results)

            def told(seconds: float, before_s: float = before_s) -> None:
                progress.at(round(before_s + seconds))

            results.append(
                replay(caller, agent, learned, phrases, settings, recognize, recorded, backchannels, progress=told)
            )
    return results


def _tell_speed(results: Sequence[Replay], took_s: float) -> None:
    from ..core.audio.pcm import RATE

    lasts_s = sum(len(result.caller) for result in results) / RATE
    told = f"{lasts_s:.1f} s in {took_s:.2f} s, {lasts_s / max(took_s, 0.001):.0f} times faster than real time"
    click.echo(told, err=True)


def _replay_labelled(path: Path, sensitivity: float | None, repeater: Repeater, strict: bool) -> None:
    """Print which decisions are as marked. Raises UserError for regressions if `strict`."""
    from ..offline.labels import Mark, read_labels, usable
    from ..offline.tuning import as_marked, verdict

    labels, rows, regressions = usable(read_labels(path)), [], 0
    with ProgressLine("replaying calls", len(labels)) as progress:
        for label in labels:
            chosen = repeater.configured(label)
            chosen = chosen if sensitivity is None else replaced(chosen, sensitivity=sensitivity)
            result = repeater.run(label, chosen)
            good = as_marked(label, result)
            regressions += not good and label.mark is Mark.RIGHT
            said = "as marked" if good else "REGRESSION" if label.mark is Mark.RIGHT else "still wrong"
            rows.append([f"{label.call_id[:8]}#{label.number}", label.mark, verdict(label, result), said])
            progress.at(len(rows))
    columns = [Column("interruption"), Column("marked"), Column("now"), Column("verdict")]
    write(table(columns, rows, Screen.of_stdout()))
    kept = sum(row[3] == "as marked" for row in rows)
    write(["", f"{kept} of {len(rows)} as marked, {counted(regressions, 'regression')}"])
    if regressions and strict:
        raise UserError(f"{counted(regressions, 'decision')} marked right would now be different")


def _row(pause: Pause) -> dict[str, object]:
    """A pause and its evidence as one flat row."""
    words = pause.words
    sound = words.sound_probabilities if words else None
    shares = (sound.word, sound.backchannel, sound.other) if sound else (None, None, None)
    word, backchannel, other = (None if share is None else round(share, 2) for share in shares)
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
        "word_probability": word,
        "backchannel_probability": backchannel,
        "other_probability": other,
        "caller_text": pause.caller_text,
        # the names of these columns until 0.2
        "word_odds": word,
        "backchannel_odds": backchannel,
        "other_odds": other,
    }


def _brief(row: Mapping[str, object]) -> dict[str, object]:
    """The row for a table on a terminal: fewer and shorter columns."""
    shares = [row[name] for name in ("word_probability", "backchannel_probability", "other_probability")]
    return {
        "onset": row["onset_ms"],
        "paused": row["paused_ms"],
        "decided": row["decided_ms"],
        "kind": row["kind"],
        "resolution": row["resolution"],
        "voice": row["voice"],
        "dBFS": row["loudest_dbfs"],
        "words": row["words"] or row["caller_text"],
        "probabilities": "" if shares[0] is None else "/".join(f"{value:.2f}" for value in shares),
    }


def _show(result: Replay, fast: bool, as_json: bool, as_csv: bool) -> None:
    rows = [_row(pause) for pause in result.pauses]
    if not as_json and not as_csv:
        rows = [_brief(row) for row in rows]
    from ..core.audio.pcm import RATE
    from ..offline.pauses import TAKEN_BACK, Pause

    empty = _row(Pause(0, 0)) if as_json or as_csv else _brief(_row(Pause(0, 0)))
    names = [name for name in empty if not (fast and name in OF_WORDS)]
    _print(names, [{name: row[name] for name in names} for row in rows], as_json, as_csv)
    if not as_json and not as_csv:
        hesitations = sum(pause.resolution == TAKEN_BACK for pause in result.pauses)
        click.echo(
            f"{len(result.caller) / RATE:.1f} s, {counted(len(result.pauses) - hesitations, 'pause')}, "
            f"{counted(hesitations, 'hesitation')}"
        )
        from ..store.stats import wait_spreads

        if waits := wait_spreads(result.waits):
            write(["", *waits_table(waits, Screen.of_stdout())])


def _trade_off(sensitivity: float, result: Replay) -> dict[str, object]:
    import numpy as np

    from ..offline.pauses import TAKEN_BACK, UNDECIDED

    long = [pause for pause in result.pauses if pause.resolution != TAKEN_BACK]
    resumed = sum(pause.resolution in ("resumed", "held") for pause in long)
    latencies = [pause.detect_latency_ms for pause in long]
    return {
        "sensitivity": sensitivity,
        "pauses": len(long),
        "interruptions": sum(pause.resolution not in ("resumed", "held", UNDECIDED) for pause in long),
        "resumed": resumed,
        "hesitations": len(result.pauses) - len(long),
        "median_detect_ms": int(np.median(latencies)) if latencies else None,
    }


def _print(names: Sequence[str], rows: Sequence[Mapping[str, object]], as_json: bool, as_csv: bool) -> None:
    if not print_rows(names, rows, as_json, as_csv):
        cells = [["" if row[name] is None else str(row[name]) for name in names] for row in rows]
        columns = [Column(name.replace("_", " "), flexible=name in FLEXIBLE) for name in names]
        write(table(columns, cells, Screen.of_stdout()))
