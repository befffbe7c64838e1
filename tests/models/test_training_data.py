"""The training mixture: what is known, what is unknown, and what must never meet."""

import gzip
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.models.running_triton import ROOT
from tidegate.models.training import phrases
from tidegate.models.training.behaviour import CHECKS
from tidegate.models.training.examples import CLEAN, HEADS, LABELS, UNKNOWN, Example, Split, targets
from tidegate.models.training.lexicon import profane_words
from tidegate.models.training.mixture import deduplicated
from tidegate.models.training.sources.catalogue import SOURCES
from tidegate.models.training.sources.ordinary import context_toxicity
from tidegate.models.training.templates import templated


def example(text: str, split: Split, **known: float) -> Example:
    return Example(text, targets(**known), "a source", split)


def test_what_a_source_does_not_judge_is_unknown() -> None:
    marks = dict(zip(HEADS, targets(hate=1.0), strict=True))
    assert marks["hate"] == 1.0
    assert marks["self_harm"] == UNKNOWN


def test_a_misspelt_head_is_refused() -> None:
    with pytest.raises(ValueError, match="hatred"):
        targets(hatred=1.0)


def test_a_tested_text_is_not_trained_on_whichever_source_repeats_it() -> None:
    kept = deduplicated(
        [example("Hello,   THERE friend!", Split.TRAIN, hate=0.0), example("hello there friend", Split.TEST, hate=0.0)]
    )
    assert [one.split for one in kept] == [Split.TEST]


def test_repeats_complete_each_other_and_contradictions_become_unknown() -> None:
    first = example("the same text", Split.TRAIN, hate=1.0, threat=0.0)
    second = replace(first, targets=targets(hate=0.0, sexual=0.0))
    (kept,) = deduplicated([first, second])
    marks = dict(zip(HEADS, kept.targets, strict=True))
    assert (marks["hate"], marks["threat"], marks["sexual"]) == (UNKNOWN, 0.0, 0.0)


def test_equal_seeds_generate_equal_examples() -> None:
    assert list(templated(3)) == list(templated(3))
    assert list(templated(3)) != list(templated(4))


def test_generated_examples_hold_clean_and_harmful_text_of_every_label_but_profanity() -> None:
    made = list(templated(7))
    assert sum(one.targets == CLEAN for one in made) > len(made) / 2
    for label in set(LABELS) - {"profanity"}:
        assert sum(one.targets[HEADS.index(label)] == 1 for one in made) > 100


def test_no_functional_check_is_a_training_pattern() -> None:
    """A check that the generator could produce would measure memory."""
    patterns = [
        re.compile(re.sub(r"\\\{\w+\\\}", ".{1,30}", re.escape(pattern)).lower() + r"\W*")
        for name in dir(phrases)
        if isinstance(value := getattr(phrases, name), tuple)
        for pattern in value
        if isinstance(pattern, str) and " " in pattern
    ]
    for check in CHECKS:
        for text in check.texts:
            assert not any(pattern.fullmatch(text.lower()) for pattern in patterns), text


def test_the_card_names_every_source_with_its_licence() -> None:
    card = (ROOT / "models" / "cards" / "text_harm.md").read_text()
    for source in SOURCES:
        assert f"{source.upstream} | {source.licence}" in card, source.name


def test_profane_words_are_found_as_words(tmp_path: Path) -> None:
    folder = tmp_path / "surge_profanity"
    folder.mkdir()
    (folder / "profanity_en.csv").write_text("text,severity_rating\nbollocks,1.2\ngay,1.4\ndarn,1.0\n")
    profane = profane_words(tmp_path)
    assert profane("What BOLLOCKS!")
    assert not profane("bollocksish")
    assert not profane("a gay choir, darn good")


def test_a_reader_keeps_the_split_that_its_source_is_held_out_by(tmp_path: Path) -> None:
    folder = tmp_path / "context_toxicity"
    folder.mkdir()
    for name in ("gn", "gc"):
        with gzip.open(folder / f"{name}.csv.gz", "wt") as stream:
            stream.write(f"id,text,label,api\n1,kind words in {name},0,0.1\n2,harsh words in {name},1,0.9\n")
    read = list(context_toxicity(tmp_path, lambda _: False))
    assert [one.split for one in read] == [Split.TRAIN, Split.TRAIN, Split.TEST, Split.TEST]
    assert read[0].targets == CLEAN
    assert dict(zip(HEADS, read[1].targets, strict=True))["harassment"] == UNKNOWN
