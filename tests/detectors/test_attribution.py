"""Attributions name stretches of the text as sent, and what they add."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.detectors.attribution import (
    MOST_ATTRIBUTIONS,
    MOST_STRETCHES,
    Stretch,
    attributions,
    explained,
    stretches,
    without,
    worth_explaining,
)
from tidegate.moderation.detection import DetectorScores, DetectorStatus


def answer(hate: float, severity: int) -> DetectorScores:
    return DetectorScores("text_harm", "1", DetectorStatus.OK, {"hate": hate}, {"hate": severity})


@given(st.text(max_size=400))
def test_stretches_hold_every_word_once_and_in_order(text: str) -> None:
    cut = stretches(text)
    assert len(cut) <= MOST_STRETCHES
    held = "".join(text[one.start : one.end] for one in cut)
    assert "".join(held.split()) == "".join(text.split())
    assert all(a.end <= b.start for a, b in itertools.pairwise(cut))


def test_a_long_text_has_no_more_stretches_than_allowed() -> None:
    assert len(stretches("word " * 10_000)) == MOST_STRETCHES


def test_a_blank_text_has_none() -> None:
    assert stretches("  \n ") == []


def test_a_stretch_is_left_out_of_the_text_as_sent() -> None:
    assert without("you are a fool", Stretch(10, 14)) == "you are a "


def test_a_label_below_the_least_severity_is_not_explained() -> None:
    assert worth_explaining(answer(0.2, 1)) == ()
    assert attributions(answer(0.2, 1), [Stretch(0, 1)], [answer(0.1, 1)]) == ()


def test_the_heaviest_stretch_comes_first_and_an_emptied_text_counts_as_zero() -> None:
    whole = answer(0.9, 6)
    found = attributions(whole, [Stretch(0, 2), Stretch(3, 6)], [answer(0.8, 5), None])
    assert [one.start for one in found] == [3, 0]
    assert [one.weight for one in found] == pytest.approx([0.9, 0.1])


def test_only_the_heaviest_are_kept() -> None:
    cut = [Stretch(i, i + 1) for i in range(20)]
    assert len(attributions(answer(0.9, 6), cut, [answer(0.5, 3)] * 20)) == MOST_ATTRIBUTIONS


async def test_the_word_that_carries_the_score_comes_first() -> None:
    async def score(texts: Sequence[str]) -> dict[str, DetectorScores]:
        return {text: answer(0.9, 6) if "fool" in text else answer(0.1, 1) for text in texts}

    found = await explained(answer(0.9, 6), "you are a fool", score)
    assert (found.attributions[0].start, found.attributions[0].end) == (10, 14)
    assert found.attributions[0].weight == pytest.approx(0.8)


async def test_an_outage_on_the_way_leaves_the_answer_without_an_explanation() -> None:
    async def late(texts: Sequence[str]) -> dict[str, DetectorScores]:
        return dict.fromkeys(texts, DetectorScores("text_harm", "1", DetectorStatus.TIMED_OUT))

    whole = answer(0.9, 6)
    assert await explained(whole, "you are a fool", late) == whole


async def test_a_text_of_one_word_is_explained_by_it() -> None:
    async def never(texts: Sequence[str]) -> dict[str, DetectorScores]:
        assert not texts
        return {}

    (found,) = (await explained(answer(0.9, 6), "fool", never)).attributions
    assert (found.start, found.end, found.weight) == (0, 4, 0.9)
