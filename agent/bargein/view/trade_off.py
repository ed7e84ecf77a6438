"""A picture of what each setting makes of labelled calls: wrong stops against missed interruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.language.neutral import neutral
from .picture import AGENT, INK, INTERRUPTION, RESUMED, check_picture, save

if TYPE_CHECKING:
    from ..offline.tuning import Outcome


def draw_trade_off(groups: Mapping[str, tuple[Sequence[Outcome], Outcome]], path: Path) -> None:
    """Write the picture: one panel for each group of calls, with all its outcomes and the chosen one. Raises
    UserError."""
    check_picture(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * min(len(groups), 3), 4.4 * -(-len(groups) // 3)), layout="constrained")
    panels = figure.subplots(-(-len(groups) // 3), min(len(groups), 3), squeeze=False).flat
    for axes, (name, (outcomes, chosen)) in zip(panels, groups.items(), strict=False):
        for overlap, color in (("duck", AGENT), ("pause", RESUMED)):
            line = [one for one in outcomes if one.settings.overlap == overlap]
            stops = [one.stops for one in line]
            axes.plot(stops, [one.missed for one in line], "o-", color=color, markersize=4, linewidth=1, label=overlap)
            for at, one in zip(stops, line, strict=True):
                axes.annotate(
                    f"{one.settings.sensitivity:g}", (at, one.missed), fontsize=8, color=color,
                    textcoords="offset points", xytext=(4, 4 if overlap == "duck" else -11),
                )  # fmt: skip
        ring = {"markersize": 13, "markerfacecolor": "none", "color": INTERRUPTION}
        axes.plot(chosen.stops, chosen.missed, "o", label="proposed", **ring)
        axes.set_title(f"{neutral(name)}, {chosen.labels} labels", fontsize=10, color=INK, loc="left")
        axes.set_xlabel("wrong stops (a halt counts a quarter)", fontsize=9)
        axes.set_ylabel("missed interruptions", fontsize=9)
        axes.margins(0.12)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, title="overlap; numbers: sensitivity", title_fontsize=8)
    save(figure, path)
