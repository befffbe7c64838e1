"""The ledger: how long recording takes, how much goes together, and what could not be recorded."""

from tidegate.moderation.errors import Reason
from tidegate.telemetry.monitoring.board import Board, Panel, Query, Row, Unit, mean, quantile, rate
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, gauge, measured, total
from tidegate.telemetry.names import MetricName

_APPEND = f'{buckets(MetricName.HOP_DURATION)}{{hop="ledger"}}'
_COMMIT = MetricName.LEDGER_COMMIT_DURATION
_SIZE = MetricName.LEDGER_BATCH_SIZE
_SHARES = (0.5, 0.99)
_UNAVAILABLE = f'{counter(MetricName.REFUSALS)}{{reason="{Reason.LEDGER_UNAVAILABLE}"}}'

_TIME = Row(
    "Time",
    (
        Panel(
            "From handing over until durable",
            Unit.SECONDS,
            tuple(Query(quantile(share, _APPEND), f"p{100 * share:g}", traced=True) for share in _SHARES),
            about="What a request waits for.",
        ),
        Panel(
            "One transaction",
            Unit.SECONDS,
            tuple(Query(quantile(share, buckets(_COMMIT)), f"p{100 * share:g}") for share in _SHARES),
        ),
    ),
)

_TOGETHER = Row(
    "Together",
    (
        Panel("Records", Unit.PER_SECOND, (Query(rate(total(_SIZE))),)),
        Panel("Transactions", Unit.PER_SECOND, (Query(rate(measured(_COMMIT))),)),
        Panel("Records in a transaction, mean", Unit.NUMBER, (Query(mean(measured(_SIZE), total(_SIZE))),)),
        Panel("Waiting", Unit.NUMBER, (Query(f"sum({gauge(MetricName.LEDGER_WAITING)})"),)),
    ),
)

_FAILURES = Row(
    "Failures",
    (
        Panel(
            "Not durable, by cause",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.LEDGER_FAILURES), by="cause"), "{{cause}}"),),
        ),
        Panel("Requests answered UNAVAILABLE", Unit.PER_SECOND, (Query(f"{rate(_UNAVAILABLE)} or vector(0)"),)),
    ),
)

LEDGER = Board(
    name="ledger",
    title="Ledger",
    about="How long recording takes, how much goes together, and what could not be recorded.",
    rows=(_TIME, _TOGETHER, _FAILURES),
)
"""Durable before the reply."""
