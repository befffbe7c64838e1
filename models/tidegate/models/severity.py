"""Severity bands: how strongly a calibrated probability speaks, on a fixed scale from 0 to 7.

The edges belong to the scale, not to a detector. A new detector version brings its own calibration and keeps these
edges, so that a policy's "severity at least 5" survives the swap.
"""

from bisect import bisect_right
from typing import Final

SEVERITY_EDGES: Final = (0.10, 0.25, 0.40, 0.55, 0.70, 0.85, 0.95)
"""Lowest calibrated probability of the bands 1 to 7. Band 4 begins where the label is likelier than not, with a margin;
band 7 is for one in twenty mistakes or fewer, on the calibration mix."""

HIGHEST_SEVERITY: Final = len(SEVERITY_EDGES)


def severity(probability: float) -> int:
    """Returns the band, 0 to 7, of a calibrated probability in [0, 1]. Raises ValueError outside of it."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError("a probability lies in [0, 1]")
    return bisect_right(SEVERITY_EDGES, probability)
