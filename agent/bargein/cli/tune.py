"""`bargein tune`: which settings decide your own labelled calls best."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config import Config
from ..view.wording import latency
from .label import labels_option
from .options import config_option
from .progress import ProgressLine
from .rerun import Repeater
from .terminal import Column, Screen, table, write

if TYPE_CHECKING:
    from ..offline.labels import Label
    from ..offline.tuning import Outcome, Settings


@click.command("tune")
@labels_option
@click.option("--by", type=click.Choice(["all", "flow", "trunk"]), default="all", show_default=True,
              help="One proposal for all calls, or one for each flow or trunk.")  # fmt: skip
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the trade-off: .png, "
              ".svg or .pdf.")  # fmt: skip
@click.option("--fast", is_flag=True, help="Without speech to text: only the sound decides.")
@config_option
def tune_command(labels: Path, by: str, picture: Path | None, fast: bool, config_path: Path | None) -> None:
    """Try settings on all labelled calls, print the trade-off, and propose the best.

    It tries [hearing] sensitivity and overlap, and longer silences of [endpoint] if a label says cut-off. A halt is
    a moment of silence for a sound that was no interruption; four count as one wrong decision. A change must gain two
    decisions; of values that are about as good, it proposes the nearest.

    \b
    Examples:
      bargein tune --fast
      bargein tune --by trunk --plot tune.png
    """
    from ..offline.labels import read_labels, usable
    from ..offline.tuning import tune

    if picture is not None:
        from ..view.picture import check_picture

        check_picture(picture)
    repeater, known = Repeater(Config.load(config_path), fast), usable(read_labels(labels))
    screen, drawn = Screen.of_stdout(), {}
    for name, group in _groups(known, by):
        now = repeater.configured(group[0])
        with ProgressLine(f"trying settings{f' on {name}' if name else ''}") as line:
            tried: list[int] = []

            def told(line: ProgressLine = line, tried: list[int] = tried) -> None:
                tried.append(1)
                line.at(len(tried))

            outcomes, chosen = tune(now, group, repeater.run, told)
        drawn[name or "all calls"] = (outcomes, chosen)
        write([screen.bold(f"{by} {name}"), ""] if name else [])
        write([*_table(outcomes, screen), "", *_proposal(now, chosen, name if by == "flow" else ""), ""])
    if picture is not None:
        from ..view.trade_off import draw_trade_off

        draw_trade_off(drawn, picture)
        click.echo(f"{picture} written", err=True)


def _groups(labels: list[Label], by: str) -> list[tuple[str, list[Label]]]:
    """The labels of each flow or trunk; or all, with no name."""
    if by == "all":
        return [("", labels)]

    def name(label: Label) -> str:
        return (label.flow if by == "flow" else label.trunk) or "unknown"

    return [(key, list(group)) for key, group in groupby(sorted(labels, key=name), key=name)]


def _table(outcomes: list[Outcome], screen: Screen) -> list[str]:
    columns = [Column("sensitivity"), Column("overlap"), Column("silence")]
    columns += [
        Column(name, right=True) for name in ("as marked", "wrong stops", "halts", "missed", "cut off", "stops")
    ]
    rows = [
        [
            f"{one.settings.sensitivity:g}", one.settings.overlap, f"{one.settings.min_ms} to {one.settings.max_ms} ms",
            f"{one.labels - one.errors} of {one.labels}",
            *map(str, (one.wrong_stops, one.halts, one.missed, one.cut_offs)), latency(one.stop_ms),
        ]
        for one in outcomes
    ]  # fmt: skip
    return table(columns, rows, screen)


def _proposal(now: Settings, chosen: Outcome, flow: str) -> list[str]:
    """The lines to change, in the flow's own file if it is about a flow."""
    new, lines = chosen.settings, []
    if new.sensitivity != now.sensitivity:
        where = f"sensitivity: {new.sensitivity:g}" if flow else f"[hearing] sensitivity = {new.sensitivity:g}"
        lines.append(f"{where} (now {now.sensitivity:g})")
    if new.overlap != now.overlap:
        where = f"overlap: {new.overlap}" if flow else f'[hearing] overlap = "{new.overlap}"'
        lines.append(f"{where} (now {now.overlap})")
    for key in ("min_ms", "max_ms"):
        if getattr(new, key) != getattr(now, key):
            lines.append(f"[endpoint] {key} = {getattr(new, key)} (now {getattr(now, key)})")
    kept = f"{chosen.labels - chosen.errors} of {chosen.labels} as marked"
    if not lines:
        return [f"proposal: keep what you have: {kept}; nothing else is two decisions better"]
    return [f"proposal{f' for the flow {flow}' if flow else ''}: {kept} with", *(f"  {line}" for line in lines)]
