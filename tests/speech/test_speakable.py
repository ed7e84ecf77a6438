"""Text as it is spoken, and the words of the utterance as they were written."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio.utterance import Utterance, spread
from bargein.speech.speakable import LEXICONS, speakable
from bargein.speech.speaking import SpeakableTts

SPOKEN = [
    ("en", "Call back +15550104278.", "Call back plus one, five five five, zero one zero, four two seven eight."),
    ("en", "In 5 - 10 days, or 5 min. for .5 miles.", "In 5 to 10 days, or 5 minutes for 0.5 miles."),
    ("en", "That is 1.5 million € now.", "That is 1.5 million euros now."),
    ("de", "Fr. 9-12 Uhr bei Fr. Meier, ca. 5 Min., 5,- € oder 1,5 Mio. €.",
     "Freitag 9 bis 12 Uhr bei Frau Meier, circa 5 Minuten, 5,- Euro oder eins Komma fünf Millionen Euro."),
    ("en", "Call 555-0104.", "Call five five five, zero one zero four."),
    ("en", "(555) 010-4278 or 555.010.4278",
     "five five five, zero one zero, four two seven eight or five five five, zero one zero, four two seven eight"),
    ("en", "It is +44 20 7946 0958.", "It is plus four four, two zero, seven nine four six, zero nine five eight."),
    ("en", "Your code is 0042.", "Your code is zero zero four two."),
    ("en", "Order 1234567.", "Order one two three, four five six seven."),
    ("en", "Room 101, PIN 1234, 0.5 and 3.14.", "Room 101, PIN 1234, 0.5 and 3.14."),
    ("en", "At 10:30 on 2026-12-05.", "At 10:30 on 2026-12-05."),
    ("en", "It costs $1,250.50, €10 or £1.",
     "It costs one thousand two hundred and fifty dollars and fifty cents, ten euros or one pound."),
    ("en", "It is $0.99.", "It is ninety-nine cents."),
    ("en", "We sold 1,200 for $5 million.", "We sold one thousand two hundred for $5 million."),
    ("en", "See No. 5 Main St., Acme Inc. on 5th Ave. and Dr. Smith.",
     "See number 5 Main Street, Acme Incorporated on 5th Avenue and Doctor Smith."),
    ("en", "No. It is not on St. Mary Rd.", "No. It is not on Saint Mary Road."),
    ("en", "Mail me@mugs.example or see https://www.mugs.example/book?x=1.",
     "Mail me at mugs dot example or see mugs dot example slash book."),
    ("en", "Mail jane_doe+x@my-shop.example or see WWW.Shop.example/a_b.",
     "Mail jane underscore doe plus x at my dash shop dot example or see shop dot example slash a underscore b."),
    ("en", "Press 1, # or *. Then press *, 5 * 3.", "Press 1, hash or star. Then press star, 5 3."),
    ("en", "Call 555 0104.", "Call five five five, zero one zero four."),
    ("en", "Price 123.0456, 100 0500 items, phone 555.0104.",
     "Price 123.0456, 100 zero five zero zero items, phone five five five, zero one zero four."),
    ("en", "A$5, C$7, HK$5 and R$5.", "five dollars, seven dollars, HK$5 and R$5."),
    ("en", "Open Mon-Fri 9:00-17:00, 9 AM–5 PM.", "Open Monday to Friday 9:00 to 17:00, 9 AM to 5 PM."),
    ("en", "It is -$5, USD 12.50, $20/month or $5-$10, and $1.5 million.",
     "It is minus five dollars, twelve dollars and fifty cents, twenty dollars per month or five dollars to ten "
     "dollars, and $1.5 million."),
    ("de", "Mo–Fr, 5 €/Monat, Taste #.", "Montag bis Freitag, fünf Euro pro Monat, Taste Raute."),
    ("en", "*Sure,* 😀 `code` and snake_case #5 & more. ✅", "Sure, code and snake case number 5 and more."),
    ("en", "Open 9–17, 20% off.", "Open 9 to 17, 20 percent off."),
    ("de", "Das kostet 10,50 € bzw. 1.200 €, z. B. in der Hauptstr. 5.",
     "Das kostet zehn Euro und fünfzig Cent beziehungsweise eintausendzweihundert Euro, zum Beispiel in der "
     "Hauptstraße 5."),
    ("de", "Tel. 030 1234567, Code 007.",
     "Telefon null drei null, eins zwei drei, vier fünf sechs sieben, Code null null sieben."),
    ("es", "Cuesta 10,50 € en la Av. Mayor, 20%.",
     "Cuesta diez euros con cincuenta céntimos en la avenida Mayor, 20 por ciento."),
    ("fr", "Ça coûte 10,50 €, n° 5.", "Ça coûte dix euros et cinquante centimes, numéro 5."),
    ("it", "Costa 1.200,50 €.", "Costa milleduecento euro e cinquanta centesimi."),
    ("pt", "Custa 10 €, Sr. Silva.", "Custa dez euros, senhor Silva."),
    ("en", "Flight BA0042, 0042A, call (+1) 555 010 4278.",
     "Flight BA zero zero four two, zero zero four two A, call plus one, five five five, zero one zero, four two seven "
     "eight."),
    ("en", "Dial *67, *100# or 1#, **now** and *5 or 6*.", "Dial star 67, star 100 hash or 1 hash, now and 5 or 6."),
    ("en", "Call 555‑010‑4278, 555–010–4278, (555)-010-4278 or 1 555 010 4278.",
     "Call five five five, zero one zero, four two seven eight, five five five, zero one zero, four two seven eight, "
     "five five five, zero one zero, four two seven eight or one, five five five, zero one zero, four two seven "
     "eight."),
    ("en", "1-555-0104, 020-7946-0958, 1-800-MUGS, 555-010-4278x12",
     "one, five five five, zero one zero four, zero two zero, seven nine four six, zero nine five eight, one, eight "
     "zero zero, MUGS, five five five, zero one zero, four two seven eight extension 12"),
    ("en", "8 800 555 35 35, 98765 43210, call 555 1234",
     "eight, eight zero zero, five five five, three five, three five, "
     "nine eight seven, six five, four three two, one zero, call five five five, one two three four"),
    ("en", "Card 4111 1111 1111 1111, AB-0042.",
     "Card four one one one, one one one one, one one one one, one one one one, AB- zero zero four two."),
    ("en", "12-05-2026, 1 234 567, 101 102 103, 2020-2026.", "12-05-2026, 1 234 567, 101 102 103, 2020-2026."),
    ("en", "$20/mo, 24/7, 10,000+, 10%–20%, € 1.234,56, ₹1,00,000, No.5, 9‑5",
     "twenty dollars per month, 24 7, ten thousand plus, 10 percent to 20 percent, one thousand two hundred and "
     "thirty-four euros and fifty-six cents, one hundred thousand rupees, number 5, 9-5"),
    ("en", "1'200 of 3’400", "one thousand two hundred of three thousand four hundred"),
    ("de", "040 - 12 34 56 von 9-17 Uhr", "null vier null, eins zwei, drei vier, fünf sechs von 9 bis 17 Uhr"),
    ("de", "0 30 / 12 34 56 am 24.12.2026", "null, drei null, eins zwei, drei vier, fünf sechs am 24.12.2026"),
    ("fr", "01.23.45.67.89 ou 0 800 123 456",
     "zéro un, deux trois, quatre cinq, six sept, huit neuf ou zéro, huit zéro zéro, un deux trois, quatre cinq six"),
    ("fr", "1 200 places", "mille deux cents places"),
    ("nl", "Het kost € 10, dhr. Jansen.", "Het kost tien euro, de heer Jansen."),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "spoken"), SPOKEN)
def test_how_it_is_spoken(language: str, text: str, spoken: str) -> None:
    groups = speakable(text, language)
    assert " ".join(group.spoken for group in groups if group.spoken) == spoken
    assert [word for group in groups for word in group.written] == text.split()


class Spelling:
    """An engine of 100 samples a word."""

    name = "spelling"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def load(self) -> None: ...

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        self.asked.append(text)
        pcm = np.zeros(100 * len(text.split()), np.int16)
        words = spread(" ".join("x" for _ in text.split()), 0, len(pcm))
        return Utterance(text, pcm, tuple(type(w)(t, w.start, w.end) for w, t in zip(words, text.split(), strict=True)))


def test_words_are_those_that_were_written_at_the_time_that_they_are_spoken() -> None:
    engine = Spelling()
    said = SpeakableTts(engine).synthesize("Call 555-0104 - now 😀 please.")
    assert engine.asked == ["Call five five five, zero one zero four now please."]
    assert said.text == "Call 555-0104 - now 😀 please."
    assert [(w.text, w.start, w.end) for w in said.words] == [
        ("Call", 0, 100), ("555-0104", 100, 800), ("-", 800, 800), ("now", 800, 900), ("😀", 900, 900),
        ("please.", 900, 1000),
    ]  # fmt: skip


def test_words_that_are_spoken_as_one_share_the_time() -> None:
    said = SpeakableTts(Spelling()).synthesize("Call (555) 010-4278 now")
    assert [w.text for w in said.words] == ["Call", "(555)", "010-4278", "now"]
    assert said.words[1].start == 100
    assert said.words[2].end == said.words[3].start == 1100


def test_nothing_to_say_is_no_audio() -> None:
    engine = Spelling()
    said = SpeakableTts(engine).synthesize(" 😀 - ")
    assert (len(said.pcm), [w.text for w in said.words], engine.asked) == (0, ["😀", "-"], [])


@given(st.sampled_from([*LEXICONS, "ko", "xx"]), st.text(max_size=80))
def test_any_text_keeps_its_words(language: str, text: str) -> None:
    said = SpeakableTts(Spelling()).synthesize(text, language)
    assert [word.text for word in said.words] == text.split()
    edges = [edge for word in said.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)


@pytest.mark.parametrize("unit", ["0", "1 ", "1 2 ", "- ", "1,", "+1", "a.", "(5) ", "5-", "€1 ", "x@", "No. ", "& "])
def test_it_takes_time_in_proportion(unit: str) -> None:
    speakable("warm", "en")
    begun = time.process_time()
    speakable(unit * 4000, "en")
    assert time.process_time() - begun < 2.0
