"""Numbers, digits and telephone numbers in what callers say: right, or asked back; never silently wrong."""

from __future__ import annotations

import pytest

from bargein.core.language.digits import read_back
from tests.core.language.spoken import ASK, digits, number, phone


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
        ("two dozen", 24),
        ("two grand", 2000),
        ("a grand", 1000),
        ("about a grand a month", 1000),
        ("a grand, no, two grand", 2000),
        ("a couple of grand", 2000),
        ("a couple of hundred", 200),
        ("a couple of people", 2),
        ("four instead", 4),
        ("two of us, yes, two", 2),
        ("a grand piano", None),
        ("what a grand day", None),
        ("a thousand thanks", None),
        ("thanks a million", None),
        ("two grand pianos", ASK),
        ("a grand or two", ASK),
        ("half a grand", 500),
        ("four, no", ASK),
        ("two adults, two children", ASK),
        ("That's grand, four please", 4),
        ("four, grand", 4),
        ("oh grand", None),
        ("a grand total of five", 5),
        ("four of the Grand Hotel mugs", 4),
        ("k four please", 4),
        ("three billion", 3_000_000_000),
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
        ("half a dozen", 6),
        ("room five half a dozen", ASK),
        ("a hundred dozen", 1200),
        ("two thousand dozen", 24_000),
        ("two and a half", ASK),
        ("three point three", ASK),
        ("12 or 13", ASK),
        ("5-6", ASK),
        ("two and two", ASK),
        ("one twenty", ASK),
        ("nineteen eighty four", ASK),
        ("the 3rd", ASK),
        ("5k", ASK),
        ("10 K", ASK),
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
        (".5 million", ASK),
        ("hm ...5", 5),
        ("from 1,000 to 1,200", ASK),
        ("100 tops", ASK),
        ("2 mil", ASK),
    ],
)
def test_a_spoken_number_is_that_number_or_none(text: str, value: object) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "tausend Dank", None),
        ("de", "danke, tausend", 1000),
        ("de", "zwei Riesen", ASK),
        ("de", "fünf k", ASK),
        ("de", "zwei und vierzig", 42),
        ("de", "vier lieber", 4),
        ("es", "mil gracias", None),
        ("fr", "merci mille fois", None),
        ("it", "grazie mille", None),
        ("it", "quattro invece", 4),
        ("nl", "twee en veertig", 42),
        ("nl", "duizend dank", None),
        ("de", "1.200", 1200),
        ("de", "1,200", ASK),
        ("de", "1.200,50", ASK),
        ("de", "zweitausenddreihundertfünfundzwanzig", 2325),
        ("de", "hundertfünf", 105),
        ("de", "zwei Milliarden", 2_000_000_000),
        ("it", "millenovecentottantaquattro", 1984),
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
        ("en", "two and a half thousand", 2500),
        ("en", "a million and a half", 1500000),
        ("en", "two and a half", ASK),
        ("en", "1,00,000", 100000),
        ("en", "12,34,567", 1234567),
        ("de", "anderthalb Millionen", 1500000),
        ("de", "zweieinhalbtausend", 2500),
        ("de", "eine halbe Stunde", ASK),
        ("de", "3 Mio. Euro", 3000000),
        ("de", "1 200", 1200),
        ("de", "1, 200", ASK),
        ("de", "1 200 300 4", ASK),
        ("de", "wir sind zu viert", 4),
        ("de", "Freitag zu viert", 4),
        ("de", "um sieben zu viert", ASK),
        ("de", "um acht zu acht", ASK),
        ("de", "zwei zu viert", ASK),
        ("de", "zwanzig zu viert", ASK),
        ("de", "hundert Dutzend", 1200),
        ("de", "zwanzig eins", ASK),
        ("fr", "un million et demi", 1500000),
        ("fr", "une vingtaine", 20),
        ("fr", "une demi-douzaine", 6),
        ("es", "una veintena", 20),
        ("es", "dos millones y medio", 2500000),
        ("it", "una ventina", 20),
        ("it", "mezza dozzina", 6),
        ("nl", "een twintigtal", 20),
        ("nl", "tweeënhalf miljoen", 2500000),
        ("pt", "uma dezena", 10),
        ("pt", "meia dúzia", 6),
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
        ("grand, four", "4"),
        ("four two seven eight. Four two seven eight.", ASK),
        ("4278 (forty-two seventy-eight)", ASK),
        ("010-4278, area code 555", ASK),
        ("area code 555, 010-4278", "5550104278"),
        ("(oh) 4278", "4278"),
        ("I have one", ASK),
        ("the first one", ASK),
        ("55555555", "55555555"),
        ("+49 (0) 30 1234567", "49301234567"),
        ("O5", "05"),
        ("double O seven", "007"),
        ("555-O104", "5550104"),
        ("five-five-five-oh-one", "55501"),
        ("1-800-FLOWERS", ASK),
        ("SKU-4278", ASK),
        ("$42", ASK),
        ("555-010-4278#12", ASK),
        ("naught four two", "042"),
        ("last four 4278", "4278"),
    ],
)
def test_dictated_digits_are_those_digits_or_none(text: str, value: str) -> None:
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
    assert digits("plus four nine thirty, one two three") == "4930123"
    assert digits("null drei null, zwanzig fünf", language="de") == "030205"  # 25 is "fünfundzwanzig"
    assert digits("veertig twee", language="nl") == "402"
    assert digits("quadruple seven") == "7777"
    assert digits("thirty one two three") == "3123"
    assert digits("vierzig, zwei, eins", language="de") == "4021"
    assert digits("cuarenta, dos", language="es") == "402"
    assert digits("null eins, zwei und vierzig", language="de") == "0142"
    assert digits("dreiundzwanzig fünf", language="de") == "235"
    assert digits("eine Null, dann eine Fünf", language="de") == "05"
    assert digits("Doppelnull sieben", language="de") == "007"
    assert digits("un cero y luego un cinco", language="es") == "05"
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
        ("(+49) (0)30 1234567", "+49301234567"),
        ("\uff0b49 30 1234567", "+49301234567"),
        ("call me at 555-0104", "5550104"),
        ("555 010 4278 extension 12", ASK),
        ("0049 (0)30 123456", "004930123456"),
        ("555-0104 x12", ASK),
        ("555 0104 room 12", ASK),
        ("555 0104 after six", ASK),
        ("my number is 5550104 and my wife's is 5550105", ASK),
        ("555 0104, 555 0104", ASK),
        ("+ 49 30 901820", "+4930901820"),
        ("the one I'm calling from", ASK),
    ],
)
def test_a_spoken_telephone_number_is_that_number_or_none(text: str, value: str) -> None:
    assert phone(text) == value


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [("4277", "4 2 7 7"), ("47182355", "4 7 1, 8 2 3, 5 5"), ("5550104278", "5 5 5, 0 1 0, 4 2 7 8"), ("", "")],
)
def test_digits_are_read_back_in_groups(digits: str, spoken: str) -> None:
    assert read_back(digits) == spoken
    assert read_back("+1555") == "+ 1 5 5 5"
