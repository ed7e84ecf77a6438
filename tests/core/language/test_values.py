"""Numbers, digits, days, times and names in what callers say: right, or asked back; never silently wrong."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.language.dates import date_in
from bargein.core.language.digits import digits_in, read_back, telephone_number_in
from bargein.core.language.intent import RULES
from bargein.core.language.numbers import number_in
from bargein.core.language.person_name import name_in
from bargein.core.language.times import HalfDayUnknown, time_in
from bargein.core.language.values import Unclear
from bargein.dialogue.languages import available, load

SATURDAY = date(2026, 11, 28)
ASK = "ask"  # what is asked back


def number(text: str, language: str = "en") -> object:
    phrases = load(language)
    try:
        return number_in(text, phrases.numbers, phrases.repairs, phrases.dates.ordinals)
    except Unclear:
        return ASK


def digits(text: str, low: int = 0, high: int = 0, language: str = "en") -> str:
    phrases = load(language)
    try:
        return digits_in(text, phrases.numbers, phrases.repairs, low, high)
    except Unclear:
        return ASK


def phone(text: str, language: str = "en") -> str:
    phrases = load(language)
    try:
        return telephone_number_in(text, phrases.numbers, phrases.repairs, 5, 15)
    except Unclear:
        return ASK


def day(text: str, language: str = "en", today: date = SATURDAY) -> str | None:
    phrases = load(language)
    try:
        found = date_in(text, phrases.dates, phrases.numbers, today, phrases.repairs)
    except Unclear:
        return ASK
    return found.isoformat() if found else None


def clock(text: str, language: str = "en", earliest: time = time.min, latest: time = time.max) -> str | None:
    phrases = load(language)
    try:
        found = time_in(text, phrases.times, phrases.numbers, phrases.repairs, earliest, latest)
    except HalfDayUnknown:
        return "am or pm"
    except Unclear:
        return ASK
    return found.strftime("%H:%M") if found else None


def name(text: str, language: str = "en") -> str:
    try:
        return name_in(text, load(language))
    except Unclear:
        return ASK


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("two", 2),
        ("zero", 0),
        ("twenty three please", 23),
        ("twenty-one", 21),
        ("a hundred and twenty five", 125),
        ("three thousand two hundred", 3200),
        ("one thousand two hundred", 1200),
        ("twelve hundred", 1200),
        ("two million three hundred thousand and five", 2_300_005),
        ("1.2 million", 1_200_000),
        ("1,200", 1200),
        ("12,345", 12345),
        ("120,000.", 120_000),
        ("$1,200", 1200),
        ("1'200", 1200),
        ("2.0", 2),
        ("a dozen", 12),
        ("a couple", 2),
        ("minus five", -5),
        ("-5", -5),
        ("I need 12 of them", 12),
        ("oh, two", 2),
        ("two, no, three", 3),
        ("five, sorry six", 6),
        ("no, 13 not 12", 13),
        ("not five but six", 6),
        ("I don't want five, I want six", 6),
        ("lots", None),
        ("the third", None),
        ("1,200.50", ASK),
        ("1.200", ASK),
        ("1,20", ASK),
        ("1 200", ASK),
        ("half a dozen", ASK),
        ("two and a half", ASK),
        ("three point three", ASK),
        ("12 or 13", ASK),
        ("5-6", ASK),
        ("two and two", ASK),
        ("one twenty", ASK),
        ("nineteen eighty four", ASK),
        ("the 3rd", ASK),
        ("5k", ASK),
        ("50%", ASK),
        ("5+", ASK),
        (">5", ASK),
        ("1/2", ASK),
        ("two more", ASK),
        ("twenty something", ASK),
        ("5 tickets for 2 people", ASK),
        ("more than five", ASK),
        ("anything but five", ASK),
        ("five isn't enough", ASK),
        ("five, no", ASK),
        ("9" * 5000, ASK),
        ("twenty twenty", ASK),
        ("five five", ASK),
        ("double two", ASK),
        ("two thirds", ASK),
        ("three zeroes", ASK),
        ("20-ish", ASK),
        ("me and five others", ASK),
        ("five guests and a baby", ASK),
        ("six and my wife", ASK),
        ("5 (five)", 5),
        ("my wife and I need a table for four", 4),
    ],
)
def test_numbers(text: str, value: object) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "1.200", 1200),
        ("de", "1,200", ASK),
        ("de", "1.200,50", ASK),
        ("de", "zweitausenddreihundertfünfundzwanzig", 2325),
        ("de", "hundertfünf", 105),
        ("de", "zwei, nein, drei", 3),
        ("de", "ein Tisch für fünf Personen", 5),
        ("de", "ein oder zwei", ASK),
        ("de", "achtung", None),
        ("es", "1.200", 1200),
        ("es", "mil doscientos", 1200),
        ("es", "treinta y cinco", 35),
        ("es", "no, tres", 3),
        ("es", "dos o tres", ASK),
        ("es", "cinco y medio", ASK),
        ("fr", "1 200", 1200),
        ("fr", "quatre-vingt-douze", 92),
        ("fr", "soixante et onze", 71),
        ("fr", "cent quatre vingt dix neuf", 199),
        ("fr", "mille deux cents", 1200),
        ("fr", "une table pour cinq", 5),
        ("fr", "deux ou trois", ASK),
        ("fr", "2,5", ASK),
        ("it", "1.200", 1200),
        ("it", "duecentoventitré", 223),
        ("it", "milleduecento", 1200),
        ("it", "due, no, tre", 3),
        ("it", "due e mezzo", ASK),
        ("pt", "duzentos e cinquenta", 250),
        ("pt", "vinte e um", 21),
        ("pt", "não, três", 3),
        ("pt", "dois ou três", ASK),
        ("nl", "tweehonderdvijfentwintig", 225),
        ("nl", "tweeëntwintig", 22),
        ("nl", "twee, nee, drie", 3),
        ("nl", "twee of drie", ASK),
        ("de", "fünf Personen und ein Kind", ASK),
        ("de", "doppelt zwei", ASK),
        ("de", "zwanzig zwanzig", ASK),
        ("fr", "vingt vingt", ASK),
        ("es", "un tercio", ASK),
        ("pt", "um terço", ASK),
        ("it", "venti venti", ASK),
        ("nl", "dubbel twee", ASK),
    ],
)
def test_numbers_of_other_languages(language: str, text: str, value: object) -> None:
    assert number(text, language) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("four two double seven", "4277"),
        ("4 2 7 7", "4277"),
        ("4,277", "4277"),
        ("oh one twenty three", "0123"),
        ("double oh seven", "007"),
        ("triple five", "555"),
        ("(555) 010-4278", "5550104278"),
        ("It's (555) 010-4278.", "5550104278"),
        ("555.010.4278", "5550104278"),
        ("one eight hundred five five five oh one four two", "18005550142"),
        ("four hundred and twelve", "412"),
        ("my number is four seven one and then eight two three", "471823"),
        ("4277, no wait, 4278", "4278"),
        ("4277 not 4278", "4277"),
        ("either 4277 or 4278", ASK),
        ("four two seven, no, eight", ASK),
        ("5k", ASK),
        ("no idea", ""),
        ("a couple", ""),
        ("(coughs)", ""),
        ("(five five five) oh one oh", "555010"),
        ("A4278", ASK),
        ("4278A", ASK),
        ("4 2 7 X", ASK),
        ("10%", ASK),
        ("three zeros", ASK),
        ("five fives", ASK),
        ("4278, 4278", ASK),
        ("I have one", ASK),
        ("the first one", ASK),
        ("55555555", "55555555"),
    ],
)
def test_digits(text: str, value: str) -> None:
    assert digits(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("eight hundred five", "8005"),
        ("Oh, 4 7 1 1", "4711"),
        ("twelve thirty four", "1234"),
        ("it is 4711 and my zip code is 80203", "4711"),
        ("4 7 1", "471"),
        ("4 7 1 1 2", "47112"),
        ("4711 or 8200", ASK),
        ("4711, no, 8200", "8200"),
    ],
)
def test_the_expected_length_decides_between_readings_of_digits(text: str, value: str) -> None:
    assert digits(text, 4, 4) == value


def test_a_misheard_digit_counts_where_only_digits_are_said_or_the_length_fits() -> None:
    assert digits("for seven one", 8, 8) == "471"
    assert digits("four too ate won") == "4281"
    assert digits("it is for two seven seven thanks", 4, 4) == "4277"
    assert digits("the code for the door is 4277", 4, 4) == "4277"
    assert digits("I want to pay for it") == ""
    assert digits("my number for that is 4277") == "4277"


def test_digits_of_other_languages() -> None:
    assert digits("vier zwo doppelt sieben", language="de") == "4277"
    assert digits("zweimal die fünf, drei", language="de") == "553"
    assert digits("dreiundzwanzig fünf", language="de") == "235"
    assert digits("cuatro dos doble siete", language="es") == "4277"
    assert digits("treinta y cinco cuarenta", language="es") == "3540"
    assert digits("zéro six soixante-douze quatre-vingt-dix", language="fr") == "067290"
    assert digits("quattro doppio sette due", language="it") == "4772"
    assert digits("quatro meia sete dois", language="pt") == "4672"
    assert digits("vier dubbel zeven twee", language="nl") == "4772"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+1 555 010 4278", "+15550104278"),
        ("plus four nine thirty 1234567", "+49301234567"),
        ("+49 (0) 30 1234567", "+49301234567"),
        ("0049 30 1234567", "0049301234567"),
        ("call me at 555-0104", "5550104"),
        ("555 010 4278 extension 12", ASK),
        ("0049 (0)30 123456", "004930123456"),
        ("555-0104 x12", ASK),
        ("555 0104 room 12", ASK),
        ("555 0104 after six", ASK),
        ("my number is 5550104 and my wife's is 5550105", ASK),
        ("555 0104, 555 0104", ASK),
        ("the one I'm calling from", ASK),
    ],
)
def test_telephone_numbers(text: str, value: str) -> None:
    assert phone(text) == value


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [("4277", "4 2 7 7"), ("47182355", "4 7 1, 8 2 3, 5 5"), ("5550104278", "5 5 5, 0 1 0, 4 2 7 8"), ("", "")],
)
def test_digits_are_read_back_in_groups(digits: str, spoken: str) -> None:
    assert read_back(digits) == spoken
    assert read_back("+1555") == "+ 1 5 5 5"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("today", "2026-11-28"),
        ("tomorrow", "2026-11-29"),
        ("the day after tomorrow", "2026-11-30"),
        ("on Friday", "2026-12-04"),
        ("next Friday", "2026-12-04"),
        ("last Friday", "2026-11-27"),
        ("Friday week", "2026-12-11"),
        ("a week from Monday", "2026-12-07"),
        ("a week from tomorrow", "2026-12-06"),
        ("in two days", "2026-11-30"),
        ("in a week", "2026-12-05"),
        ("the fifth of May", "2027-05-05"),
        ("May 5²", "2027-05-05"),
        ("the twenty-first of June", "2027-06-21"),
        ("December 3rd", "2026-12-03"),
        ("December 5, 2027.", "2027-12-05"),
        ("December fifth twenty twenty seven", "2027-12-05"),
        ("the 5th of June two thousand and twenty seven", "2027-06-05"),
        ("May 5 1980", "1980-05-05"),
        ("the 29th of February", "2028-02-29"),
        ("the 5th", "2026-12-05"),
        ("12/25", "2026-12-25"),
        ("25/12/2026", "2026-12-25"),
        ("2027-12-05", "2027-12-05"),
        ("Monday the 7th", "2026-12-07"),
        ("Tuesday, December 1st", "2026-12-01"),
        ("Friday at 3 pm", "2026-12-04"),
        ("tomorrow evening", "2026-11-29"),
        ("May I come on Friday?", "2026-12-04"),
        ("I may be free on Monday", "2026-11-30"),
        ("not Monday, Tuesday", "2026-12-01"),
        ("not Monday but Tuesday", "2026-12-01"),
        ("Monday, no, Tuesday", "2026-12-01"),
        ("Tuesday instead of Monday", "2026-12-01"),
        ("no, Monday", "2026-11-30"),
        ("whenever", None),
        ("the first available", None),
        ("Monday or Tuesday", ASK),
        ("not Monday or Tuesday", ASK),
        ("anything except Monday", ASK),
        ("any day but Monday", ASK),
        ("Monday doesn't work, Tuesday", ASK),
        ("12/05/2027", ASK),
        ("February 29, 2027", ASK),
        ("February 30", ASK),
        ("the 1st of next month", ASK),
        ("Monday the 8th", ASK),
        ("before Friday", ASK),
        ("Monday to Friday", ASK),
        ("5 people on Monday", ASK),
        ("by the 5th", ASK),
        ("the 5th or so", ASK),
        ("from Monday", ASK),
        ("Friday at the latest", ASK),
        ("3/3/85", ASK),
    ],
)
def test_days(text: str, value: str | None) -> None:
    assert day(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "morgen", "2026-11-29"),
        ("de", "Montag morgen", "2026-11-30"),
        ("de", "heute morgen", "2026-11-28"),
        ("de", "nicht Montag, Dienstag", "2026-12-01"),
        ("de", "am 5. Dezember 2027", "2027-12-05"),
        ("de", "5.12.2027", "2027-12-05"),
        ("de", "am dritten", "2026-12-03"),
        ("de", "Montag in einer Woche", ASK),
        ("de", "außer Montag", ASK),
        ("es", "mañana por la mañana", "2026-11-29"),
        ("es", "el lunes por la mañana", "2026-11-30"),
        ("es", "no, el lunes", "2026-11-30"),
        ("es", "el cinco de mayo", "2027-05-05"),
        ("es", "5/12/2027", "2027-12-05"),
        ("es", "dentro de una semana", "2026-12-05"),
        ("es", "lunes o martes", ASK),
        ("fr", "demain matin", "2026-11-29"),
        ("fr", "après-demain", "2026-11-30"),
        ("fr", "pas lundi, mardi", "2026-12-01"),
        ("fr", "le 5 décembre 2027", "2027-12-05"),
        ("fr", "le premier janvier", "2027-01-01"),
        ("fr", "lundi en huit", ASK),
        ("it", "dopodomani", "2026-11-30"),
        ("it", "non lunedì, martedì", "2026-12-01"),
        ("it", "fra una settimana", "2026-12-05"),
        ("it", "lunedì o martedì", ASK),
        ("pt", "na segunda", "2026-11-30"),
        ("pt", "depois de amanhã", "2026-11-30"),
        ("pt", "o dia cinco de maio", "2027-05-05"),
        ("pt", "segunda ou terça", ASK),
        ("nl", "overmorgen", "2026-11-30"),
        ("nl", "niet maandag, dinsdag", "2026-12-01"),
        ("nl", "over een week", "2026-12-05"),
        ("nl", "maandag of dinsdag", ASK),
        ("es", "el lunes pasado", ASK),
        ("fr", "à partir de lundi", ASK),
        ("pt", "a partir de segunda", ASK),
        ("de", "spätestens Montag", ASK),
        ("de", "am Morgen", None),
    ],
)
def test_days_of_other_languages(language: str, text: str, value: str | None) -> None:
    assert day(text, language) == value


def test_a_day_far_away_is_asked_back() -> None:
    assert day("in 999999999 weeks") == ASK


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3 pm", "15:00"),
        ("3pm", "15:00"),
        ("15:30", "15:30"),
        ("03:30", "03:30"),
        ("noon", "12:00"),
        ("12 am", "00:00"),
        ("twenty fifteen", "20:15"),
        ("half past three in the afternoon", "15:30"),
        ("quarter to five pm", "16:45"),
        ("three oh five pm", "15:05"),
        ("ten to four pm", "15:50"),
        ("9 o'clock in the evening", "21:00"),
        ("three pm no four pm", "16:00"),
        ("not three, four pm", "16:00"),
        ("three", "am or pm"),
        ("3:30", "am or pm"),
        ("in the afternoon", None),
        ("3 or 4", ASK),
        ("between 3 and 4", ASK),
        ("nine to five", ASK),
        ("from ten to five", ASK),
        ("after 3 pm", ASK),
        ("25:00", ASK),
        ("0900", "09:00"),
        ("1530", "15:30"),
        ("twelve noon", "12:00"),
        ("in two hours", ASK),
        ("by 5 pm", ASK),
        ("5 pm at the latest", ASK),
    ],
)
def test_times(text: str, value: str | None) -> None:
    assert clock(text) == value


def test_opening_hours_decide_between_morning_and_afternoon() -> None:
    assert [clock(text, "en", time(9), time(17)) for text in ("three", "nine", "half past three")] == [
        "15:00", "09:00", "15:30",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "halb drei nachmittags", "14:30"),
        ("de", "15 Uhr 30", "15:30"),
        ("de", "zwanzig Uhr fünfzehn", "20:15"),
        ("de", "viertel vor fünf am Nachmittag", "16:45"),
        ("es", "las tres y media de la tarde", "15:30"),
        ("es", "tres menos cuarto de la tarde", "14:45"),
        ("es", "las ocho de la mañana", "08:00"),
        ("fr", "trois heures et demie de l'après-midi", "15:30"),
        ("fr", "15h30", "15:30"),
        ("fr", "cinq heures moins le quart du soir", "16:45"),
        ("it", "le tre e mezza del pomeriggio", "15:30"),
        ("it", "le cinque meno un quarto di sera", "16:45"),
        ("pt", "três e meia da tarde", "15:30"),
        ("pt", "quinze para as cinco da tarde", "16:45"),
        ("nl", "half drie 's middags", "14:30"),
        ("nl", "twintig uur", "20:00"),
        ("de", "in zwanzig Minuten", ASK),
        ("de", "spätestens 15 Uhr", ASK),
        ("fr", "dans vingt minutes", ASK),
        ("fr", "au plus tard 15h", ASK),
        ("fr", "à partir de 15h", ASK),
        ("es", "en veinte minutos", ASK),
        ("pt", "daqui a duas horas", ASK),
        ("it", "entro le 15", ASK),
        ("nl", "uiterlijk 15 uur", ASK),
    ],
)
def test_times_of_other_languages(language: str, text: str, value: str) -> None:
    assert clock(text, language) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("my name is ada lovelace", "Ada Lovelace"),
        ("this is Ada speaking", "Ada"),
        ("Ada Lovelace here", "Ada Lovelace"),
        ("no, Smith", "Smith"),
        ("John Smith, please", "John Smith"),
        ("Smyth, S-M-Y-T-H", "Smyth"),
        ("S M I T H", "Smith"),
        ("John Smyth S M Y T H", "John Smyth"),
        ("J R R Tolkien", "J R R Tolkien"),
        ("Anna-Maria van der Berg", "Anna-Maria van der Berg"),
        ("my name is Will", "Will"),
        ("no name", ""),
        ("change the name", ""),
        ("my name is wrong", ""),
        ("I don't know", ""),
        ("skip that", ""),
        ("yes", ""),
        ("what", ""),
        ("I'm sorry", ""),
        ("I'm driving", ""),
        ("the sky is low today", ""),
        ("I want to talk to a person", ""),
        ("Smith or Smyth", ASK),
        ("Smith spelled S-M-Y-T-H", "Smyth"),
        ("[laughs] John", "John"),
        ("that's private", ""),
        ("anonymous", ""),
    ],
)
def test_names(text: str, value: str) -> None:
    assert name(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "Müller am Apparat", "Müller"),
        ("de", "ich heiße Ada", "Ada"),
        ("de", "kein Name", ""),
        ("de", "Name ändern", ""),
        ("es", "me llamo Ada", "Ada"),
        ("es", "cambiar el nombre", ""),
        ("fr", "Dupont à l'appareil", "Dupont"),
        ("fr", "changer le nom", ""),
        ("it", "mi chiamo Ada", "Ada"),
        ("it", "nessun nome", ""),
        ("pt", "me chamo João", "João"),
        ("pt", "mudar o nome", ""),
        ("nl", "u spreekt met Jansen", "Jansen"),
        ("nl", "geen naam", ""),
        ("de", "anonym", ""),
        ("fr", "Dupont s'écrit D U P O N D", "Dupond"),
    ],
)
def test_names_of_other_languages(language: str, text: str, value: str) -> None:
    assert name(text, language) == value


@pytest.mark.parametrize("language", available())
def test_a_language_file_is_complete(language: str) -> None:
    phrases, english = load(language), load("en")
    assert set(english.sayings) - {"morning", "afternoon"} <= set(phrases.sayings)
    assert all(phrases.rules[rule] for rule in RULES)
    assert set(phrases.dates.weekdays.values()) == set(range(7))
    assert set(phrases.dates.months.values()) == set(range(1, 13))
    assert set(range(21)) <= set(phrases.numbers.values.values())
    for words in (
        phrases.repairs.negations,
        phrases.repairs.joiners,
        phrases.not_names,
        phrases.slot_words,
        phrases.times.forms,
    ):
        assert words
    assert {"name_lead", "name_trail", "everything"} <= set(phrases.lists)


@given(st.text(max_size=60), st.sampled_from(available()))
def test_nothing_that_is_recognized_breaks_it(text: str, language: str) -> None:
    for read in (number, day, clock, name, phone):
        read(text, language)  # type: ignore[operator]
    digits(text, language=language)


SAID = (
    *(
        "two",
        "three",
        "hundred",
        "and",
        "no",
        "not",
        "or",
        "Monday",
        "May",
        "5th",
        "12/05",
        "at",
        "3:30",
        "pm",
        "in",
        "a",
    ),
    *("a", "week", "from", "+49", "(0)", "double", "oh", "1,200"),
)


@given(st.lists(st.sampled_from(SAID), max_size=14))
def test_no_row_of_value_words_breaks_it(words: list[str]) -> None:
    for read in (number, day, clock, name, phone, digits):
        read(" ".join(words))  # type: ignore[operator]


@given(st.integers(0, 10**9))
def test_a_number_written_with_separators_is_that_number(value: int) -> None:
    assert number(f"{value:,}") == value
    assert number(f"{value:,}".replace(",", "."), "de") == value


@given(st.text("0123456789", min_size=1, max_size=15))
def test_digits_dictated_one_by_one_are_those_digits(text: str) -> None:
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert digits(" ".join(words[int(d)] for d in text)) == text
    assert digits(read_back(text)) == text
