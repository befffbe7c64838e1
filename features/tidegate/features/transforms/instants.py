"""Instants and lengths of time, as whole microseconds: no transform rounds a time."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US
MONTH_US = 30 * DAY_US
QUARTER_US = 90 * DAY_US
YEAR_US = 365 * DAY_US

EARLIEST_US = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
"""Year 1: what a `datetime` can say."""
LATEST_US = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
"""Year 9999."""
NEVER = np.iinfo(np.int64).max
"""Later than every instant: nothing changes."""


def in_range(instants: Ints) -> Ints:
    """The instants, those beyond what a `datetime` can say moved to its ends, so that no difference overflows."""
    if not instants.size or (instants.min() >= EARLIEST_US and instants.max() <= LATEST_US):
        return instants
    return np.clip(instants, EARLIEST_US, LATEST_US)
