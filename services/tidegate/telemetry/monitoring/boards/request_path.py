"""What callers get: how much, how fast, how complete, and whether promises are kept."""

from tidegate.telemetry.monitoring.board import Board, Choice, Panel, Query, Row, Unit, quantile, rate
from tidegate.telemetry.monitoring.burn_rates import BUDGET, BUDGET_LEFT, RATIO
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, gauge
from tidegate.telemetry.names import MetricName

_DECISIONS = f'{counter(MetricName.DECISIONS)}{{surface=~"$surface"}}'
_DEGRADED = f'{counter(MetricName.DEGRADED)}{{surface=~"$surface"}}'
_DURATION = f'{buckets(MetricName.DURATION)}{{surface=~"$surface"}}'
_HOPS = buckets(MetricName.HOP_DURATION)
_PARTIAL = f'{counter(MetricName.DECISIONS)}{{surface=~"$surface", completeness!="COMPLETE"}}'

_PROMISES = Row(
    "Promises",
    (
        Panel(
            "Error budget left, 30 days",
            Unit.SHARE,
            (Query(BUDGET_LEFT, "{{slo}}"),),
            about="Below zero the promise of the last 30 days is broken.",
            least=None,
        ),
        Panel(
            "Budget spent, times what lasts 30 days",
            Unit.NUMBER,
            (Query(f"{RATIO}:ratio_rate1h / on (slo) {BUDGET}", "{{slo}}, 1 h"),),
            about="14.4 pages in an hour, 6 in six hours; 1 spends all of it in 30 days.",
        ),
        Panel("Bad share, 5 min", Unit.SHARE, (Query(f"{RATIO}:ratio_rate5m", "{{slo}}"),)),
    ),
)

_RATE = Row(
    "Rate",
    (
        Panel(
            "Requests by gRPC status",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.REQUESTS), by="code"), "{{code}}"),),
        ),
        Panel("Decisions by action", Unit.PER_SECOND, (Query(rate(_DECISIONS, by="action"), "{{action}}"),)),
        Panel("Decisions by surface", Unit.PER_SECOND, (Query(rate(_DECISIONS, by="surface"), "{{surface}}"),)),
    ),
)

_ERRORS = Row(
    "Errors",
    (
        Panel(
            "Refusals by reason",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.REFUSALS), by="reason"), "{{reason}}"),),
        ),
        Panel(
            "Sent away by cause",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.ADMISSION_SHED), by="cause"), "{{cause}}"),),
            about="RESOURCE_EXHAUSTED with when to come back.",
        ),
    ),
)

_LATENCY = Row(
    "Latency",
    (
        Panel(
            "From request to answer",
            Unit.SECONDS,
            tuple(Query(quantile(share, _DURATION), f"p{100 * share:g}", traced=True) for share in (0.5, 0.95, 0.99)),
            about="A dot is a request with its trace.",
        ),
        Panel("p99 by hop", Unit.SECONDS, (Query(quantile(0.99, _HOPS, by="hop"), "{{hop}}", traced=True),)),
        Panel("p50 by hop", Unit.SECONDS, (Query(quantile(0.5, _HOPS, by="hop"), "{{hop}}"),)),
        Panel("p99 by surface", Unit.SECONDS, (Query(quantile(0.99, _DURATION, by="surface"), "{{surface}}"),)),
    ),
)

_COMPLETENESS = Row(
    "Completeness",
    (
        Panel(
            "Share decided without every signal",
            Unit.SHARE,
            (Query(f"({rate(_PARTIAL)} or vector(0)) / {rate(_DECISIONS)}"),),
            about="PARTIAL and FAILED in all decisions.",
        ),
        Panel(
            "What lacked a signal came to",
            Unit.PER_SECOND,
            (Query(rate(_DEGRADED, by="cause, outcome"), "{{cause}} {{outcome}}"),),
            about="OUTAGE LET_THROUGH is what must not be.",
        ),
    ),
)

_ROUTERS = Row(
    "Routers",
    (
        Panel(
            "On their hands",
            Unit.NUMBER,
            (
                Query(f'sum({gauge(MetricName.ONGOING)}{{job="tidegate-router"}})', "ongoing"),
                Query(f"sum({gauge(MetricName.ADMISSION_PLACES)})", "places"),
                Query(f"sum by (call) ({gauge(MetricName.ADMISSION_WAITING)})", "waiting, {{call}}"),
            ),
            about="Above its places a router lets requests wait. What routers are scaled by.",
        ),
        Panel("Load", Unit.SHARE, (Query("tidegate:router_load:ratio"),), about="1 is every place taken."),
        Panel(
            "Under way by router",
            Unit.NUMBER,
            (Query(gauge(MetricName.ADMISSION_UNDER_WAY), "{{instance}}"),),
            about="Uneven, if callers hold a few long connections past the proxy.",
        ),
    ),
)

REQUEST_PATH = Board(
    name="request-path",
    title="Request path",
    about="What callers get: how much, how fast, how complete, and whether promises are kept.",
    rows=(_PROMISES, _RATE, _ERRORS, _LATENCY, _COMPLETENESS, _ROUTERS),
    choices=(Choice("surface", counter(MetricName.DECISIONS)),),
)
"""The first one to look at."""
