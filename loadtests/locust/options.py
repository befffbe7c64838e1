"""The options that these load tests add to Locust's own, and what they come to.

python -m loadtests.locust.options

Prints them: Locust answers `--help` before it loads a locustfile, so it does not show them.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from loadtests.locust import option_kinds as kinds
from loadtests.locust.mixes import MIXES, Mix
from loadtests.locust.phases import SHAPES, Plan, read_plan


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """One run."""

    plan: Plan
    """What is offered when."""
    mix: Mix
    """What is sent."""
    seed: int
    """Of arrivals, items and traces."""
    budget_ms: float
    """A request's time budget, and what a good answer must not exceed."""
    deadline_ms: float
    """When whoever waits gives up."""
    stream_share: float
    """Share of requests that go over streams; the rest are calls of their own."""
    burst_mean: float
    """Mean number of requests that arrive at one moment."""
    channels: int
    """Connections of each process."""
    streams: int
    """Streams of each process."""
    max_in_flight: int
    """Most unary calls under way in each process."""
    window: int
    """Items that each stream of a closed loop keeps under way."""
    sampled_share: float
    """Share of requests whose trace is sampled."""
    out: Path
    """Where results are written."""
    thresholds: Path | None
    """What must hold; None checks nothing."""
    exit_code_on_error: int
    """Locust's: exit status if requests failed and there are no thresholds to say how many may."""


def add_options(parser: Any) -> None:
    """Adds them to Locust's parser, in a group of their own. Plain values only: a master sends them to its workers."""
    group = parser.add_argument_group("Tidegate")

    def add(
        name: str, kind: Callable[[str], Any], default: Any, text: str, choices: Sequence[str] | None = None
    ) -> None:
        told = text if default is None else f"{text}; by default {default}"
        group.add_argument(name, type=kind, default=default, help=told, choices=choices)

    add("--plan", kinds.plan, None, "phases NAME:LEVELxSECONDS,...; instead of --shape, --level and --seconds")
    add("--shape", str, "steady", "how the load goes", sorted(SHAPES))
    add("--level", kinds.positive, 20.0, "highest level: arrivals per second (open loop) or users (closed loop)")
    add("--seconds", kinds.positive, 60.0, "length of the shape")
    add("--mix", str, "comments", "what is sent", sorted(MIXES))
    add("--seed", int, 20260301, "of arrivals, items and traces")
    add("--budget-ms", kinds.positive, 500.0, "time budget of a request; later is not good")
    add(
        "--deadline-ms",
        kinds.positive,
        None,
        "when a caller gives up, not before the budget; by default twice the budget",
    )
    add("--stream-share", kinds.share, 0.0, "share of requests over streams instead of unary calls (open loop)")
    add("--burst-mean", kinds.from_one, 1.0, "mean number of requests that arrive at one moment (open loop)")
    add("--channels", kinds.count, 8, "connections of each process")
    add("--streams", kinds.count, 4, "streams of each process (open loop)")
    most = "most unary calls under way in each process; what exceeds it waits, and is timed (open loop)"
    add("--max-in-flight", kinds.count, 2_000, most)
    add("--window", kinds.count, 32, "items that each StreamUser keeps under way on its stream (closed loop)")
    add("--sampled-share", kinds.share, 0.01, "share of requests whose trace is sampled")
    add("--out", str, "build/load", "folder for results: run.json, samples.csv.gz, report.html")
    add("--thresholds", str, None, "file of what must hold; the exit status is 1 if something does not")


def options_of(parsed: Any) -> LoadOptions:
    """From what Locust has parsed."""
    given: dict[str, Any] = {each.name: getattr(parsed, each.name, None) for each in fields(LoadOptions)}
    given["plan"] = read_plan(parsed.plan) if parsed.plan else SHAPES[parsed.shape](parsed.level, parsed.seconds)
    given["mix"] = MIXES[parsed.mix]
    given["deadline_ms"] = parsed.deadline_ms or 2 * parsed.budget_ms
    given["out"] = Path(parsed.out)
    given["thresholds"] = Path(parsed.thresholds) if parsed.thresholds else None
    return LoadOptions(**given)


def main() -> None:
    """Prints the options with their defaults."""
    parser = ArgumentParser(
        usage="locust -f loadtests/locust/open.py [option of Locust or of these ...]",
        add_help=False,
    )
    add_options(parser)
    sys.stdout.write(parser.format_help())


if __name__ == "__main__":
    main()
