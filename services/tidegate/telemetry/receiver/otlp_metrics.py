"""OTLP metrics to points. Only what is cumulative can be shown as Prometheus shows it; the rest is rejected."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    DataPointFlags,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from tidegate.telemetry.receiver.payload import TRACE_ID_BYTES, MalformedPayload
from tidegate.telemetry.receiver.series import (
    Buckets,
    Labels,
    Point,
    SeriesKind,
    TracedValue,
    label_name,
    prometheus_name,
)

MAX_LABELS = 32
"""Per series; a point with more is rejected."""
MAX_LABEL_CHARACTERS = 256
"""Per value or name; the rest is cut off."""
MAX_BUCKETS = 256
"""Per histogram; a point with more is rejected."""

_JOB, _INSTANCE = "job", "instance"
"""What Prometheus calls `service.name` and `service.instance.id` (the specification named in `series.py`)."""
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


class _Malformed(Exception):
    """One point can't be shown; the others of its request can."""


@dataclass(frozen=True, slots=True)
class MetricsPayload:
    """What one export request held."""

    points: tuple[Point, ...]
    """Fit to be kept."""
    rejected: int
    """Points left out: not cumulative, of a kind that isn't known, or broken."""


def parse_metrics_protobuf(body: bytes) -> MetricsPayload:
    """Reads an `ExportMetricsServiceRequest`.

    Raises:
        MalformedPayload: These bytes aren't one.
    """
    try:
        return _payload(ExportMetricsServiceRequest.FromString(body))
    except DecodeError as error:
        raise MalformedPayload("not an ExportMetricsServiceRequest in protobuf") from error


def parse_metrics_json(body: bytes) -> MetricsPayload:
    """Reads an `ExportMetricsServiceRequest` in OTLP's JSON. Its ids differ from protobuf's JSON; none is read here.

    Raises:
        MalformedPayload: This text isn't one.
    """
    request = ExportMetricsServiceRequest()
    try:
        json_format.Parse(body, request, ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedPayload("not an ExportMetricsServiceRequest in JSON") from error
    return _payload(request)


def _payload(request: ExportMetricsServiceRequest) -> MetricsPayload:
    points: list[Point] = []
    rejected = 0
    for resource_metrics in request.resource_metrics:
        process = _process(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                for point in _points(metric, process):
                    if point is None:
                        rejected += 1
                    else:
                        points.append(point)
    return MetricsPayload(tuple(points), rejected)


def _points(metric: Metric, process: dict[str, str]) -> Iterator[Point | None]:
    field = metric.WhichOneof("data")
    if field is None:
        return
    data = getattr(metric, field)
    kind = _kind(metric, field)
    for each in data.data_points:
        if kind is None:
            yield None
        elif not each.flags & _NO_VALUE:
            try:
                yield _point(metric, kind, each, process)
            except _Malformed:
                yield None


def _kind(metric: Metric, field: str) -> SeriesKind | None:
    if field == "gauge":
        return SeriesKind.GAUGE
    if field == "sum" and metric.sum.aggregation_temporality == _CUMULATIVE:
        return SeriesKind.COUNTER if metric.sum.is_monotonic else SeriesKind.GAUGE
    if field == "histogram" and metric.histogram.aggregation_temporality == _CUMULATIVE:
        return SeriesKind.HISTOGRAM
    return None


def _point(
    metric: Metric, kind: SeriesKind, point: NumberDataPoint | HistogramDataPoint, process: dict[str, str]
) -> Point:
    if not metric.name:
        raise _Malformed
    return Point(
        name=prometheus_name(metric.name[:MAX_LABEL_CHARACTERS], metric.unit, kind),
        kind=kind,
        description=metric.description[:MAX_LABEL_CHARACTERS],
        labels=_labels(point.attributes, process),
        value=_buckets(point) if isinstance(point, HistogramDataPoint) else _number(point),
        time_ns=point.time_unix_nano,
    )


def _number(point: NumberDataPoint) -> float:
    return float(point.as_int) if point.WhichOneof("value") == "as_int" else point.as_double


def _buckets(point: HistogramDataPoint) -> Buckets:
    edges, counts = tuple(point.explicit_bounds), tuple(point.bucket_counts)
    if len(counts) > MAX_BUCKETS or len(counts) != len(edges) + 1 or sum(counts) != point.count:
        raise _Malformed
    if any(not low < high for low, high in pairwise(edges)):
        raise _Malformed
    lowest = point.min if point.HasField("min") else None
    highest = point.max if point.HasField("max") else None
    return Buckets(edges, counts, point.sum, lowest, highest, tuple(_traced(point)))


def _traced(point: HistogramDataPoint) -> Iterator[TracedValue]:
    for each in point.exemplars[:MAX_BUCKETS]:
        if len(each.trace_id) == TRACE_ID_BYTES:
            value = float(each.as_int) if each.WhichOneof("value") == "as_int" else each.as_double
            yield TracedValue(value, each.trace_id.hex(), each.time_unix_nano / 1e9)


def _labels(attributes: Iterable[KeyValue], process: dict[str, str]) -> Labels:
    own: dict[str, str] = {}
    for attribute in attributes:
        name = label_name(attribute.key[:MAX_LABEL_CHARACTERS])
        name = f"exported_{name}" if name in process else name
        value = _text(attribute.value)
        # Two names that differ only in what Prometheus doesn't allow: both values, as the specification says.
        own[name] = f"{own[name]};{value}" if name in own else value
    if len(own) > MAX_LABELS:
        raise _Malformed
    return tuple(sorted({**own, **process}.items()))


def _process(attributes: Iterable[KeyValue]) -> dict[str, str]:
    told = {attribute.key: _text(attribute.value) for attribute in attributes}
    return {_JOB: told.get("service.name", "unknown"), _INSTANCE: told.get("service.instance.id", "")}


def _text(value: AnyValue) -> str:
    field = value.WhichOneof("value")
    if field == "bool_value":
        return "true" if value.bool_value else "false"
    if field in {"string_value", "int_value", "double_value"}:
        return str(getattr(value, field))[:MAX_LABEL_CHARACTERS]
    return ""
