"""Declared metrics as Prometheus sees them: what rules and dashboards may ask for."""

from tidegate.telemetry.names import MetricName

_SECONDS = frozenset(
    {
        MetricName.DURATION,
        MetricName.HOP_DURATION,
        MetricName.DETECTOR_DURATION,
        MetricName.FEATURE_AGE,
        MetricName.STAGE_BATCH_DURATION,
        MetricName.LEDGER_COMMIT_DURATION,
        MetricName.EVENT_VISIBLE,
    }
)
_SIZES = frozenset({MetricName.STAGE_BATCH_SIZE, MetricName.LEDGER_BATCH_SIZE})
_GAUGES = frozenset(
    {
        MetricName.FEATURE_REFERENCE,
        MetricName.STAGE_WAITING,
        MetricName.STAGE_UNDER_WAY,
        MetricName.ADMISSION_WAITING,
        MetricName.ADMISSION_UNDER_WAY,
        MetricName.ADMISSION_LIMIT,
        MetricName.ADMISSION_PLACES,
        MetricName.ONGOING,
        MetricName.LEDGER_WAITING,
    }
)
_GAUGED_BYTES = frozenset(
    {
        MetricName.PROCESS_MEMORY,
        MetricName.EVENT_LOG_SIZE,
        MetricName.EVENT_LOG_REUSABLE,
        MetricName.EVENT_LOG_VOLUME,
        MetricName.EVENT_LOG_VOLUME_FREE,
    }
)
_GAUGED_SECONDS = frozenset({MetricName.EVENT_LOG_OLDEST, MetricName.EVENT_LOG_CLEANED})


def counter(name: MetricName) -> str:
    """The series of a counter."""
    return f"{_plain(name)}_seconds_total" if name is MetricName.PROCESS_CPU else f"{_plain(name)}_total"


def gauge(name: MetricName) -> str:
    """The series of a gauge."""
    if name in _GAUGED_BYTES:
        return f"{_plain(name)}_bytes"
    return f"{_plain(name)}_seconds" if name in _GAUGED_SECONDS else _plain(name)


def buckets(name: MetricName) -> str:
    """The series of a histogram's buckets."""
    return f"{_family(name)}_bucket"


def measured(name: MetricName) -> str:
    """The series of how many a histogram has measured."""
    return f"{_family(name)}_count"


def total(name: MetricName) -> str:
    """The series of the sum of what a histogram has measured."""
    return f"{_family(name)}_sum"


def series(name: MetricName) -> frozenset[str]:
    """All series of a metric."""
    if name in _SECONDS or name in _SIZES:
        return frozenset({buckets(name), measured(name), total(name)})
    return frozenset({gauge(name) if name in _GAUGES | _GAUGED_BYTES | _GAUGED_SECONDS else counter(name)})


def _family(name: MetricName) -> str:
    return f"{_plain(name)}_seconds" if name in _SECONDS else _plain(name)


def _plain(name: MetricName) -> str:
    return name.replace(".", "_")
