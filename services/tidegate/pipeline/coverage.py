"""Which live detectors can look at which kinds of parts, and through which readers text detectors reach words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.models.catalogue import DetectorSpec, LatencyClass, Modality
from tidegate.models.selection import Selection


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the live detectors cover. Made once from the selection."""

    text: frozenset[str]
    """Text detectors."""
    image: frozenset[str]
    """Image detectors that answer labels."""
    image_reader: str
    """The image detector that reads words; empty if none is live."""
    speech: str
    """The audio detector that transcribes; empty if none is live."""
    cheap: frozenset[str]
    """Detectors of any modality that cost less than a hop."""
    shadows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Versions of text detectors that are tried out, by name."""

    @classmethod
    def of(cls, selection: Selection) -> "Coverage":
        """The coverage of a selection."""
        images, audio = selection.of(modality=Modality.IMAGE), selection.of(modality=Modality.AUDIO)
        shadows: dict[str, tuple[str, ...]] = {}
        for spec in selection.shadow:
            shadows[spec.name] = (*shadows.get(spec.name, ()), spec.version)
        return cls(
            text=frozenset(spec.name for spec in selection.of(modality=Modality.TEXT)),
            image=frozenset(spec.name for spec in images if not _reads(spec)),
            image_reader=_first(spec.name for spec in images if _reads(spec)),
            speech=_first(spec.name for spec in audio if _reads(spec)),
            cheap=frozenset(spec.name for spec in selection.live.values() if spec.latency_class is LatencyClass.CHEAP),
            shadows=shadows,
        )


def _reads(spec: DetectorSpec) -> bool:
    """Readers answer words instead of labels."""
    return not spec.labels and not spec.open_labels


def _first(names: Iterable[str]) -> str:
    return next(iter(names), "")
