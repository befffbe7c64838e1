"""Decayed rates: what happened lately, each event weighing half as much after every half-life.

The weight of an event of age a is 2^-(a / h); the rate is (ln 2 / h) times the sum of weights, which for a steady
stream of r events per hour settles at r.

`numpy.exp2` gives other last bits on other processors. Weights here take integers, table look-ups, additions and
multiplications only, which IEEE 754 fixes: training and serving agree whatever machines they run on.
"""

import decimal
from functools import cache

import numpy as np

from tidegate.features.transforms.instants import DAY_US, YEAR_US, Floats, Ints
from tidegate.features.transforms.seen import Seen

HALF_LIFE_US = DAY_US
HORIZON_US = YEAR_US
"""Older events are left out: a single one would weigh 2^-365."""

_LN2 = 0.6931471805599453
_RATE_PER_HOUR = _LN2 / 24.0
_SLOTS = 256
_SLOT_US = HALF_LIFE_US // _SLOTS  # 337,500,000 exactly


def decayed_rate(seen: Seen) -> Floats:
    """Events per hour as of each question, decayed."""
    recent = seen.within(HORIZON_US)
    return _RATE_PER_HOUR * recent.sum(weights(recent.age))


def weights(age_us: Ints) -> Floats:
    """2^-(age / half-life), to 2 units in the last place.

    Args:
        age_us: 0 or more.
    """
    halvings, rest = np.divmod(age_us, HALF_LIFE_US)
    slot, rest = np.divmod(rest, _SLOT_US)
    # exp(-x) for x < ln 2 / 256, by its series; the first term left out is below 6e-19.
    x = rest * (_LN2 / HALF_LIFE_US)
    series = 1.0 - x * (1.0 - x * (0.5 - x * (1 / 6 - x * (1 / 24 - x * (1 / 120)))))
    return np.ldexp(_slot_weights()[slot] * series, -halvings.astype(np.int32))


@cache
def _slot_weights() -> Floats:
    """2^-(i / 256), correctly rounded: by decimal arithmetic, which is the same everywhere."""
    with decimal.localcontext(decimal.Context(prec=40)):
        return np.array([float(decimal.Decimal(2) ** (decimal.Decimal(-slot) / _SLOTS)) for slot in range(_SLOTS)])
