"""Says which phase runs, so that nobody waits in the dark."""

import logging

import gevent

from loadtests.locust.begin import PlanClock
from loadtests.locust.phases import REST, Plan

logger = logging.getLogger(__name__)


def tell(plan: Plan, clock: PlanClock, *, unit: str) -> None:
    """Logs each phase as it begins, rests left out; returns with the last."""
    for phase, start, _ in plan.spans():
        if phase.name == REST:
            continue
        gevent.sleep(max(0.0, start - clock.elapsed_s))
        left_s = plan.duration_s - start
        logger.info("%s: %g %s for %g s; %.0f s to the end", phase.name, phase.level, unit, phase.duration_s, left_s)
