"""How fast clips are heard, learned from the work: what tells whether a caller's budget is enough."""

from typing import Final

_FIRST_RATIO: Final = 0.1
"""Twice what one quiet core takes: PENDING too early is only slower, too late spoils the caller's budget."""
_FIRST_TURN_S: Final = 1.0
_NEWEST: Final = 0.1
"""Weight of the newest turn."""
_LONG_S: Final = 5.0
"""Shorter turns tell nothing about the ratio: the recogniser works through 30 s whatever it is given."""


class Pace:
    """Moving averages. Read and written from several threads: a lost update does not matter."""

    def __init__(self) -> None:
        self._ratio = _FIRST_RATIO
        self._turn_s = _FIRST_TURN_S

    def note(self, audio_s: float, work_s: float) -> None:
        """Learns from one turn of work."""
        self._turn_s += _NEWEST * (work_s - self._turn_s)
        if audio_s >= _LONG_S:
            self._ratio += _NEWEST * (work_s / audio_s - self._ratio)

    def expected_s(self, audio_s: float) -> float:
        """Returns how long some audio will take: by its length, and not less than a turn."""
        return max(self._turn_s, audio_s * self._ratio)
