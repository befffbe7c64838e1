"""What an item costs: CPU time and memory by service, replicas, and money at a given price."""

from tidegate.telemetry.monitoring.board import RATE, Amount, Board, Colour, Limit, Panel, Query, Row, Unit, rate
from tidegate.telemetry.monitoring.boards.detectors import NO_GPU
from tidegate.telemetry.monitoring.prometheus_names import counter, gauge
from tidegate.telemetry.names import MetricName

_CPU = counter(MetricName.PROCESS_CPU)
_OURS = f'{_CPU}{{job=~"tidegate-.*"}}'
_MEMORY = f'{gauge(MetricName.PROCESS_MEMORY)}{{job=~"tidegate-.*"}}'
_ITEMS = f'{counter(MetricName.REQUESTS)}{{code="OK"}}'
_NOT_TRITON = "Triton's processes are not in it: see the container metrics of its pods."

_ITEM = Row(
    "Per item",
    (
        Panel("CPU time of an item", Unit.SECONDS, (Query(f"{rate(_OURS)} / {rate(_ITEMS)}"),), about=_NOT_TRITON),
        Panel(
            "CPU time of an item, by service",
            Unit.SECONDS,
            (Query(f"{rate(_OURS, by='job')} / on () group_left () {rate(_ITEMS)}", "{{job}}"),),
            about="Idle processes take CPU time too: at low rates most of it is theirs.",
        ),
        Panel(
            "Price of a million items",
            Unit.NUMBER,
            (Query(f"1e6 * $core_hour_price / 3600 * {rate(_OURS)} / {rate(_ITEMS)}", "CPU"),),
            about=f"In the currency of the price above. {_NOT_TRITON}",
        ),
    ),
)

_USE = Row(
    "Use",
    (
        Panel("CPU by service", Unit.CORES, (Query(rate(_OURS, by="job"), "{{job}}"),)),
        Panel(
            "Busiest process of each service",
            Unit.CORES,
            (Query(f"max by (job) (rate({_OURS}[{RATE}]))", "{{job}}"),),
            about="A Python process ends at about one core.",
            limits=(Limit(1.0, Colour.BAD),),
        ),
        Panel(
            "Memory by service",
            Unit.BYTES,
            (Query(f"sum by (job) ({_MEMORY})", "{{job}}"),),
            about="Shared pages count in each process.",
        ),
        Panel(
            "Replicas, by service", Unit.NUMBER, (Query(f"count by (job) ({gauge(MetricName.ONGOING)})", "{{job}}"),)
        ),
        Panel("Items decided", Unit.PER_SECOND, (Query(rate(_ITEMS)),)),
        Panel(
            "GPU busy",
            Unit.SHARE,
            (Query("nv_gpu_utilization", "{{gpu_uuid}}"),),
            about="A busy GPU is no reason to scale; queue time is.",
            empty=NO_GPU,
        ),
    ),
)

COST = Board(
    name="cost",
    title="Cost",
    about="What an item costs: CPU time and memory by service, replicas, and money at a given price.",
    rows=(_ITEM, _USE),
    amounts=(Amount("core_hour_price", "price of a core for an hour", "0.04"),),
)
"""Beside `tidegate capacity`, which reckons from measurements."""
