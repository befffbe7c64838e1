"""Speech is cut into pieces that fit one pass of the recogniser, and nothing that is spoken is lost."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.detectors.speech.pieces import Piece, PieceCutter
from tidegate.detectors.speech.voice_activity import CHUNK, CHUNK_MS

Activity = list[float]
SECOND = 1000 // CHUNK_MS


def cut(activity: Activity, *, feed: int = 50) -> list[Piece]:
    """The pieces of audio whose every sample is the number of its chunk."""
    cutter, pieces = PieceCutter(), []
    for first in range(0, len(activity), feed):
        some = np.array(activity[first : first + feed], dtype=np.float32)
        audio = np.repeat(np.arange(first, first + some.size, dtype=np.float32), CHUNK)
        pieces += cutter.feed(audio, some)
    return pieces + cutter.finish()


def chunks(piece: Piece) -> npt.NDArray[np.int64]:
    return piece.audio[::CHUNK].astype(np.int64)


def test_silence_makes_no_piece() -> None:
    assert cut([0.1] * 500) == []


def test_a_click_is_no_speech() -> None:
    assert cut([0.0] * 50 + [0.9] * 2 + [0.0] * 200) == []


def test_a_piece_starts_before_its_speech_and_ends_after_it() -> None:
    (piece,) = cut([0.0] * 100 + [0.9] * 100 + [0.0] * 200)
    assert piece.start_ms < 100 * CHUNK_MS
    assert 200 < piece.start_ms / CHUNK_MS + piece.activity.size < 220
    assert piece.speech_ms() == 100 * CHUNK_MS
    assert piece.start_ms == chunks(piece)[0] * CHUNK_MS


def test_short_pauses_stay_inside_and_long_ones_part() -> None:
    speech = [0.9] * SECOND
    assert len(cut(speech + [0.0] * SECOND + speech)) == 1
    assert len(cut(speech + [0.0] * 3 * SECOND + speech)) == 2


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    activity = [0.9] * 40 * SECOND
    activity[25 * SECOND] = 0.4
    pieces = cut(activity)
    assert chunks(pieces[0])[-1] == 25 * SECOND
    assert chunks(pieces[1])[0] == 25 * SECOND + 1


@pytest.mark.parametrize("feed", [1, 7, 50, 10_000])
def test_it_does_not_matter_in_which_portions_audio_comes(feed: int) -> None:
    activity = ([0.9] * 70 + [0.2] * 80) * 20
    assert [one.start_ms for one in cut(activity, feed=feed)] == [one.start_ms for one in cut(activity)]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.4, 0.6, 0.99]), st.integers(1, 400)), max_size=12).map(
        lambda runs: [probability for probability, length in runs for _ in range(length)]
    )
)
def test_no_speech_is_lost_or_heard_twice_and_no_piece_is_too_long(activity: Activity) -> None:
    pieces = cut(activity)
    found = [number for piece in pieces for number in chunks(piece).tolist()]
    assert found == sorted(set(found))
    assert all(one.audio.size <= 28 * 16_000 for one in pieces)
    runs = np.flatnonzero(np.array(activity, dtype=np.float64) >= 0.5).tolist()
    lost = sorted(set(runs) - set(found))
    assert len(lost) <= 2 * (len(activity) // 60 + 1)  # clicks: at most two chunks between two silences of 2 s
    for piece in pieces:
        np.testing.assert_array_equal(piece.activity, np.array(activity, dtype=np.float32)[chunks(piece)])
