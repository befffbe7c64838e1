"""Whose turn it is among clips that are being heard. Pure.

The clip that was heard least goes first, so a short clip is never stuck behind a long one, whatever its file says about
its length. So that a stream of short clips can't starve a long one, every fourth turn is the oldest clip's.
"""

from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

_OLDEST_EVERY: Final = 4


class Heardable(Protocol):
    """What takes turns."""

    @property
    def heard_s(self) -> float:
        """Seconds of audio worked through so far."""
        ...


Clip = TypeVar("Clip", bound=Heardable)


@dataclass(slots=True)
class Turns(Generic[Clip]):
    """The clips that wait for a turn. Not safe across threads."""

    _clips: list[tuple[int, Clip]] = field(default_factory=list)
    _arrived: int = 0
    _taken: int = 0

    def __len__(self) -> int:
        return len(self._clips)

    def arrive(self, clip: Clip) -> int:
        """Adds a clip and returns its place in the order of arrival, to come back with."""
        self._arrived += 1
        self.come_back(self._arrived, clip)
        return self._arrived

    def come_back(self, place: int, clip: Clip) -> None:
        """Adds a clip that has had a turn."""
        self._clips.append((place, clip))

    def take(self) -> tuple[int, Clip]:
        """Removes the next clip and returns it with its place. Raises ValueError if there is none."""
        self._taken += 1
        if self._taken % _OLDEST_EVERY == 0:
            chosen = min(self._clips, key=lambda one: one[0])
        else:
            chosen = min(self._clips, key=lambda one: (one[1].heard_s, one[0]))
        self._clips.remove(chosen)
        return chosen
