"""What is known of the detectors that have programs of their own: their metrics, and the rows of their targets."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.evaluation.targets import Row, at_least, at_most


def metrics_of(spec: DetectorSpec) -> Mapping[str, Any] | None:
    """Returns the measured figures committed beside a version's weights, if there are any."""
    path = spec.folder() / "metrics.json"
    if not path.is_file():
        return None
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def other_rows(specs: Mapping[str, DetectorSpec]) -> Iterator[Row]:
    """Yields the targets of the other detectors; None where a detector or its figure is not there.

    Args:
        specs: the live detectors by name.
    """
    found = {name: metrics_of(spec) or {} for name, spec in specs.items()}
    spam = found.get("text_spam", {}).get("held_out_threads", {})
    yield at_least("text_spam F1 on comment threads never trained on", spam.get("f1"), 0.93, "F1")
    unsafe = found.get("image_unsafe", {}).get("ordinary_images", {})
    yield at_most("image_unsafe false positives on ordinary images", unsafe.get("false_positives"), 0.005, "share")
