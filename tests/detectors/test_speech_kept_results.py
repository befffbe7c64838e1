"""Results are kept within bounds: the one that nobody has asked for the longest goes first."""

import pytest

from tidegate.detectors.speech.kept_results import ClipKey, KeptResults
from tidegate.detectors.speech.limits import KeptLimits
from tidegate.detectors.speech.transcription import Transcript
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.item import TranscriptSegment


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def key(name: str, *, understood: bool = True) -> ClipKey:
    return ClipKey(name, understood)


def words(text: str) -> Transcript:
    return Transcript(DetectorStatus.OK, (TranscriptSegment(0, 1_000, text),))


def test_a_result_is_found_again_under_its_own_key_only() -> None:
    kept = KeptResults(KeptLimits())
    kept.keep(key("a"), words("hello"))
    assert kept.find(key("a")) == words("hello")
    assert kept.find(key("b")) is None
    assert kept.find(key("a", understood=False)) is None


def test_the_least_asked_for_goes_when_there_are_too_many() -> None:
    kept = KeptResults(KeptLimits(max_results=2))
    kept.keep(key("a"), words("a"))
    kept.keep(key("b"), words("b"))
    kept.find(key("a"))
    kept.keep(key("c"), words("c"))
    assert (kept.find(key("a")), kept.find(key("b"))) == (words("a"), None)


def test_words_are_bounded_by_their_size() -> None:
    kept = KeptResults(KeptLimits(max_bytes=100))
    kept.keep(key("a"), words("x" * 60))
    kept.keep(key("b"), words("é" * 30))
    assert kept.find(key("a")) is None
    assert kept.find(key("b")) is not None
    kept.keep(key("huge"), words("x" * 101))
    assert len(kept) == 0


def test_keeping_the_same_clip_again_does_not_count_twice() -> None:
    kept = KeptResults(KeptLimits(max_bytes=100))
    for _ in range(10):
        kept.keep(key("a"), words("x" * 60))
    assert len(kept) == 1


@pytest.mark.parametrize(("transcript", "age_s"), [(words("a"), 600.0), (Transcript(DetectorStatus.FAILED), 5.0)])
def test_a_result_ends_with_its_time_and_a_failure_sooner(transcript: Transcript, age_s: float) -> None:
    clock = Clock()
    kept = KeptResults(KeptLimits(ttl_s=600, failure_ttl_s=5), clock=clock)
    kept.keep(key("a"), transcript)
    clock.now_s += age_s - 1
    assert kept.find(key("a")) == transcript
    clock.now_s += 1
    assert kept.find(key("a")) is None
