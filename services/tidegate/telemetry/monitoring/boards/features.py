"""Account signals: how current, how fast, and what happens to accounts on the way in."""

from tidegate.telemetry.monitoring.board import (
    RANGE,
    Board,
    Choice,
    Colour,
    Limit,
    Panel,
    Query,
    Row,
    Unit,
    mean,
    quantile,
    rate,
    share,
)
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, gauge, measured, total
from tidegate.telemetry.names import MetricName

_NAME = counter(MetricName.FEATURE_VALUES)
_VALUES = f'{_NAME}{{view=~"$view"}}'
_STALE = f'{_NAME}{{view=~"$view", freshness="STALE"}}'
_MISSING = f'{_NAME}{{view=~"$view", freshness="MISSING"}}'
_AGE = f'{buckets(MetricName.FEATURE_AGE)}{{view=~"$view"}}'
_LOOKUPS_NAME = counter(MetricName.FEATURE_LOOKUPS)
_UNKNOWN = f'{_LOOKUPS_NAME}{{known="false"}}'
_STAGE = '{stage="features"}'
_SIZE = MetricName.STAGE_BATCH_SIZE
_VISIBLE = buckets(MetricName.EVENT_VISIBLE)
_PSI = 'tidegate:feature_psi:1d{view=~"$view"}'
_MOST_MOVED = f"topk(8, max by (view, feature) (max_over_time({_PSI}[{RANGE}] @ end())))"
_PSI_LIMITS = (Limit(0.1, Colour.SOON), Limit(0.25, Colour.BAD))
_NO_REFERENCE = "no reference is installed: tidegate features reference"

_FRESHNESS = Row(
    "Freshness",
    (
        Panel(
            "Share STALE, by view",
            Unit.SHARE,
            (Query(share(_STALE, _VALUES, by="view"), "{{view}}"),),
            about="Older than the view allows: a writer or a source has stopped. From 5 % on it is a ticket.",
            limits=(Limit(0.05, Colour.BAD),),
        ),
        Panel(
            "Share MISSING, by view",
            Unit.SHARE,
            (Query(share(_MISSING, _VALUES, by="view"), "{{view}}"),),
            about="Also what nobody knows of a new account; all of it after a lookup that failed.",
        ),
        Panel("Values by freshness", Unit.PER_SECOND, (Query(rate(_VALUES, by="freshness"), "{{freshness}}"),)),
        Panel("Age at the decision, p90", Unit.SECONDS, (Query(quantile(0.9, _AGE, by="view"), "{{view}}"),)),
    ),
)

_LOOKUPS = Row(
    "Lookups",
    (
        Panel("Lookups by status", Unit.PER_SECOND, (Query(rate(_LOOKUPS_NAME, by="status"), "{{status}}"),)),
        Panel(
            "Lookup latency",
            Unit.SECONDS,
            tuple(
                Query(quantile(part, f'{buckets(MetricName.HOP_DURATION)}{{hop="features"}}'), f"p{100 * part:g}")
                for part in (0.5, 0.99)
            ),
        ),
        Panel(
            "Share of accounts that nothing is known of",
            Unit.SHARE,
            (Query(share(_UNKNOWN, _LOOKUPS_NAME)),),
        ),
        Panel(
            "Requests in a batch, mean", Unit.NUMBER, (Query(mean(measured(_SIZE) + _STAGE, total(_SIZE) + _STAGE)),)
        ),
        Panel("Waiting for a batch", Unit.NUMBER, (Query(f"sum({gauge(MetricName.STAGE_WAITING)}{_STAGE})"),)),
    ),
)

_EVENTS = Row(
    "Events",
    (
        Panel(
            "Until decisions see an event",
            Unit.SECONDS,
            tuple(Query(quantile(part, _VISIBLE), f"p{100 * part:g}") for part in (0.5, 0.99)),
            about="The promise is a second.",
            limits=(Limit(1.0, Colour.BAD),),
        ),
        Panel(
            "Events accepted, by kind",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.EVENTS_ACCEPTED), by="kind"), "{{kind}}"),),
            empty="no event has come since routers started",
        ),
        Panel(
            "Events refused, by reason",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.EVENTS_REFUSED), by="reason"), "{{reason}}"),),
            empty="none since routers started",
        ),
    ),
)

_ALL_KEPT = "all events are kept: signals.keep_events_days"

_EVENT_LOG = Row(
    "Event log",
    (
        Panel(
            "Size",
            Unit.BYTES,
            (
                Query(f"max({gauge(MetricName.EVENT_LOG_SIZE)})", "files"),
                Query(f"max({gauge(MetricName.EVENT_LOG_REUSABLE)})", "of these, free for new events"),
            ),
            about="The file never shrinks by itself. With retention it stops growing when as much goes as comes.",
        ),
        Panel(
            "Volume free",
            Unit.SHARE,
            (Query(f"min({gauge(MetricName.EVENT_LOG_VOLUME_FREE)} / {gauge(MetricName.EVENT_LOG_VOLUME)})"),),
            about="A full volume takes no events, and signals stand still. Below 15 % it is a ticket.",
            limits=(Limit(0.15, Colour.BAD),),
        ),
        Panel("Events removed", Unit.PER_SECOND, (Query(rate(counter(MetricName.EVENT_LOG_REMOVED))),)),
        Panel(
            "Since the oldest event, and since the last run",
            Unit.SECONDS,
            (
                Query(f"max({gauge(MetricName.EVENT_LOG_OLDEST)})", "oldest event"),
                Query(f"min({gauge(MetricName.EVENT_LOG_CLEANED)})", "last run through all accounts"),
            ),
            about="An account's first event stays, so the oldest may be very old.",
            empty=_ALL_KEPT,
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
            about="The signal of each view that moved furthest. 0.1 is a minor shift, 0.25 a major one.",
            limits=_PSI_LIMITS,
            empty=_NO_REFERENCE,
        ),
        Panel(
            "PSI against the reference, by signal",
            Unit.NUMBER,
            (Query(f"{_PSI} and on (view, feature) {_MOST_MOVED}", "{{view}} {{feature}}"),),
            about="The eight that moved furthest in all the time shown.",
            limits=_PSI_LIMITS,
            empty=_NO_REFERENCE,
        ),
    ),
)

FEATURES = Board(
    name="features",
    title="Account signals",
    about="How current account signals are, how fast they are looked up, and what comes in.",
    rows=(_FRESHNESS, _LOOKUPS, _EVENTS, _EVENT_LOG, _DRIFT),
    choices=(Choice("view", counter(MetricName.FEATURE_VALUES)),),
)
"""From events to what policies read."""
