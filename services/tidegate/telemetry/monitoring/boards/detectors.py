"""Detectors: what they answer, how fast, in which batches, and what waits for them, down to Triton."""

from tidegate.telemetry.monitoring.board import (
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

_RUNS = f'{counter(MetricName.DETECTOR_RUNS)}{{detector=~"$detector"}}'
_BROKEN = f'{counter(MetricName.DETECTOR_RUNS)}{{detector=~"$detector", status=~"FAILED|TIMED_OUT"}}'
_DURATION = f'{buckets(MetricName.DETECTOR_DURATION)}{{detector=~"$detector"}}'
_SIZE = MetricName.STAGE_BATCH_SIZE
_CALLS = buckets(MetricName.STAGE_BATCH_DURATION)
_SEVERE = f'{counter(MetricName.DETECTOR_SEVERITIES)}{{detector=~"$detector", severity=~"[4-7]"}}'
_SEVERITIES = f'{counter(MetricName.DETECTOR_SEVERITIES)}{{detector=~"$detector"}}'

_NO_TRITON = "no metrics of Triton: one machine's has them off"
NO_GPU = "Triton tells of no GPU"
"""Where there is none."""

_ANSWERS = Row(
    "Answers",
    (
        Panel(
            "Share failed or late, by detector",
            Unit.SHARE,
            (Query(share(_BROKEN, _RUNS, by="detector"), "{{detector}}"),),
            about="From 2 % on it is a ticket.",
            limits=(Limit(0.02, Colour.BAD),),
        ),
        Panel(
            "Runs by status",
            Unit.PER_SECOND,
            (Query(rate(_RUNS, by="status"), "{{status}}"),),
            about="Of every part that a detector was asked about, or would have been.",
        ),
        Panel("Runs by detector", Unit.PER_SECOND, (Query(rate(_RUNS, by="detector"), "{{detector}}"),)),
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
        Panel(
            "p99 of a batch's call, by stage", Unit.SECONDS, (Query(quantile(0.99, _CALLS, by="stage"), "{{stage}}"),)
        ),
    ),
)

_BATCHES = Row(
    "Batches and queues",
    (
        Panel(
            "Requests in a batch, mean, by stage",
            Unit.NUMBER,
            (Query(mean(measured(_SIZE), total(_SIZE), by="stage"), "{{stage}}"),),
        ),
        Panel(
            "Waiting for a batch, by stage",
            Unit.NUMBER,
            (Query(f"sum by (stage) ({gauge(MetricName.STAGE_WAITING)})", "{{stage}}"),),
        ),
        Panel(
            "Batches under way, by stage",
            Unit.NUMBER,
            (Query(f"sum by (stage) ({gauge(MetricName.STAGE_UNDER_WAY)})", "{{stage}}"),),
        ),
        Panel(
            "Calls on replicas' hands, by service",
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
            limits=(Limit(1.0, Colour.BAD),),
            empty=_NO_TRITON,
        ),
        Panel(
            "Inferences",
            Unit.PER_SECOND,
            (Query(rate("nv_inference_count", by="model"), "{{model}}"),),
            empty=_NO_TRITON,
        ),
        Panel(
            "Inferences in a batch, mean",
            Unit.NUMBER,
            (Query(mean("nv_inference_exec_count", "nv_inference_count", by="model"), "{{model}}"),),
            empty=_NO_TRITON,
        ),
        Panel(
            "Failed inferences",
            Unit.PER_SECOND,
            (Query(rate("nv_inference_request_failure", by="model"), "{{model}}"),),
            empty=_NO_TRITON,
        ),
        Panel(
            "GPU busy",
            Unit.SHARE,
            (Query("nv_gpu_utilization", "{{gpu_uuid}}"),),
            about="A full batch uses all of one at any load: queue time tells more.",
            empty=NO_GPU,
        ),
        Panel("GPU memory", Unit.BYTES, (Query("nv_gpu_memory_used_bytes", "{{gpu_uuid}}"),), empty=NO_GPU),
    ),
)

_SCORES = Row(
    "Scores",
    (
        Panel(
            "Share of severity 4 and more, by label",
            Unit.SHARE,
            (Query(share(_SEVERE, _SEVERITIES, by="detector, label"), "{{detector}} {{label}}"),),
            about="Of scores from 0 to 7.",
        ),
        Panel(
            "Drift: PSI of the last day against the week before",
            Unit.NUMBER,
            (Query("tidegate:severity_psi:1d", "{{detector}} {{version}} {{label}}"),),
            about="0.1 is a minor shift, 0.25 a major one.",
            limits=(Limit(0.1, Colour.SOON), Limit(0.25, Colour.BAD)),
            empty="needs scores of the week before",
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
