"""The ledger: what could not be recorded, how long recording takes, and how much goes together."""

from tidegate.moderation.errors import Reason
from tidegate.telemetry.monitoring.board import Board, Panel, Query, Row, Unit, mean, quantile, rate
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, gauge, measured, total
from tidegate.telemetry.names import MetricName

_APPEND = f'{buckets(MetricName.HOP_DURATION)}{{hop="ledger"}}'
_COMMIT = MetricName.LEDGER_COMMIT_DURATION
_SIZE = MetricName.LEDGER_BATCH_SIZE
_UNAVAILABLE = f'{counter(MetricName.REFUSALS)}{{reason="{Reason.LEDGER_UNAVAILABLE}"}}'

_FAILURES = Row(
    "Failures",
    (
        Panel(
            "Records not durable, by cause",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.LEDGER_FAILURES), by="cause"), "{{cause}}"),),
            about="COMMIT: the store fails. TIMEOUT: it is slow. REFUSED: the queue is full, or a router is closing.",
        ),
        Panel(
            "Requests answered UNAVAILABLE",
            Unit.PER_SECOND,
            (Query(f"{rate(_UNAVAILABLE)} or vector(0)"),),
            about="An unrecorded decision is none: callers must ask again.",
        ),
    ),
)

_TIME = Row(
    "Time",
    (
        Panel(
            "From handing over until durable",
            Unit.SECONDS,
            (Query(quantile(0.5, _APPEND), "p50"), Query(quantile(0.99, _APPEND), "p99", traced=True)),
            about="What a request waits for.",
        ),
        Panel(
            "One transaction",
            Unit.SECONDS,
            tuple(Query(quantile(share, buckets(_COMMIT)), f"p{100 * share:g}") for share in (0.5, 0.99)),
            about="Slow here: the disk or the database. Slow only beside it: records wait for each other.",
        ),
    ),
)

_TOGETHER = Row(
    "Together",
    (
        Panel(
            "Records and transactions",
            Unit.PER_SECOND,
            (Query(rate(total(_SIZE)), "records"), Query(rate(measured(_COMMIT)), "transactions")),
        ),
        Panel("Records in a transaction, mean", Unit.NUMBER, (Query(mean(measured(_SIZE), total(_SIZE))),)),
        Panel("Records waiting", Unit.NUMBER, (Query(f"sum({gauge(MetricName.LEDGER_WAITING)})"),)),
    ),
)

LEDGER = Board(
    name="ledger",
    title="Ledger",
    about="What could not be recorded, how long recording takes, and how much goes together.",
    rows=(_FAILURES, _TIME, _TOGETHER),
)
"""Durable before the reply."""
