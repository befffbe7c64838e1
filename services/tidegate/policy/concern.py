"""Which parts a detector is about, told by its name: catalogue names begin with what their detector looks at.

By the name and not by the catalogue, because a replay must come out the same after a detector has left the catalogue.
"""

from collections.abc import Mapping
from typing import Final

from tidegate.moderation.item import PartKind

_EVERY_KIND: Final = frozenset(PartKind)
_BY_PREFIX: Final[Mapping[str, frozenset[PartKind]]] = {
    "image": frozenset({PartKind.IMAGE}),
    "audio": frozenset({PartKind.AUDIO}),
}


def kinds_of(detector: str) -> frozenset[PartKind]:
    """The kinds of parts that a detector can say something about.

    Text detectors are about all: the words of an image or of speech are theirs too. So is a detector whose name tells
    nothing, since what it would have found is then unknown.
    """
    return _BY_PREFIX.get(detector.partition("_")[0], _EVERY_KIND)
