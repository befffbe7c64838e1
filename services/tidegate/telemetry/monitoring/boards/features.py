"""Account signals: how current, how fast, and what happens to accounts on the way in."""

from tidegate.telemetry.monitoring.board import Board, Choice, Panel, Query, Row, Unit, mean, quantile, rate, shares
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, gauge, measured, total
from tidegate.telemetry.names import MetricName

_VALUES = f'{counter(MetricName.FEATURE_VALUES)}{{view=~"$view"}}'
_AGE = f'{buckets(MetricName.FEATURE_AGE)}{{view=~"$view"}}'
_STAGE = '{stage="features"}'
_SIZE = MetricName.STAGE_BATCH_SIZE
_VISIBLE = buckets(MetricName.EVENT_VISIBLE)

_FRESHNESS = Row(
    "Freshness",
    (
        Panel(
            "Share by view and freshness",
            Unit.SHARE,
            (
                Query(
                    shares(_VALUES, by="view, freshness", of="view"),
                    "{{view}} {{freshness}}",
                ),
            ),
            about="MISSING is also what nobody knows of a new account; STALE is an outage.",
        ),
        Panel("Values by freshness", Unit.PER_SECOND, (Query(rate(_VALUES, by="freshness"), "{{freshness}}"),)),
        Panel("Age at the decision, p90", Unit.SECONDS, (Query(quantile(0.9, _AGE, by="view"), "{{view}}"),)),
    ),
)

_LOOKUPS = Row(
    "Lookups",
    (
        Panel(
            "By status", Unit.PER_SECOND, (Query(rate(counter(MetricName.FEATURE_LOOKUPS), by="status"), "{{status}}"),)
        ),
        Panel(
            "Of known accounts",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.FEATURE_LOOKUPS), by="known"), "{{known}}"),),
        ),
        Panel(
            "Latency",
            Unit.SECONDS,
            tuple(
                Query(quantile(share, f'{buckets(MetricName.HOP_DURATION)}{{hop="features"}}'), f"p{100 * share:g}")
                for share in (0.5, 0.99)
            ),
        ),
        Panel(
            "Requests in a batch, mean",
            Unit.NUMBER,
            (Query(mean(measured(_SIZE) + _STAGE, total(_SIZE) + _STAGE)),),
        ),
        Panel("Waiting for a batch", Unit.NUMBER, (Query(f"sum({gauge(MetricName.STAGE_WAITING)}{_STAGE})"),)),
    ),
)

_EVENTS = Row(
    "Events",
    (
        Panel("Accepted", Unit.PER_SECOND, (Query(rate(counter(MetricName.EVENTS_ACCEPTED), by="kind"), "{{kind}}"),)),
        Panel(
            "Refused", Unit.PER_SECOND, (Query(rate(counter(MetricName.EVENTS_REFUSED), by="reason"), "{{reason}}"),)
        ),
        Panel(
            "Until decisions see them",
            Unit.SECONDS,
            tuple(Query(quantile(share, _VISIBLE), f"p{100 * share:g}") for share in (0.5, 0.99)),
            about="The promise is a second.",
        ),
    ),
)

_DRIFT = Row(
    "Drift",
    (
        Panel(
            "PSI against the reference, by view",
            Unit.NUMBER,
            (Query("tidegate:view_psi:1d", "{{view}}"),),
            about="The signal of each view that moved furthest. Needs an installed reference.",
        ),
        Panel(
            "PSI against the reference, by signal",
            Unit.NUMBER,
            (Query('topk(10, tidegate:feature_psi:1d{view=~"$view"})', "{{view}} {{feature}}"),),
        ),
    ),
)

FEATURES = Board(
    name="features",
    title="Account signals",
    about="How current account signals are, how fast they are looked up, and what comes in.",
    rows=(_FRESHNESS, _LOOKUPS, _EVENTS, _DRIFT),
    choices=(Choice("view", counter(MetricName.FEATURE_VALUES)),),
)
"""From events to what policies read."""
