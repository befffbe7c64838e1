"""What is known of the detectors that have programs of their own: their metrics, and the rows of their targets."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.evaluation.bench_row import Row, at_least, at_most


def metrics_of(spec: DetectorSpec) -> Mapping[str, Any] | None:
    """Returns the measured figures committed beside a version's weights, if there are any."""
    path = spec.folder() / "metrics.json"
    if not path.is_file():
        return None
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def other_rows(specs: Mapping[str, DetectorSpec], *, bench: Path) -> Iterator[Row]:
    """Yields the targets of the other detectors; None where a detector or its figure is not there.

    Args:
        specs: the live detectors by name.
        bench: folder of what benchmarks wrote, `hash_search.json` among them.
    """
    found = {name: metrics_of(spec) or {} for name, spec in specs.items()}
    spam = found.get("text_spam", {}).get("held_out_threads", {})
    yield at_least("text_spam F1 on comment threads never trained on", spam.get("f1"), 0.93, "F1")
    alarms = {one["source"]: one for one in found.get("image_unsafe", {}).get("false_alarms", ())}
    ordinary = alarms.get("all but generated", {})
    images = f"image_unsafe false positives at severity 4, {ordinary.get('n', 0):,} ordinary images"
    yield at_most(images, ordinary.get("severity 4"), 0.005, "share")
    yield from _search_rows(bench / "hash_search.json")


def _search_rows(path: Path) -> Iterator[Row]:
    """What `loadtests/hash_search.py` has written, as it stands."""
    if not path.is_file():
        yield at_most("image_match search among 1,000,000 hashes, CPU", None, 20.0, "ms")
        return
    for row in json.loads(path.read_text(encoding="utf-8")):
        target = None if row["target"] is None else f"<= {row['target']:g}"
        yield Row(f"image_match: {row['measure']}", row["value"], row["unit"], target, row["holds"])
