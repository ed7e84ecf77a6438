"""Figures of many calls."""

from __future__ import annotations

from bargein.core.language.words import bare
from bargein.store.figures import Figures, Group
from bargein.store.stats import CutWord, summarize


def test_a_cut_word_counts_without_its_punctuation() -> None:
    figures = Figures()
    for word in ("dollars,", "dollars", "dollars.", "“mug”", "…"):
        figures.count_interruption(Group("2026-03-01", "q", "f"), "correct", "replanned", "offer", word, 60, 100)
    assert summarize([("2026-03-01", figures)]).words == (
        CutWord("offer", "dollars", 3), CutWord("offer", "mug", 1), CutWord("offer", "…", 1)
    )  # fmt: skip
    assert [bare(word) for word in ("don't,", "¿qué?", "")] == ["don't", "qué", ""]
