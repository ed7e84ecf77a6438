"""What an engine has to offer, for `bargein voices` and for the choice of a voice by language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineListing:
    """One voice or one recognizer model. `missing` is empty when it works as it is, else what to install."""

    kind: str  # voice | recognizer
    engine: str
    name: str
    languages: tuple[str, ...]  # ISO 639-1, or with a region: en-GB; "*" for many
    missing: str = ""
    note: str = ""

    @property
    def available(self) -> bool:
        return not self.missing

    def speaks(self, language: str) -> bool:
        """Whether it is for `language`, in any region."""
        return any(own == "*" or base(own) == base(language) for own in self.languages)


def base(language: str) -> str:
    """`de-AT` and `de_AT` -> `de`."""
    return language.replace("_", "-").split("-")[0].lower()
