"""A run as a table for terminals."""

import math

from loadtests.locust.run_record import RunRecord

_HEAD = (
    f"{'level':16} {'offered':>8} {'sent/s':>8} {'good/s':>8} {'good':>6}"
    f" {'p50':>7} {'p95':>7} {'p99':>7} {'p99 from send':>14} {'shed':>6} {'errors':>7} {'generator':>10}\n"
)


def table_of(run: RunRecord) -> str:
    """One line for each level; latencies in milliseconds from the intended start unless said otherwise."""
    lines = [
        f"{run.loop} loop, {run.mix}, offered in {run.offered_in}, budget {run.budget_ms:g} ms, latencies in ms\n",
        _HEAD,
    ]
    for level in run.levels:
        cpu = "" if math.isnan(level.cpu_share) else f"{level.cpu_share:.0%}"
        lines.append(
            f"{level.name:16} {level.offered:8.1f} {level.arrivals / level.duration_s:8.1f}"
            f" {level.goodput_per_s:8.1f} {level.good_share:6.1%} {level.from_intended.p50_ms:7.1f}"
            f" {level.from_intended.p95_ms:7.1f} {level.from_intended.p99_ms:7.1f} {level.from_send.p99_ms:14.1f}"
            f" {level.sheds:6d} {level.errors:7d} {cpu:>10}\n"
        )
    lines += [f"warning: {each}\n" for each in run.warnings]
    if not run.finished:
        lines.append("warning: not every generator process ran the whole plan; these results are not complete\n")
    return "".join(lines)
