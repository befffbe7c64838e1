"""The lists that tell texts of a few words, and what counts as a word in other scripts."""

import pytest

from tidegate.detectors.common_words import CommonWords, Evidence
from tidegate.detectors.scripts import is_word


@pytest.fixture(scope="module")
def common() -> CommonWords:
    return CommonWords.load()


def test_no_word_speaks_for_english_and_for_another_language(common: CommonWords) -> None:
    assert common.english
    assert len(common.others) >= 10
    for code, known in common.others.items():
        assert not known & common.english, code
        assert len(known) >= 30, code


def test_words_that_english_shares_speak_for_nobody(common: CommonWords) -> None:
    everything = frozenset(common.english).union(*common.others.values())
    assert not everything & {"die", "war", "was", "hat", "man", "in", "so", "no", "on", "me", "do", "i"}


def test_slurs_and_slang_of_english_speak_for_english(common: CommonWords) -> None:
    """Else a short insult would pass for another language, and no detector of English would see it."""
    assert {"bitch", "retard", "hoe", "stfu", "kys", "wassup", "da", "lmao"} <= common.english


def test_a_word_counts_once_for_each_language_that_has_it(common: CommonWords) -> None:
    assert common.evidence(["je", "vais", "te", "vais", "hurt"]) == Evidence(5 - 1, 1, 3, "fr", 3)
    assert common.evidence(["la", "la", "la"]).words == 1
    assert common.evidence(["xyzzy"]) == Evidence(1, 0, 0, "", 0)


@pytest.mark.parametrize("word", ["死ね", "去死", "죽어", "मर", "ตาย", "сука", "كلب", "τέλος", "カワイイ", "いい"])
def test_few_letters_of_a_script_are_a_word(word: str) -> None:
    assert is_word(word)


@pytest.mark.parametrize("face", ["ツ", "益", "ノヮノ", "ಠ益ಠლ", "д", "да", "ω", "\u0301", ""])
def test_fewer_are_a_face_or_a_unit(face: str) -> None:
    assert not is_word(face)
