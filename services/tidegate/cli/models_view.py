"""How a catalogued detector is shown: one object for machines, one row for people."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from rich.console import Console

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.packaged import PackagedFileError

NO_WEIGHTS: Final = "no weights"
"""Origin of a detector that was not trained: there is nothing to install."""


class State(StrEnum):
    """What a version is used for."""

    LIVE = "live"
    """Decides."""
    SHADOW = "shadow"
    """Runs beside the live version, recorded and invisible to policies."""
    AVAILABLE = "available"
    """Can be chosen in the settings."""


def described(spec: DetectorSpec, state: State) -> dict[str, Any]:
    """Returns one version for machines."""
    return {
        "name": spec.name,
        "version": spec.version,
        "state": state,
        "task": spec.task,
        "modality": spec.modality,
        "engine": spec.engine,
        "labels": list(spec.labels),
        "open_labels": spec.open_labels,
        "languages": list(spec.languages),
        "origin": _origin(spec),
        "licence": spec.licence,
        "size_bytes": _size_bytes(spec),
        "latency_class": spec.latency_class,
        "card": spec.card,
    }


def draw_list(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints the versions for people: a line each, and what it finds, where it comes from and its card beneath."""
    console = Console(highlight=False)
    colours = {State.LIVE: "green", State.SHADOW: "yellow", State.AVAILABLE: "dim"}
    for row in rows:
        size = _size(row)
        languages = ", ".join(row["languages"]) or "any language"
        facts = (row["modality"], f"in {row['engine']}", row["latency_class"], size, languages, row["licence"])
        name = f"{row['name']} {row['version']}"
        state = f"[{colours[row['state']]}]{row['state']:<9}[/]"
        console.print(f"[bold]{name:<18}[/] {state} {' · '.join(facts)}", soft_wrap=True)
        labels = ", ".join(row["labels"]) or ("made at run time" if row["open_labels"] else "none: it reads words")
        for heading, value in (("labels", labels), ("origin", row["origin"]), ("card", row["card"])):
            console.print(f"  [dim]{heading:<7}[/]{value}", soft_wrap=True)


def _origin(spec: DetectorSpec) -> str:
    packages = dict.fromkeys(f"{one.package} {one.version}" for one in spec.packages)
    if packages:
        return f"package {', '.join(packages)}"
    if spec.encoder is not None:
        return f"trained here, on {spec.encoder.package} {spec.encoder.version}"
    return "trained here" if spec.weights_sha256 else NO_WEIGHTS


def _size(row: Mapping[str, Any]) -> str:
    if row["size_bytes"] is not None:
        return f"{row['size_bytes'] / 1e6:.1f} MB"
    return NO_WEIGHTS if row["origin"] == NO_WEIGHTS else "not installed"


def _size_bytes(spec: DetectorSpec) -> int | None:
    """Of the weights, committed or in packages; None where there are none, or a package is not installed."""
    if spec.packages:
        try:
            return sum(one.path().stat().st_size for one in spec.packages)
        except PackagedFileError:
            return None
    return sum(path.stat().st_size for path in spec.folder().glob("*.safetensors")) if spec.folder().is_dir() else None
