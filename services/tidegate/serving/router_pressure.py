"""Whom a router tells of what it has on its hands."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.telemetry.pressure import AdmissionMetrics, NullAdmissionMetrics, NullStageMetrics, StageMetrics


def _nobody(stage: str) -> StageMetrics:
    del stage
    return NullStageMetrics()


@dataclass(frozen=True, slots=True)
class RouterPressure:
    """Tells nobody by default."""

    admission: AdmissionMetrics = field(default_factory=NullAdmissionMetrics)
    """Places and who was shed."""
    stage: Callable[[str], StageMetrics] = _nobody
    """Makes what a stage's batcher tells, by the stage's name."""
