"""Which version of each detector decides, and which are tried out beside it: configuration over the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tidegate.models.catalogue import (
    CatalogueError,
    DetectorSpec,
    Engine,
    LatencyClass,
    Modality,
    catalogue,
    specification,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which version of each detector decides, and which are tried out beside it."""

    live: Mapping[str, DetectorSpec]
    """By name."""
    shadow: tuple[DetectorSpec, ...]
    """Run and recorded, invisible to policies; never a live version."""

    def of(self, *, modality: Modality, engine: Engine | None = None) -> tuple[DetectorSpec, ...]:
        """Returns the live detectors of a modality, cheapest first, then by name."""
        order = list(LatencyClass)
        found = [one for one in self.live.values() if one.modality is modality and engine in {None, one.engine}]
        return tuple(sorted(found, key=lambda one: (order.index(one.latency_class), one.name)))


def select(*, live: Mapping[str, str] | None = None, shadow: Mapping[str, Sequence[str]] | None = None) -> Selection:
    """Returns the selection that a configuration asks for.

    Args:
        live: version by name; the catalogue's own choice where not named.
        shadow: versions by name.

    Raises:
        CatalogueError: a name or version does not exist, or a version is both live and in shadow.
    """
    chosen = dict(catalogue())
    for name, version in (live or {}).items():
        chosen[name] = specification(name, version)
    shadows = tuple(specification(name, version) for name, versions in (shadow or {}).items() for version in versions)
    for one in shadows:
        if chosen[one.name].version == one.version:
            raise CatalogueError(f"{one.name} {one.version} is both live and in shadow")
    return Selection(MappingProxyType(chosen), shadows)
