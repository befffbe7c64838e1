"""What callers get: how much, how fast, how complete, and whether promises are kept."""

from tidegate.telemetry.monitoring.board import (
    Board,
    Choice,
    Colour,
    Limit,
    Look,
    Panel,
    Query,
    Row,
    Unit,
    quantile,
    rate,
)
from tidegate.telemetry.monitoring.burn_rates import BUDGET, BUDGET_LEFT, BURNS, RATIO
from tidegate.telemetry.monitoring.objectives import LATENCY_S
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, gauge
from tidegate.telemetry.names import MetricName

_DECISIONS = f'{counter(MetricName.DECISIONS)}{{surface=~"$surface"}}'
_DEGRADED = f'{counter(MetricName.DEGRADED)}{{surface=~"$surface"}}'
_DURATION = f'{buckets(MetricName.DURATION)}{{surface=~"$surface"}}'
_HOPS = buckets(MetricName.HOP_DURATION)
_PARTIAL = f'{counter(MetricName.DECISIONS)}{{surface=~"$surface", completeness!="COMPLETE"}}'
_REQUESTS = counter(MetricName.REQUESTS)

_FIRING = 'ALERTS{alertstate="firing", alertname=~"Tidegate.+"}'
_NONE_FIRES = 'label_replace(vector(0), "alertname", "none", "", "")'
_BURN = f"{RATIO}:ratio_rate1h / on (slo) {BUDGET}"
_BURN_LIMITS = tuple(
    Limit(BURNS[place].rate, colour) for place, colour in ((-1, Colour.SOON), (1, Colour.BAD), (0, Colour.WORST))
)
_SLOW = Limit(LATENCY_S, Colour.BAD)
_FULL = Limit(1.0, Colour.BAD)


def _firing(severity: str) -> str:
    alerts = f'ALERTS{{alertstate="firing", alertname=~"Tidegate.+", severity="{severity}"}}'
    return f"count(count by (alertname) ({alerts})) or vector(0)"


_NOW = Row(
    "Now",
    (
        Panel(
            "Alerts that fire",
            Unit.NUMBER,
            (Query(_firing("page"), "pages"), Query(_firing("ticket"), "tickets")),
            about="By name: see beneath which. What each means and what to do is in observability/runbooks.",
            limits=(Limit(1, Colour.WORST),),
            look=Look.NUMBERS,
            columns=4,
        ),
        Panel("Requests", Unit.PER_SECOND, (Query(rate(_REQUESTS)),), look=Look.NUMBERS, columns=3),
        Panel(
            "p99 of an answer",
            Unit.SECONDS,
            (Query(quantile(0.99, _DURATION)),),
            limits=(_SLOW,),
            look=Look.NUMBERS,
            columns=3,
        ),
        Panel(
            "Load of routers",
            Unit.SHARE,
            (Query("tidegate:router_load:ratio"),),
            limits=(_FULL,),
            look=Look.NUMBERS,
            columns=3,
        ),
        Panel(
            "Budget spent in the last hour, times what lasts 30 days",
            Unit.NUMBER,
            (Query(_BURN, "{{slo}}"),),
            about="At 1 it lasts just 30 days; from 14.4 on it pages. The promises are in observability/README.md.",
            limits=_BURN_LIMITS,
            look=Look.NUMBERS,
            columns=11,
        ),
    ),
)

_PROMISES = Row(
    "Promises",
    (
        Panel(
            "Firing, by alert",
            Unit.NUMBER,
            (Query(f"count by (alertname) ({_FIRING}) or on () {_NONE_FIRES}", "{{alertname}}"),),
            about="How many of each: an objective's alert fires by window, others by detector, view or cause.",
        ),
        Panel(
            "Bad share, 5 min",
            Unit.SHARE,
            (Query(f"{RATIO}:ratio_rate5m", "{{slo}}"),),
            about="Of requests, decisions or values, as the promise says. What is wrong now, not what was an hour ago.",
        ),
        Panel(
            "Budget spent, times what lasts 30 days",
            Unit.NUMBER,
            (Query(_BURN, "{{slo}}, 1 h"),),
            about="14.4 pages in an hour, 6 in six hours; 1 spends all of it in 30 days.",
            limits=_BURN_LIMITS,
        ),
        Panel(
            "Error budget left, 30 days",
            Unit.SHARE,
            (Query(BUDGET_LEFT, "{{slo}}"),),
            about="Below zero the promise of the last 30 days is broken; what is below -100 % is not drawn.",
            least=-1.0,
            limits=(Limit(0.0, Colour.WORST),),
        ),
    ),
)

_RATE = Row(
    "Rate",
    (
        Panel("Requests by gRPC status", Unit.PER_SECOND, (Query(rate(_REQUESTS, by="code"), "{{code}}"),)),
        Panel("Decisions by action", Unit.PER_SECOND, (Query(rate(_DECISIONS, by="action"), "{{action}}"),)),
        Panel("Decisions by surface", Unit.PER_SECOND, (Query(rate(_DECISIONS, by="surface"), "{{surface}}"),)),
    ),
)

_ERRORS = Row(
    "Errors and missing signals",
    (
        Panel(
            "Refusals by reason",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.REFUSALS), by="reason"), "{{reason}}"),),
            about="INVALID_REQUEST is the caller's; OVERLOADED, LEDGER_UNAVAILABLE and INTERNAL are ours.",
            empty="none since routers started",
        ),
        Panel(
            "Sent away by cause",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.ADMISSION_SHED), by="cause"), "{{cause}}"),),
            about="RESOURCE_EXHAUSTED with when to come back.",
        ),
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

_LATENCY = Row(
    "Latency",
    (
        Panel(
            "From request to answer",
            Unit.SECONDS,
            (
                *(Query(quantile(share, _DURATION), f"p{100 * share:g}") for share in (0.5, 0.95)),
                Query(quantile(0.99, _DURATION), "p99", traced=True),
            ),
            about="A dot is a request with its trace. The promise is 0.5 s for all but 1 % of what has no audio.",
            limits=(_SLOW,),
        ),
        Panel(
            "p99 by surface",
            Unit.SECONDS,
            (Query(quantile(0.99, _DURATION, by="surface"), "{{surface}}"),),
            limits=(_SLOW,),
        ),
        Panel(
            "p99 by hop",
            Unit.SECONDS,
            (Query(quantile(0.99, _HOPS, by="hop"), "{{hop}}"),),
            about="gather is the longest of text, images, speech and features, which go on beside each other.",
        ),
        Panel("p50 by hop", Unit.SECONDS, (Query(quantile(0.5, _HOPS, by="hop"), "{{hop}}"),)),
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
        Panel(
            "Load",
            Unit.SHARE,
            (Query("tidegate:router_load:ratio"),),
            about="1 is every place taken.",
            limits=(_FULL,),
        ),
        Panel(
            "Under way by router",
            Unit.NUMBER,
            (
                Query(gauge(MetricName.ADMISSION_UNDER_WAY), "{{instance}}"),
                Query(gauge(MetricName.ADMISSION_LIMIT), "most, {{instance}}"),
            ),
            about="Uneven, if callers hold a few long connections past the proxy. The most falls while work is slow.",
        ),
    ),
)

REQUEST_PATH = Board(
    name="request-path",
    title="Request path",
    about="Look here first. What callers get: how much, how fast, how complete, and whether promises are kept.",
    rows=(_NOW, _PROMISES, _RATE, _ERRORS, _LATENCY, _ROUTERS),
    choices=(Choice("surface", counter(MetricName.DECISIONS)),),
)
"""The first one to look at."""
