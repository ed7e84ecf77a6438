"""The words of each language for what is written as a symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lexicon:
    """How symbols are spoken in one language, and how it writes numbers."""

    plus: str
    minus: str
    dot: str
    slash: str
    dash: str
    underscore: str
    at: str
    hash: str  # the key
    star: str  # the key
    percent: str
    per: str  # "ten dollars per month"
    to: str
    and_: str
    number: str
    decimal: str  # the character before decimals
    thousands: str  # characters between groups of three digits


# fmt: off
LEXICONS: Mapping[str, Lexicon] = {
    "en": Lexicon("plus", "minus", "dot", "slash", "dash", "underscore", "at", "hash", "star", "percent", "per", "to",
                  "and", "number", ".", ","),
    "de": Lexicon("plus", "minus", "Punkt", "Schrägstrich", "Bindestrich", "Unterstrich", "at", "Raute", "Stern",
                  "Prozent", "pro", "bis", "und", "Nummer", ",", "."),
    "es": Lexicon("más", "menos", "punto", "barra", "guion", "guion bajo", "arroba", "almohadilla", "asterisco",
                  "por ciento", "por", "a", "y", "número", ",", "."),
    "fr": Lexicon("plus", "moins", "point", "barre oblique", "tiret", "tiret bas", "arobase", "dièse", "étoile",
                  "pour cent", "par", "à", "et", "numéro", ",", " \u202f\u00a0"),
    "it": Lexicon("più", "meno", "punto", "barra", "trattino", "trattino basso", "chiocciola", "cancelletto",
                  "asterisco", "per cento", "per", "a", "e", "numero", ",", "."),
    "pt": Lexicon("mais", "menos", "ponto", "barra", "hífen", "sublinhado", "arroba", "cardinal", "asterisco",
                  "por cento", "por", "a", "e", "número", ",", "."),
    "nl": Lexicon("plus", "min", "punt", "schuine streep", "streepje", "laag streepje", "apenstaartje", "hekje",
                  "sterretje", "procent", "per", "tot", "en", "nummer", ",", "."),
}
# fmt: on
