"""What load is offered when: phases one after the other, and the shapes that are made of them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

WARM_UP = "warm-up"
"""Phases of this name are run, and left out of every result."""
REST = "rest"
"""The name of phases in which nothing is sent, so that one level leaves nothing behind for the next."""

_PHASE = re.compile(r"(?P<name>[a-z0-9][a-z0-9_.-]*):(?P<level>\d+(\.\d+)?)x(?P<seconds>\d+(\.\d+)?)", re.ASCII)
_RAMP_STEPS = 10
_SOAK_PARTS = 6


class PlanError(Exception):
    """A plan can't be read. The message says what a plan looks like."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time at one level."""

    name: str
    """What results call it; phases of the same name are one result."""
    level: float
    """Open loop: arrivals per second. Closed loop: users."""
    duration_s: float
    """How long."""

    @property
    def measured(self) -> bool:
        """Whether it is part of the results."""
        return self.name != WARM_UP and self.level > 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Phases in order."""

    phases: tuple[Phase, ...]
    """At least one."""

    @property
    def duration_s(self) -> float:
        """All phases together."""
        return sum(phase.duration_s for phase in self.phases)

    def spans(self) -> Iterator[tuple[Phase, float, float]]:
        """Each phase with its start and its end, in seconds from the start of the plan."""
        start = 0.0
        for phase in self.phases:
            yield phase, start, start + phase.duration_s
            start += phase.duration_s

    def at(self, elapsed_s: float) -> Phase | None:
        """The phase at this moment; None once the plan is over."""
        return next((phase for phase, _, end in self.spans() if elapsed_s < end), None)

    def written(self) -> str:
        """As `read_plan` reads it."""
        return ",".join(f"{phase.name}:{phase.level:g}x{phase.duration_s:g}" for phase in self.phases)


def read_plan(text: str) -> Plan:
    """A plan from `NAME:LEVELxSECONDS,...`, for example `warm-up:20x5,half:50x60,rest:0x2,double:200x30`.

    Raises:
        PlanError: It is written otherwise, or has no length.
    """
    phases = []
    for each in text.split(","):
        found = _PHASE.fullmatch(each.strip())
        if found is None:
            raise PlanError(f"{each!r} is no phase; write NAME:LEVELxSECONDS, for example steady:100x60")
        phases.append(Phase(found["name"], float(found["level"]), float(found["seconds"])))
    plan = Plan(tuple(phases))
    if plan.duration_s <= 0 or any(phase.duration_s <= 0 for phase in phases):
        raise PlanError(f"{text!r} has a phase of no length; write NAME:LEVELxSECONDS with seconds above 0")
    return plan


def steady(level: float, duration_s: float) -> Plan:
    """The same all the time."""
    return Plan((Phase("steady", level, duration_s),))


def ramp(level: float, duration_s: float) -> Plan:
    """Ten levels up to this one, with rests between: what the knee is looked for in."""
    rest_s = min(2.0, duration_s / 50)
    step_s = duration_s / _RAMP_STEPS - rest_s
    levels = [level * step / _RAMP_STEPS for step in range(1, _RAMP_STEPS + 1)]
    return ramp_over(levels, step_s=step_s, rest_s=rest_s)


def ramp_over(levels: Sequence[float], *, step_s: float, rest_s: float, name: str = "ramp") -> Plan:
    """These levels, with rests between."""
    phases: list[Phase] = []
    for number, level in enumerate(levels, start=1):
        phases += [Phase(f"{name}-{number:02}", level, step_s), Phase(REST, 0, rest_s)]
    return Plan(tuple(phases))


def spike(level: float, duration_s: float) -> Plan:
    """A quarter of the level, the level for a tenth of the time, and a quarter again: how fast does it recover?"""
    calm = level / 4
    return Plan(
        (
            Phase("before-spike", calm, duration_s * 0.4),
            Phase("spike", level, duration_s * 0.1),
            Phase("after-spike", calm, duration_s * 0.5),
        )
    )


def soak(level: float, duration_s: float) -> Plan:
    """Steady for long, in six parts: the last compared with the first shows what leaks."""
    part_s = duration_s / _SOAK_PARTS
    return Plan(tuple(Phase(f"soak-{part}", level, part_s) for part in range(1, _SOAK_PARTS + 1)))


SHAPES: Mapping[str, Callable[[float, float], Plan]] = {"steady": steady, "ramp": ramp, "spike": spike, "soak": soak}
"""Shapes by name: of the highest level and the whole length in seconds."""
