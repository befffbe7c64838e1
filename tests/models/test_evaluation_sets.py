"""The sentences written for evaluation: as many as promised, different, and unknown to training."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.models import training
from tidegate.models.evaluation import sets
from tidegate.models.evaluation.assessment import own_sets
from tidegate.models.training.behaviour import CHECKS
from tidegate.models.training.templates import templated

CORPUS = Path(training.__file__).parent / "corpus"


def key(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def trained_on() -> Iterator[str]:
    for path in CORPUS.glob("*.txt"):
        yield from path.read_text(encoding="utf-8").splitlines()
    yield from (example.text for example in templated(7))
    yield from (text for check in CHECKS for text in check.texts)


def test_there_are_as_many_as_promised() -> None:
    assert len(sets.identity_terms()) >= 40
    assert len(sets.identity_templates()) >= 25
    assert len(sets.lookalike_prompts()) >= 80
    assert len(sets.invented_titles()) >= 100
    assert sum(len(one.texts) for one in sets.functional_classes()) >= 150
    assert {one.hate for one in sets.functional_classes()} == {True, False}


def test_every_template_has_one_place_for_a_term() -> None:
    assert all(template.count("{term}") == 1 for template in sets.identity_templates())


@pytest.mark.parametrize("name", own_sets())
def test_no_sentence_is_there_twice(name: str) -> None:
    keys = [key(text) for text in own_sets()[name]]
    assert len(set(keys)) == len(keys)


def test_training_has_seen_none_of_them() -> None:
    """Exact repeats in what is written and generated; how near they come to any training text is measured."""
    known = {key(text) for text in trained_on()}
    repeated = [text for texts in own_sets().values() for text in texts if key(text) in known]
    assert repeated == []
