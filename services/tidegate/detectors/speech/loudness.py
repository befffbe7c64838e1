"""Channels → one channel in which speech is heard that a listener would hear: neither cancelled out nor too quiet."""

from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""[samples], in [-1, 1]."""

_CANCELLED: Final = 0.1
"""A mix with less than this share of its channels' energy has lost them to each other."""
_QUIET: Final = 0.02
_MOST_GAIN: Final = 100.0
"""40 dB. Speech at -60 dB is heard with it and not without; noise, chords and beats at -60 dB are no speech with it."""


def mono(channels: Samples) -> Samples:
    """Returns the mix, or the louder channel where channels cancel out: opposite phases would be mixed to silence.

    Args:
        channels: [channels, samples].
    """
    bounded = np.clip(channels, -1.0, 1.0)
    mix: Samples = bounded.mean(axis=0, dtype=np.float32)
    energies = np.square(bounded).mean(axis=1)
    if float(np.square(mix).mean()) < _CANCELLED * float(energies.max()):
        loudest: Samples = bounded[int(energies.argmax())]
        return loudest
    return mix


def turned_up(samples: Samples) -> Samples:
    """Returns quiet samples louder: a listener can turn up the volume, and voice activity cannot."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not 0.0 < peak < _QUIET:
        return samples
    louder: Samples = samples * np.float32(min(_MOST_GAIN, _QUIET / peak))
    return louder
