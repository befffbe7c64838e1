"""A campaign finds the knee wherever it is, and loads around it."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from loadtests.locust.options import add_options
from loadtests.locust.pace import FULL, QUICK, Pace
from loadtests.locust.phases import Phase, Plan
from loadtests.locust.preparation import prepared
from loadtests.locust.run_record import RunRecord
from loadtests.locust.steps import KneeNotFoundError, Steps
from tests.loadtests.samples import level
from tests.loadtests.test_gate import record


@dataclass
class Service:
    """Answers so many requests per second, and none in time beyond that."""

    capacity: float
    probed: float
    """What a closed loop finds."""
    probed_later: float | None = None
    """What all but the first find, if that differs."""
    cpu_share: float = 0.1
    """Of the generator."""
    made: list[tuple[str, Plan, tuple[str, ...]]] = field(default_factory=list)

    def open(self, name: str, plan: Plan, *options: str) -> RunRecord:
        self.made.append((name, plan, options))
        return record(
            *(
                level(
                    phase.name,
                    offered=phase.level,
                    good=100 if phase.level <= self.capacity else 0,
                    cpu_share=self.cpu_share,
                )
                for phase in plan.phases
                if phase.measured
            )
        )

    def closed(self, name: str, plan: Plan, *options: str) -> RunRecord:
        self.made.append((name, plan, options))
        first = name == "probe" or self.probed_later is None
        good = round((self.probed if first else self.probed_later or 0.0) * 10)
        return replace(record(level(name, good=good)), loop="closed")

    def phase(self, name: str) -> Phase:
        return next(phase for _, plan, _ in self.made for phase in plan.phases if phase.name == name)


def steps(service: Service, pace: Pace, *, left_s: float = 1e9) -> Steps:
    return Steps(service, pace, left_s=lambda: left_s)


def test_half_and_twice_the_knee_are_offered() -> None:
    service = Service(capacity=100, probed=100)
    names = [name for name, _ in steps(service, FULL).run()]
    assert names == [
        "probe",
        "ramp",
        "half-knee",
        "knee-and-double",
        "spike",
        "half-knee-streams",
        "mixed-probe",
        "mixed",
    ]
    knee = service.phase("knee").level
    assert 90 <= knee <= 100
    assert service.phase("half-knee").level == knee / 2
    assert service.phase("double-knee").level == knee * 2


def test_the_knee_and_twice_it_take_turns() -> None:
    service = Service(capacity=100, probed=100)
    list(steps(service, FULL).run())
    [plan] = [plan for name, plan, _ in service.made if name == "knee-and-double"]
    measured = [phase.name for phase in plan.phases if phase.measured]
    assert measured == ["knee", "double-knee"] * FULL.turns


@pytest.mark.parametrize("probed", [20.0, 55.0, 100.0, 260.0])
def test_a_probe_that_misleads_costs_another_ramp_and_no_wrong_knee(probed: float) -> None:
    service = Service(capacity=100, probed=probed)
    names = [name for name, _ in steps(service, QUICK).run()]
    assert 70 <= service.phase("knee").level <= 100
    assert names[1] == "ramp"


def test_a_probe_of_a_busy_moment_is_made_again_before_the_next_ramp() -> None:
    """The first found a twentieth of what the service carries."""
    service = Service(capacity=120, probed=6.6, probed_later=125)
    names = [name for name, _ in steps(service, QUICK).run()]
    assert names[:4] == ["probe", "ramp", "probe2", "ramp2"]
    assert 100 <= service.phase("knee").level <= 120


def test_streams_and_the_mix_are_asked_for() -> None:
    service = Service(capacity=100, probed=100)
    list(steps(service, FULL).run())
    options = {name: options for name, _, options in service.made}
    assert options["half-knee-streams"] == ("--stream-share", "1")
    assert "mixed" in options["mixed"]


def test_every_run_can_be_made(tmp_path: Path) -> None:
    service = Service(capacity=100, probed=100)
    list(steps(service, FULL).run())
    for name, _, options in service.made:
        parser = ArgumentParser()
        add_options(parser)
        parsed = parser.parse_args(["--out", str(tmp_path / name), *options])
        of_locust = {"headless": True, "host": "service:9000"}
        prepared(Namespace(**vars(parsed), **of_locust), loop="closed" if "probe" in name else "open")


def test_without_time_left_what_no_threshold_needs_is_left_out() -> None:
    names = [name for name, _ in steps(Service(capacity=100, probed=100), FULL, left_s=0).run()]
    assert names == ["probe", "ramp", "half-knee", "knee-and-double", "spike"]


def test_a_service_that_carries_nothing_is_no_knee() -> None:
    service = Service(capacity=2, probed=0)
    with pytest.raises(KneeNotFoundError, match="no load of 5/s or more was carried"):
        list(steps(service, QUICK).run())
    assert [name for name, _, _ in service.made] == ["probe", "ramp"]


def test_a_service_that_carries_everything_has_no_knee_here() -> None:
    with pytest.raises(KneeNotFoundError, match=r"carries more than .* run again") as raised:
        list(steps(Service(capacity=1e9, probed=50), QUICK).run())
    assert "--processes" not in str(raised.value)


def test_more_processes_are_advised_only_to_a_generator_at_its_limit_and_at_once() -> None:
    service = Service(capacity=1e9, probed=50, cpu_share=0.97)
    with pytest.raises(KneeNotFoundError, match="97% of a core; use more --processes"):
        list(steps(service, QUICK).run())
    assert [name for name, _, _ in service.made] == ["probe", "ramp"]


@pytest.mark.parametrize(("pace", "most_s"), [(FULL, 480), (QUICK, 110)])
def test_a_campaign_keeps_its_promise_of_time(pace: object, most_s: float) -> None:
    """What the plans take; starting the stack and Locust comes on top."""
    service = Service(capacity=100, probed=100)
    list(steps(service, FULL if pace is FULL else QUICK).run())
    assert sum(plan.duration_s for _, plan, _ in service.made) <= most_s
