"""Judges finished runs by thresholds: `python -m loadtests.locust.gate RUN.json... --thresholds FILE`.

Exits with 0 if all hold, 1 if one is breached, 2 if a file can't be used.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.locust.failures import MOST_ERROR_SHARE
from loadtests.locust.levels import Level
from loadtests.locust.measures import READ
from loadtests.locust.run_record import RunRecord, RunRecordError
from loadtests.locust.thresholds import Threshold, Thresholds, ThresholdsError, read_thresholds

HOLDS, BREACHED, UNUSABLE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """One threshold, judged."""

    measure: str
    """The threshold's name, and the phase if it named none."""
    value: float | None
    """What was measured; None if it could not be: that is a breach."""
    unit: str
    """Of the value."""
    target: str
    """The limit, with its direction."""
    holds: bool
    """Whether the value is within it, and says something of the whole level."""
    why: str = ""
    """Why it does not hold whatever the value; empty where the value decides."""

    @property
    def shown(self) -> str:
        """The value for people, with what there is to say of it."""
        value = "not measured" if self.value is None else f"{self.value:.4g} {self.unit}".strip()
        return f"{value}, but {self.why}" if self.why else value

    def said(self) -> str:
        """For people."""
        return f"{'holds   ' if self.holds else 'BREACHED'}  {self.measure}: {self.shown} (target {self.target})"


def judge(thresholds: Thresholds, levels: Sequence[Level]) -> tuple[Verdict, ...]:
    """All thresholds, in their order. A later level replaces an earlier one of the same name."""
    by_name = {level.name: level for level in levels}
    return tuple(verdict for each in thresholds.thresholds for verdict in _verdicts(each, by_name))


def _verdicts(threshold: Threshold, levels: Mapping[str, Level]) -> list[Verdict]:
    if threshold.phase is not None:
        level = levels.get(threshold.phase)
        value, judged = _value(threshold, level), [level]
        if threshold.against is not None:
            other = levels.get(threshold.against)
            below = _value(threshold, other)
            value = value / below if value is not None and below else None
            judged.append(other)
        return [_verdict(threshold, threshold.name, value, judged)]
    if not levels:
        return [_verdict(threshold, threshold.name, None, ())]
    return [
        _verdict(threshold, f"{threshold.name}: {name}", _value(threshold, level), [level])
        for name, level in levels.items()
    ]


def _value(threshold: Threshold, level: Level | None) -> float | None:
    if level is None or not level.arrivals:
        return None
    value = READ[threshold.measure](level)
    return None if math.isnan(value) else value


def _failed(threshold: Threshold, judged: Sequence[Level | None]) -> str:
    """What a measure that leaves errors out does not tell, in words; empty if there is no such thing."""
    if threshold.measure.counts_errors:
        return ""
    worst = max((level.error_share for level in judged if level is not None), default=0.0)
    return f"{worst:.1%} of the requests failed, and it does not show that" if worst > MOST_ERROR_SHARE else ""


def _verdict(threshold: Threshold, name: str, value: float | None, judged: Sequence[Level | None]) -> Verdict:
    why = _failed(threshold, judged)
    return Verdict(
        measure=name,
        value=None if value is None else round(value, 4),
        unit="" if threshold.against is not None else threshold.measure.unit,
        target=f"{'≤' if threshold.max is not None else '≥'} {threshold.limit:g}",
        holds=not why and value is not None and threshold.allows(value),
        why=why,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.locust.gate",
        description="Judges finished runs by thresholds; exits with 1 on a breach.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN.json", help="run records; later ones win")
    parser.add_argument("--thresholds", required=True, type=Path, help="what must hold: as loadtests/thresholds.yaml")
    parsed = parser.parse_args(arguments)
    try:
        runs = [RunRecord.read(path) for path in parsed.runs]
        thresholds = read_thresholds(parsed.thresholds)
    except (RunRecordError, ThresholdsError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    verdicts = judge(thresholds, [level for run in runs for level in run.levels])
    for verdict in verdicts:
        sys.stdout.write(verdict.said() + "\n")
    for path, run in zip(parsed.runs, runs, strict=True):
        if not run.finished:
            sys.stdout.write(f"BREACHED  {path}: not every generator process ran the whole plan\n")
    return HOLDS if all(each.holds for each in verdicts) and all(run.finished for run in runs) else BREACHED


if __name__ == "__main__":
    sys.exit(main())
