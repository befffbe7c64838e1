"""Digits and symbols that stand for letters, read as letters where a word is plainly meant (h4te, $tupid, id!ot).

Ordinary text has digits and symbols beside letters too (mp3, covid19, 4ever, H1N1, wow!that), so each rule is as narrow
as those demand; what it leaves, a detector still learns from augmented examples. Pure.
"""

import re
from typing import Final

_LETTER_OF: Final = {
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i", "€": "e", "£": "l",
}  # fmt: skip
_SHORT: Final = {
    "s3x": "sex", "s3xy": "sexy", "$ex": "sex", "5ex": "sex", "g4y": "gay", "f4g": "fag", "d1e": "die", "h0e": "hoe",
    "h0es": "hoes", "a55": "ass", "a5s": "ass", "as5": "ass", "4ss": "ass", "@ss": "ass", "a$$": "ass", "@$$": "ass",
    "a$s": "ass", "h4t3": "hate", "j3w": "jew", "j3ws": "jews", "k1k3": "kike", "r4p3": "rape", "n00b": "noob",
    "b00b": "boob", "b00bs": "boobs", "l33t": "leet", "pr0n": "porn",
    "he11": "hell", "ki11": "kill", "id10t": "idiot", "id10ts": "idiots",
    "p3n15": "penis", "1diot": "idiot", "5hit": "shit", "5lut": "slut", "5tupid": "stupid", "5uck": "suck",
    "@sshole": "asshole", "4sshole": "asshole", "@nal": "anal", "4nal": "anal", "0ral": "oral", "fa66ot": "faggot",
}  # fmt: skip
"""Words too short, or too like a number with its unit, for the rules."""
_KEPT: Final = re.compile(
    r"mp[34].*|ps[1-5].*|gta.*|sha1.*|win1.*|c3po|se7en|.*[2689].*|\w*[a-z][45]s|(?=[a-f]*\d)[0-9a-f]{7,}",
    re.IGNORECASE,
)
"""Names and codes with a digit inside; a digit that never stands for a letter marks a code."""
_TICKERS: Final = frozenset({"$sol", "$shib", "$sand", "$spy", "$stx", "$snx", "$core", "$link", "$mana", "$cake"})

_AMOUNT: Final = re.compile(r"\$(?:thousand|million|mill|mio|trillion|hundred)", re.IGNORECASE)

_SIGNS: Final = "@$!€£"
_PIECE: Final = re.compile(
    rf"(?<![\w{_SIGNS}.+])(?:[^\W\d_]|_)*+[01345 7{_SIGNS}](?:[^\W_]|[{_SIGNS}])*+".replace(" ", "")
)
_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w")
_INSIDE: Final = re.compile(r"(?<=[^\W\d_])(?:([013457])\1?|[@!€$£]|\$\$|££|[$@][45]|[45][$@])(?=[^\W\d_])")
_LAST_DIGIT: Final = re.compile(r"(?<=[^\W\d_])[0357@]$")
_LAST_DOLLARS: Final = re.compile(r"(?<=[a-z]{3})\${1,2}$")
_ASS: Final = re.compile(r"^(?:@[$5]{2}|a\${2}|@s\$)(?=\w)", re.IGNORECASE)
_LONGEST_WORD: Final = 40
_FEWEST_LETTERS: Final = 3
_VOWELS: Final = frozenset("aeiouyAEIOUY")
_BEFORE_L: Final = frozenset("bcfgkpsBCFGKPS")
_ONSETS: Final = frozenset("sh ch th wh st sp sl tr br cr dr fr gr pr bl cl fl gl pl sw tw sk sc".split())  # noqa: SIM905 - a list of words reads better as words


def without_leet(text: str) -> str:
    """Returns the text with substituted letters read as letters; e-mail addresses, prices and codes stay.

    Args:
        text: NFKC text, links and handles already replaced.
    """
    return _PIECE.sub(_read, text)


def _read(match: re.Match[str]) -> str:
    if _is_email(match):
        return match[0]
    word = match[0].rstrip("!")
    tail = match[0][len(word) :]
    lower = word.lower()
    if lower in _SHORT:
        return _SHORT[lower] + tail
    letters = sum(char.isalpha() for char in word)
    if letters < _FEWEST_LETTERS - (not any(char.isdigit() for char in word)) or len(word) > _LONGEST_WORD:
        return match[0]
    if _KEPT.fullmatch(word):
        return match[0]
    read = _INSIDE.sub(_letter, _leading(_ASS.sub("ass", word)))
    if read != word:
        read = _LAST_DIGIT.sub(lambda last: _LETTER_OF[last[0]], read)
    return _LAST_DOLLARS.sub(lambda last: "s" * len(last[0]), read) + tail


def _is_email(match: re.Match[str]) -> bool:
    around = match.string[max(0, match.start() - 64) : match.end() + 64] if "@" in match[0] else ""
    return _EMAIL.search(around) is not None


def _leading(word: str) -> str:
    """Reads a dollar sign before a word as its S, but neither a price nor a ticker ($BTC, $doge) is a word."""
    if word[0] != "$" or word[1:].isupper() or word.lower() in _TICKERS or not word[1:2].isalpha():
        return word
    following = word[1].lower()
    if _AMOUNT.match(word):
        return word
    long_enough = len(word) > (_FEWEST_LETTERS + 1 if following in _VOWELS else _FEWEST_LETTERS)
    return f"s{word[1:]}" if long_enough and following in "aeiouhtlckmnpqw" else word


def _letter(match: re.Match[str]) -> str:
    found, word = match[0], match.string
    before, after = word[: match.start()], word[match.end() :]
    if found in {"!", "@"} and not _stands_for_a_letter(found, before, after):
        return found
    if found == "11":
        return "ll"
    if found == "1" and before[-1] in _BEFORE_L and after[0] in _VOWELS:
        return "l"
    return "".join(_LETTER_OF[char] for char in found)


def _stands_for_a_letter(sign: str, before: str, after: str) -> bool:
    """Tells "sh!t" and "b@stard" from "wow!that" and "hey@friend", where a blank is missing."""
    if after[0].isupper() and not before[-1].isupper():
        return False
    if sign == "@":
        return before.lower() != "rt" and min(len(before), len(after)) <= 3  # noqa: PLR2004 - the usual lengths: b@stard, ret@rd, m@ssacre
    if len(after) == 1:
        return after not in {"i", "u", "a", "x", "o"} and len(before) > 1
    return len(before) == 1 or before.lower() in _ONSETS or max(len(before), len(after)) <= 2  # noqa: PLR2004 - id!ot
