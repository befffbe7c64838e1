"""The highest score and severity of a label over an item's parts, and what keeps it from being known.

Of each part that a detector is about, it must have said something: what it found (OK), or that there was nothing for it
(NO_CONTENT). Anything else, no run at all included, leaves the part unseen. Shadow runs do not exist here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import PartFacts
from tidegate.policy.concern import kinds_of

_PLAIN: Final = {DetectorStatus.OK, DetectorStatus.FAILED, DetectorStatus.TIMED_OUT, DetectorStatus.NOT_COVERED}
"""Missing inputs of these are named without the status, as they were before there were others: records name them so."""


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


class Reading(NamedTuple):
    """One label over all parts that its detector is about.

    A named tuple, since a decision makes one per label and a frozen dataclass takes twice as long to make.
    """

    value: float | None
    """Highest known value of the measure; None if no part has one."""
    score: float | None
    """Calibrated probability of the same run."""
    part: str
    """The part of that run; empty if there is none."""
    missing: tuple[str, ...]
    """`detector.label@part` for each part that is unseen, with the status where it is more than an outage."""
    skipped: tuple[str, ...] = ()
    """The same for parts that the detector was spared, once a settling rule has fired."""

    @property
    def settled(self) -> float | None:
        """The value for conditions: zero if every part was seen and none has the label; None if a part is unseen."""
        return None if self.missing else self.value or 0


class Readings:
    """Readings of one item, each worked out once."""

    def __init__(self, parts: Sequence[PartFacts], runs: Sequence[DetectorRun]) -> None:
        """Takes an item's parts and what detectors said about them."""
        self._parts = tuple(parts)
        self._runs: dict[tuple[str, str], list[DetectorRun]] = {}
        for run in runs:
            if not run.shadow:
                self._runs.setdefault((run.name, run.part), []).append(run)
        self._about: dict[str, Sequence[tuple[str, Sequence[DetectorRun] | None]]] = {}
        self._read: dict[str, Reading] = {}
        self._of_language: set[str] = set()
        self._of_outage: set[str] = set()
        self._settled = False

    def settle(self) -> None:
        """A settling rule has fired: what was skipped is no longer missed."""
        self._settled = True
        self._read.clear()

    def of(self, label: LabelRef) -> Reading:
        """The reading of one label."""
        reading = self._read.get(label.key)
        if reading is None:
            reading = self._read[label.key] = self._reading(label.measure, label.detector, label.label)
        return reading

    def for_language(self, missing: Sequence[str]) -> tuple[str, ...]:
        """Those of the missing inputs that are missing for nothing but the language of the text."""
        return tuple(name for name in missing if name in self._of_language and name not in self._of_outage)

    def _reading(self, measure: Measure, detector: str, label: str) -> Reading:
        value: float | None = None
        score: float | None = None
        part = ""
        missing: list[str] = []
        skipped: list[str] = []
        for part_id, runs in self._of_detector(detector):
            if runs is None:
                missing.append(name := f"{detector}.{label}@{part_id}")
                self._of_outage.add(name)
                continue
            for run in runs:
                status = run.status
                if status is DetectorStatus.NO_CONTENT:
                    continue
                found: float | None = (run.severities if measure is Measure.SEVERITY else run.scores).get(label)
                if status is not DetectorStatus.OK or found is None or not math.isfinite(found):
                    missed = skipped if self._settled and status is DetectorStatus.SKIPPED else missing
                    missed.append(self._named(f"{detector}.{label}@{part_id}", status))
                elif value is None or (found, run.scores.get(label, 0.0)) > (value, score or 0.0):
                    value, score, part = found, run.scores.get(label), run.part
        return Reading(value, score, part, _each_once(missing), _each_once(skipped))

    def _of_detector(self, detector: str) -> Sequence[tuple[str, Sequence[DetectorRun] | None]]:
        """The parts that it is about, each with its runs; None if there is none."""
        found = self._about.get(detector)
        if found is None:
            kinds = kinds_of(detector)
            found = self._about[detector] = [
                (facts.id, self._runs.get((detector, facts.id))) for facts in self._parts if facts.kind in kinds
            ]
        return found

    def _named(self, name: str, status: DetectorStatus) -> str:
        named = name if status in _PLAIN else f"{name}: {status}"
        (self._of_language if status is DetectorStatus.UNSUPPORTED_LANGUAGE else self._of_outage).add(named)
        return named


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names)) if names else ()
