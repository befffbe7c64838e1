"""Logits → calibrated probabilities and severities: the last step of a text's way through a detector."""

import numpy as np
import numpy.typing as npt

from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.detection import DetectorScores, DetectorStatus


def scores_of(spec: DetectorSpec, logits: npt.NDArray[np.float32]) -> DetectorScores:
    """Returns the answer for one text: the maximum over its windows, calibrated.

    Args:
        spec: The detector.
        logits: Of the text's windows, [windows, labels], finite.
    """
    highest = logits.max(axis=0)
    scores = {label: spec.calibrate(label, float(highest[i])) for i, label in enumerate(spec.labels)}
    return DetectorScores(
        detector=spec.name,
        version=spec.version,
        status=DetectorStatus.OK,
        scores=scores,
        severities={label: spec.severity(score) for label, score in scores.items()},
    )


def outage_of(spec: DetectorSpec, status: DetectorStatus) -> DetectorScores:
    """Returns the answer for a text that the detector did not score."""
    return DetectorScores(detector=spec.name, version=spec.version, status=status)
