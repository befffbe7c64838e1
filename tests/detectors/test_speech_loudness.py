"""Speech that a listener would hear is not lost on the way to one channel."""

import numpy as np

from tests.detectors.spoken import clip, noise
from tidegate.detectors.speech.loudness import mono, turned_up


def test_equal_channels_mix_to_themselves() -> None:
    np.testing.assert_allclose(mono(np.vstack([clip(), clip()])), clip(), atol=1e-6)


def test_channels_of_opposite_phase_do_not_cancel_out() -> None:
    np.testing.assert_array_equal(mono(np.vstack([clip(), -clip()])), clip())


def test_one_silent_channel_leaves_the_other() -> None:
    mixed = mono(np.vstack([clip(), np.zeros_like(clip())]))
    assert np.square(mixed).mean() > 0.2 * np.square(clip()).mean()


def test_samples_beyond_full_scale_are_bounded() -> None:
    assert np.abs(mono(noise(1, level=1e6)[None, :])).max() <= 1.0


def test_quiet_audio_is_turned_up_and_loud_audio_is_not() -> None:
    assert np.abs(turned_up(clip() * np.float32(0.001))).max() > 10 * np.abs(clip() * 0.001).max()
    np.testing.assert_array_equal(turned_up(clip()), clip())


def test_silence_stays_silence() -> None:
    silence = np.zeros(1_000, dtype=np.float32)
    np.testing.assert_array_equal(turned_up(silence), silence)
    assert turned_up(silence[:0]).size == 0
