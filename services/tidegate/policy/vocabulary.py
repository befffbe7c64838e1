"""The detectors and account features that exist, to find a policy's misspelt names before it is used."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tidegate.features.feature import ValueKind
from tidegate.features.refs import ACCOUNT_FEATURES
from tidegate.models.catalogue import DetectorSpec, Modality, catalogue
from tidegate.policy.condition import Kind
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.problems import Problem

_KINDS: Mapping[ValueKind, Kind] = {
    ValueKind.BOOL: Kind.BOOL,
    ValueKind.INT: Kind.NUMBER,
    ValueKind.FLOAT: Kind.NUMBER,
    ValueKind.STRING: Kind.STRING,
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a policy may name."""

    detectors: Mapping[str, AbstractSet[str]]
    """Labels by catalogue name."""
    features: Mapping[str, Kind]
    """Type of each feature by full name."""
    open_detectors: AbstractSet[str] = field(default_factory=frozenset)
    """Those whose labels are made at run time: any label may be named, and is unknown as long as it does not exist."""


def installed_vocabulary(live: Mapping[str, DetectorSpec] | None = None) -> Vocabulary:
    """The detectors and features of this installation.

    Args:
        live: The detectors in use, by name; the catalogue's own choice if not given.

    Raises:
        CatalogueError: The catalogue can't be read.
    """
    chosen = catalogue() if live is None else live
    # What looks at accounts is no detector of content: policies name its score as an account feature.
    specs = {name: spec for name, spec in chosen.items() if spec.modality is not Modality.ACCOUNT}
    return Vocabulary(
        detectors={name: frozenset(spec.labels) for name, spec in specs.items()},
        features={name: _KINDS[ref.feature.kind] for name, ref in ACCOUNT_FEATURES.items()},
        open_detectors=frozenset(name for name, spec in specs.items() if spec.open_labels),
    )


def unknown_names(policy: CompiledPolicy, vocabulary: Vocabulary, *, file: str) -> Iterator[Problem]:
    """Names that do not exist, and features taken for another type than they have."""
    for detector, labels in policy.labels.items():
        known = vocabulary.detectors.get(detector)
        if known is None:
            yield Problem(
                file, "", f"there is no detector {detector}; known: {', '.join(sorted(vocabulary.detectors))}"
            )
            continue
        if detector in vocabulary.open_detectors:
            continue
        for label in sorted(labels - known):
            yield Problem(file, "", f"{detector} has no label {label}; known: {', '.join(sorted(known)) or 'none'}")
    for reference, kind in policy.kinds.items():
        if (feature := reference.feature) is None:
            continue
        actual = vocabulary.features.get(feature)
        if actual is None:
            names = ", ".join(sorted(vocabulary.features))
            yield Problem(file, "", f"{reference} is {feature}, which does not exist; known: {names}")
        elif actual is not kind and not reference.is_freshness:
            yield Problem(file, "", f"{reference} is a {actual}, but a condition takes it for a {kind}")
