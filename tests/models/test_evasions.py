"""Character evasions: seeded, narrow, and told apart between training and measuring."""

import random

import pytest

from tidegate.models.normalisation import normalise
from tidegate.models.training.evasions import EVALUATION, TRAINING, Disguises, Evasion, evade

TEXT = "The horrible weather ruined that whole concert, we left early!"


@pytest.mark.parametrize("evasion", Evasion)
@pytest.mark.parametrize("disguises", [TRAINING, EVALUATION], ids=["training", "evaluation"])
def test_one_to_three_words_change_and_the_rest_stays(evasion: Evasion, disguises: Disguises) -> None:
    for seed in range(40):
        evaded = evade(TEXT, evasion, random.Random(seed), disguises)
        if evasion is Evasion.JOINING:
            assert evaded.replace(" ", "") == TEXT.replace(" ", "")
            assert 1 <= len(TEXT) - len(evaded) <= 3
            continue
        kept = [word for word in TEXT.split() if word in evaded.split()]
        assert 10 - 3 <= len(kept) <= 10
        assert {"The", "that", "we"} <= set(kept)


@pytest.mark.parametrize("evasion", Evasion)
def test_each_evasion_changes_the_text(evasion: Evasion) -> None:
    assert any(evade(TEXT, evasion, random.Random(seed)) != TEXT for seed in range(5))


@pytest.mark.parametrize("evasion", Evasion)
def test_equal_seeds_give_equal_texts(evasion: Evasion) -> None:
    assert evade(TEXT, evasion, random.Random(3)) == evade(TEXT, evasion, random.Random(3))


@pytest.mark.parametrize("text", ["", "lol", "it is what they were", "123 456 !!"])
@pytest.mark.parametrize("evasion", Evasion)
def test_a_text_without_content_words_stays(evasion: Evasion, text: str) -> None:
    assert evade(text, evasion, random.Random(1)) == text


def test_no_substitution_is_in_both_sets() -> None:
    for name in ("leet", "look_alikes"):
        trained, measured = getattr(TRAINING, name), getattr(EVALUATION, name)
        assert not any(set(trained[letter]) & set(measured[letter]) for letter in trained.keys() & measured.keys())
    assert not set(TRAINING.separators) & set(EVALUATION.separators)
    assert not set(TRAINING.invisible) & set(EVALUATION.invisible)
    assert not set(TRAINING.masks) & set(EVALUATION.masks)


@pytest.mark.parametrize("evasion", [Evasion.ZERO_WIDTH, Evasion.CONFUSABLES])
def test_normalisation_undoes_what_a_reader_does_not_see(evasion: Evasion) -> None:
    assert all(normalise(evade(TEXT, evasion, random.Random(seed))) == TEXT for seed in range(30))
