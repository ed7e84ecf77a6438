"""Abbreviations that end in a full stop, by language, and how they are read.

A name with " #" after it is an abbreviation only before a number: "No. 5", but "No. We are closed."
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ABBREVIATIONS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miz", "Dr.": "Doctor", "Prof.": "Professor", "Rev.": "Reverend",
        "Gen.": "General", "Sgt.": "Sergeant", "Capt.": "Captain", "Lt.": "Lieutenant", "Sr.": "Senior",
        "Jr.": "Junior", "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Ln.": "Lane", "Hwy.": "Highway",
        "Pkwy.": "Parkway", "Apt.": "Apartment", "Ste.": "Suite", "Bldg.": "Building", "Inc.": "Incorporated",
        "Ltd.": "Limited", "Corp.": "Corporation", "Co.": "Company", "Dept.": "Department", "Assoc.": "Associates",
        "e.g.": "for example", "i.e.": "that is", "vs.": "versus", "approx.": "approximately", "etc.": "et cetera",
        "est.": "estimated", "incl.": "including", "excl.": "excluding", "min.": "minimum", "max.": "maximum",
        "tel.": "telephone", "ext. #": "extension", "dept.": "department", "appt.": "appointment",
        "No. #": "number", "Nos. #": "numbers", "no. #": "number", "p. #": "page", "pp. #": "pages",
        "vol. #": "volume", "Fig. #": "figure", "Jan. #": "January", "Feb. #": "February", "Mar. #": "March",
        "Apr. #": "April", "Jun. #": "June", "Jul. #": "July", "Aug. #": "August", "Sept. #": "September",
        "Sep. #": "September", "Oct. #": "October", "Nov. #": "November", "Dec. #": "December",
    },
    "de": {
        "Fr. #": "Freitag", "z.B.": "zum Beispiel", "z. B.": "zum Beispiel", "d.h.": "das heißt", "d. h.": "das heißt",
        "u.a.": "unter anderem", "u. a.": "unter anderem", "o.ä.": "oder ähnliches", "i.d.R.": "in der Regel",
        "bzw.": "beziehungsweise", "usw.": "und so weiter", "ca.": "circa", "ggf.": "gegebenenfalls",
        "evtl.": "eventuell", "inkl.": "inklusive", "exkl.": "exklusive", "zzgl.": "zuzüglich", "vgl.": "vergleiche",
        "Dr.": "Doktor", "Prof.": "Professor", "Hr.": "Herr", "Fr.": "Frau", "Str.": "Straße", "str.": "straße",
        "Pl.": "Platz", "Tel.": "Telefon", "Nr.": "Nummer", "Mio.": "Millionen", "Mrd.": "Milliarden",
        "Std.": "Stunden", "Min.": "Minuten", "Abt.": "Abteilung", "St.": "Sankt", "S. #": "Seite",
        "mind.": "mindestens", "max.": "maximal", "etc.": "et cetera",
    },
    "es": {
        "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Dr.": "doctor", "Dra.": "doctora", "D.": "don",
        "Dña.": "doña", "Ud.": "usted", "Uds.": "ustedes", "Av.": "avenida", "Avda.": "avenida", "C.": "calle",
        "Pza.": "plaza", "núm.": "número", "tel.": "teléfono", "p. ej.": "por ejemplo", "p.ej.": "por ejemplo",
        "etc.": "etcétera", "aprox.": "aproximadamente", "Cía.": "compañía", "ext. #": "extensión", "pág. #": "página",
    },
    "fr": {
        "M.": "monsieur", "MM.": "messieurs", "Dr.": "docteur", "Pr.": "professeur", "av.": "avenue",
        "bd.": "boulevard", "tél.": "téléphone", "p. ex.": "par exemple", "p.ex.": "par exemple",
        "c.-à-d.": "c'est-à-dire", "env.": "environ", "etc.": "et cetera", "St.": "saint", "Cie.": "compagnie",
        "p. #": "page", "no. #": "numéro",
    },
    "it": {
        "Sig.": "signor", "Sig.ra": "signora", "Sigg.": "signori", "Dott.": "dottor", "Dr.": "dottor",
        "Prof.": "professor", "Ing.": "ingegner", "Avv.": "avvocato", "tel.": "telefono", "p.zza": "piazza",
        "ecc.": "eccetera", "ca.": "circa", "n. #": "numero", "pag. #": "pagina", "es.": "esempio", "int. #": "interno",
    },
    "pt": {
        "Sr.": "senhor", "Sra.": "senhora", "Dr.": "doutor", "Dra.": "doutora", "Prof.": "professor", "Av.": "avenida",
        "R.": "rua", "tel.": "telefone", "p. ex.": "por exemplo", "p.ex.": "por exemplo", "etc.": "et cetera",
        "aprox.": "aproximadamente", "Cia.": "companhia", "n. #": "número", "ramal #": "ramal", "pág. #": "página",
    },
    "nl": {
        "dhr.": "de heer", "mevr.": "mevrouw", "mw.": "mevrouw", "dr.": "doctor", "drs.": "doctorandus",
        "ir.": "ingenieur", "prof.": "professor", "bijv.": "bijvoorbeeld", "d.w.z.": "dat wil zeggen",
        "o.a.": "onder andere", "enz.": "enzovoort", "ca.": "circa", "incl.": "inclusief", "excl.": "exclusief",
        "tel.": "telefoon", "nr.": "nummer", "str.": "straat", "mln.": "miljoen",
    },
}  # fmt: skip


def _ends_in(names: set[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_ALL = {name for table in ABBREVIATIONS.values() for name in table}
_BEFORE = r"(?:^|[\s(\"'“„«])"
ANYWHERE = re.compile(f"{_BEFORE}(?:{_ends_in({name for name in _ALL if name.endswith('.')})})$")
BEFORE_NUMBER = re.compile(f"{_BEFORE}(?:{_ends_in({name[:-2] for name in _ALL if name.endswith('. #')})})$")
