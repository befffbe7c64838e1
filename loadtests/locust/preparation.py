"""What a run needs before anything is sent: options that go together, limits that can be read, a folder of its own."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from loadtests.locust.options import add_options, options_of
from loadtests.locust.results_folder import ResultsFolder
from loadtests.locust.thresholds import Thresholds, read_thresholds

_OF_LOOP = {
    "open": ("stream_share", "streams", "burst_mean", "max_in_flight"),
    "closed": ("window",),
}
"""Options that mean nothing in the other loop."""
_OF_LOCUST = {"run_time": "-t/--run-time", "num_users": "-u/--users", "spawn_rate": "-r/--spawn-rate"}
"""Locust's options that a plan stands in for: Locust itself only warns of them, among its log lines."""


class RefusedError(Exception):
    """A run would not measure what was asked for. The message says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Of one run, in the process that finishes it."""

    thresholds: Thresholds | None
    """What must hold; None checks nothing."""
    folder: ResultsFolder
    """Where results go."""


def prepared(parsed: Any, *, loop: str) -> Preparation:
    """Checks, reads and claims.

    Args:
        parsed: All options as Locust has parsed them.
        loop: `open` or `closed`.

    Raises:
        RefusedError: Options do not go together, or one that is needed is missing.
        ThresholdsError: The thresholds can't be used.
        ResultsFolderError: Nor can the folder.
    """
    _refuse_what_has_no_effect(parsed, loop=loop)
    options = options_of(parsed)
    if parsed.headless and not parsed.host:
        raise RefusedError("--host is missing; write --host HOST:PORT of the service's gRPC port")
    if options.deadline_ms < options.budget_ms:
        raise RefusedError(
            f"--deadline-ms {options.deadline_ms:g} is below --budget-ms {options.budget_ms:g}: callers would give up"
            " on answers that are still good; raise the one, or lower the other"
        )
    thresholds = read_thresholds(options.thresholds) if options.thresholds else None
    return Preparation(thresholds, ResultsFolder(options.out))


def _refuse_what_has_no_effect(parsed: Any, *, loop: str) -> None:
    for name, written in _OF_LOCUST.items():
        if getattr(parsed, name, None):
            raise RefusedError(f"{written} has no effect: --level and --seconds, or --plan, say how much and how long")
    defaults = ArgumentParser(add_help=False)
    add_options(defaults)
    for other, names in _OF_LOOP.items():
        for name in names:
            if other != loop and getattr(parsed, name) != defaults.get_default(name):
                raise RefusedError(f"--{name.replace('_', '-')} has no effect in {loop}.py: it is for {other}.py")
