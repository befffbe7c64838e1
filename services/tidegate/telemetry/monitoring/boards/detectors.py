"""Detectors: what they answer, how fast, in which batches, and what waits for them, down to Triton."""

from tidegate.telemetry.monitoring.board import RATE, Board, Choice, Panel, Query, Row, Unit, mean, quantile, rate
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, gauge, measured, total
from tidegate.telemetry.names import MetricName

_RUNS = f'{counter(MetricName.DETECTOR_RUNS)}{{detector=~"$detector"}}'
_RUN_RATE = rate(_RUNS, by="detector")
_BROKEN = f'{counter(MetricName.DETECTOR_RUNS)}{{detector=~"$detector", status=~"FAILED|TIMED_OUT"}}'
_DURATION = f'{buckets(MetricName.DETECTOR_DURATION)}{{detector=~"$detector"}}'
_SIZE = MetricName.STAGE_BATCH_SIZE
_CALLS = buckets(MetricName.STAGE_BATCH_DURATION)
_SEVERITIES = f'{counter(MetricName.DETECTOR_SEVERITIES)}{{detector=~"$detector"}}'

_ANSWERS = Row(
    "Answers",
    (
        Panel("Runs by detector", Unit.PER_SECOND, (Query(rate(_RUNS, by="detector"), "{{detector}}"),)),
        Panel("Runs by status", Unit.PER_SECOND, (Query(rate(_RUNS, by="status"), "{{status}}"),)),
        Panel(
            "Share failed or late",
            Unit.SHARE,
            (
                Query(
                    f"({rate(_BROKEN, by='detector')} or 0 * {_RUN_RATE}) / {_RUN_RATE}",
                    "{{detector}}",
                ),
            ),
        ),
    ),
)

_LATENCY = Row(
    "Latency",
    (
        Panel(
            "p99 by detector",
            Unit.SECONDS,
            (Query(quantile(0.99, _DURATION, by="detector"), "{{detector}}", traced=True),),
            about="From asking to answer. Next to nothing for a text that was scored before.",
        ),
        Panel("p50 by detector", Unit.SECONDS, (Query(quantile(0.5, _DURATION, by="detector"), "{{detector}}"),)),
        Panel("p99 of a batch's call", Unit.SECONDS, (Query(quantile(0.99, _CALLS, by="stage"), "{{stage}}"),)),
    ),
)

_BATCHES = Row(
    "Batches and queues",
    (
        Panel(
            "Requests in a batch, mean",
            Unit.NUMBER,
            (Query(mean(measured(_SIZE), total(_SIZE), by="stage"), "{{stage}}"),),
        ),
        Panel(
            "Waiting for a batch",
            Unit.NUMBER,
            (Query(f"sum by (stage) ({gauge(MetricName.STAGE_WAITING)})", "{{stage}}"),),
        ),
        Panel(
            "Batches under way",
            Unit.NUMBER,
            (Query(f"sum by (stage) ({gauge(MetricName.STAGE_UNDER_WAY)})", "{{stage}}"),),
        ),
        Panel(
            "Calls on replicas' hands",
            Unit.NUMBER,
            (Query(f"sum by (job) ({gauge(MetricName.ONGOING)})", "{{job}}"),),
        ),
        Panel(
            "Batches by outcome",
            Unit.PER_SECOND,
            (Query(rate(measured(MetricName.STAGE_BATCH_DURATION), by="stage, outcome"), "{{stage}} {{outcome}}"),),
        ),
    ),
)

_TRITON = Row(
    "Triton",
    (
        Panel(
            "Queue time ÷ compute time",
            Unit.NUMBER,
            (
                Query(
                    f"{rate('nv_inference_queue_duration_us', by='model')}"
                    f" / {rate('nv_inference_compute_infer_duration_us', by='model')}",
                    "{{model}}",
                ),
            ),
            about="What Triton is scaled by: above 1 requests wait longer than they are worked on.",
        ),
        Panel("Inferences", Unit.PER_SECOND, (Query(rate("nv_inference_count", by="model"), "{{model}}"),)),
        Panel(
            "Inferences in a batch, mean",
            Unit.NUMBER,
            (
                Query(
                    f"{rate('nv_inference_count', by='model')} / {rate('nv_inference_exec_count', by='model')}",
                    "{{model}}",
                ),
            ),
        ),
        Panel("Failures", Unit.PER_SECOND, (Query(rate("nv_inference_request_failure", by="model"), "{{model}}"),)),
        Panel("GPU busy", Unit.SHARE, (Query("nv_gpu_utilization", "{{gpu_uuid}}"),)),
        Panel("GPU memory", Unit.BYTES, (Query("nv_gpu_memory_used_bytes", "{{gpu_uuid}}"),)),
    ),
)

_SCORES = Row(
    "Scores",
    (
        Panel(
            "Share of severity 4 and more",
            Unit.SHARE,
            (
                Query(
                    f'sum by (detector, label) (rate({_SEVERITIES[:-1]}, severity=~"[4-7]"}}[{RATE}]))'
                    f" / {rate(_SEVERITIES, by='detector, label')}",
                    "{{detector}} {{label}}",
                ),
            ),
        ),
        Panel(
            "Drift: PSI of the last day against the week before",
            Unit.NUMBER,
            (Query("tidegate:severity_psi:1d", "{{detector}} {{version}} {{label}}"),),
            about="0.1 is a minor shift, 0.25 a major one.",
        ),
    ),
)

DETECTORS = Board(
    name="detectors",
    title="Detectors",
    about="What detectors answer, how fast, in which batches, and what waits for them, down to Triton.",
    rows=(_ANSWERS, _LATENCY, _BATCHES, _TRITON, _SCORES),
    choices=(Choice("detector", counter(MetricName.DETECTOR_RUNS)),),
)
"""From the router's queue to Triton."""
