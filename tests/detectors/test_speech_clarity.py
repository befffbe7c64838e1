"""Improbable and repeated words are not believed, and what goes unheard is counted."""

import numpy as np

from tidegate.detectors.speech.clarity import UnclearLimits, heard, is_heard
from tidegate.detectors.speech.pieces import Piece
from tidegate.detectors.speech.recogniser import Utterance
from tidegate.detectors.speech.voice_activity import CHUNK

PIECE = Piece(10_000, np.zeros(CHUNK * 250, dtype=np.float32), np.full(250, 0.9, dtype=np.float32))  # 8 s of speech


def said(start_ms: int, end_ms: int, *, log_probability: float = -0.3, compression: float = 1.2) -> Utterance:
    return Utterance(start_ms, end_ms, "words", log_probability, compression)


def test_clear_words_get_the_clips_own_times() -> None:
    found = heard(PIECE, [said(0, 4_000), said(4_000, 8_000)])
    assert [(one.start_ms, one.end_ms) for one in found.segments] == [(10_000, 14_000), (14_000, 18_000)]
    assert (found.speech_ms, found.unclear_ms) == (8_000, 0)


def test_a_time_beyond_the_piece_is_the_pieces_end() -> None:
    (segment,) = heard(PIECE, [said(0, 9_500)]).segments
    assert segment.end_ms == 18_000


def test_improbable_words_are_left_out_and_counted() -> None:
    found = heard(PIECE, [said(0, 4_000), said(4_000, 8_000, log_probability=-1.2)])
    assert len(found.segments) == 1
    assert found.unclear_ms == 4_000


def test_a_loop_of_words_is_left_out_and_counted() -> None:
    found = heard(PIECE, [said(0, 8_000, log_probability=-0.1, compression=9.0)])
    assert found.segments == ()
    assert found.unclear_ms == 8_000


def test_speech_without_any_words_is_counted() -> None:
    assert heard(PIECE, []).unclear_ms == 8_000
    assert heard(PIECE, [said(0, 2_000)]).unclear_ms > 5_000


def test_a_clip_counts_as_heard_within_both_bounds() -> None:
    limits = UnclearLimits(share=0.1, most_s=30)
    assert is_heard(10_000, 1_000, limits)
    assert not is_heard(10_000, 1_001, limits)
    assert is_heard(3_600_000, 30_000, limits)
    assert not is_heard(3_600_000, 30_001, limits)
