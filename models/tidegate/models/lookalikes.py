# ruff: noqa: RUF001, RUF002 - look-alikes are what this module is about
"""Letters of other scripts that look like Latin ones, made Latin inside words that mix the two.

The table is the part of Unicode's confusables (UTS 39, `confusables.txt`, by way of confusable-homoglyphs 3.3.1) that
leads from one letter to one ASCII letter, with small letters added where only the capital is listed there (к, т, н).
It is a copy, since what a detector sees of a text must not change with a package. Pure.
"""

import re
from typing import Final

_LOOKALIKES: Final = (
    (
        "АаВЬвСсԁЕеёҽԌНнһІіїӀӏꙇЈјКкМпОоРрԛгяЅѕТтѴѵѡԜԝХхУуҮү",
        "AaBbbCcdEeeeGHhhIiiIiiJjKkMnOoPpqrrSsTtVvwWwXxYyYy",
    ),  # Cyrillic
    ("ΑάαΒβΕέεϜΗΙίιͿϳΚκΜϺΝήηΟοσόΡρᴦςΤτυύνωΧχΥγΖ", "AaaBbEeeFHIiiJjKkMMNnnOoooPprsTtuuvwXxYyZ"),  # Greek
    ("քցհոռՕօգզՏՍսա", "fghnnOoqqSUuw"),  # Armenian
    ("ᎪᏏᏴᏟꮯᎠᏧᎬᏀᏳᎻᏂᎥꭵᎫᏦᏞᎷᏢᎡᏒꮁᏕᏚꮪᎢᏙꮩᎳᏔꮃᎩᎽᏃꮓ", "AbBCcDdEGGHhiiJKLMPRRrSSsTVvWWwYYZz"),  # Cherokee
    ("ꓮꓐꓚꓒꓓꓰꓝꓖꓧꓙꓗꓡꓲꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ", "ABCdDEFGHJKLlMNOPRSTUVWXYZ"),  # Lisu
    ("ᗅᑲᖯᗷᑯᗞᗪᖴᕼᒍᒪᗰᑭᖇᑌᐯᕁᕽ", "AbbBdDDFHJLMPRUVxx"),  # Canadian
    ("ⲤⲥⲎⲒⲔⳐⲘⲚⲞⲟⲢⲣⲅⲦⲬⲨ", "CcHIKLMNOoPprTXY"),  # Coptic
)
_STYLED: Final = ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɑɡǝɐ", "abcdefghijklmnoprstuvwyzagea")
"""Small capitals and turned letters: Latin already, but drawn, so they are read as letters wherever they stand."""

_SQUARED: Final = {start + n: chr(ord("a") + n) for start in (0x1F130, 0x1F150, 0x1F170) for n in range(26)}
"""Squared and circled capitals, which compatibility folding leaves."""

_TO_LATIN: Final = {ord(seen): meant for row in _LOOKALIKES for seen, meant in zip(*row, strict=True)}
_ALWAYS: Final = {ord(seen): meant for seen, meant in zip(*_STYLED, strict=True)} | _SQUARED
_WORD: Final = re.compile(r"[^\W_]+")
_ASCII_LETTER: Final = re.compile(r"[A-Za-z]")
_END_OF_LATIN: Final = 0x250


def without_lookalikes(text: str) -> str:
    """Returns the text with mixed-script words in Latin letters.

    A word changes only if it holds an ASCII letter and each of its other letters looks like one; words wholly in
    another script, and words like "kΩ" or "Windowsом" that mix honestly, stay.

    Args:
        text: NFKC text.
    """
    if text.isascii():
        return text
    return _WORD.sub(_latin, text.translate(_ALWAYS))


def _latin(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii() or not _ASCII_LETTER.search(word):
        return word
    read = word.translate(_TO_LATIN)
    return word if any(ord(char) >= _END_OF_LATIN and char.isalpha() for char in read) else read
