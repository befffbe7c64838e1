"""The highest score and severity of a label over an item's parts, and what keeps it from being known.

A part counts as unseen by a detector if the detector ran on it without answering, if nothing at all looked at it, or
if the detector ran nowhere on the item: then it is not in service, and nobody can say what it would have found.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.moderation.decision import DecisionInputs
from tidegate.moderation.detection import DetectorRun, DetectorStatus


class Measure(StrEnum):
    """Which of a detector's two answers about a label is meant."""

    SCORE = "score"
    SEVERITY = "severity"


@dataclass(frozen=True, slots=True)
class LabelRef:
    """A label of a detector, by one of its measures."""

    measure: Measure
    """Severity band or calibrated probability."""
    detector: str
    """Catalogue name."""
    label: str
    """One of its labels."""
    key: str = field(init=False)
    """`severity.text_harm.hate`. Kept, because hashing an enum member runs Python code, and every rule needs this."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.measure}.{self.detector}.{self.label}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One label over all parts."""

    value: float | None
    """Highest known value of the measure; None if no part has one."""
    score: float | None
    """Calibrated probability of the same run."""
    part: str
    """The part of that run; empty if there is none."""
    missing: tuple[str, ...]
    """`detector.label@part` for each part that the detector should have scored and has not."""


class Readings:
    """Readings of one item, each worked out once."""

    def __init__(self, inputs: DecisionInputs) -> None:
        self._parts = tuple(part.id for part in inputs.parts)
        self._answers: dict[str, list[DetectorRun]] = {}
        self._asked: set[tuple[str, str]] = set()
        self._seen: set[str] = set()
        for run in inputs.detectors:
            self._asked.add((run.name, run.part))
            answers = self._answers.setdefault(run.name, [])
            if run.status is DetectorStatus.OK:
                answers.append(run)
                self._seen.add(run.part)
        self._read: dict[str, Reading] = {}

    def of(self, label: LabelRef) -> Reading:
        """The reading of one label."""
        reading = self._read.get(label.key)
        if reading is None:
            reading = self._read[label.key] = self._reading(label.measure, label.detector, label.label)
        return reading

    def _reading(self, measure: Measure, detector: str, label: str) -> Reading:
        value: float | None = None
        score: float | None = None
        part = ""
        known: set[str] = set()
        for run in self._answers.get(detector, ()):
            found: float | None = (run.severities if measure is Measure.SEVERITY else run.scores).get(label)
            if found is None or not math.isfinite(found):
                continue
            known.add(run.part)
            if value is None or (found, run.scores.get(label, 0.0)) > (value, score or 0.0):
                value, score, part = found, run.scores.get(label), run.part
        missing = tuple(
            f"{detector}.{label}@{part_id}"
            for part_id in self._parts
            if part_id not in known and self._awaited(detector, part_id)
        )
        return Reading(value=value, score=score, part=part, missing=missing)

    def _awaited(self, detector: str, part: str) -> bool:
        return (detector, part) in self._asked or part not in self._seen or detector not in self._answers
