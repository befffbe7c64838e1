"""What a person sees. To renew a golden file after a deliberate change, write what the failing test printed."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.telemetry.waterfall_samples import A, made, trace_of_the_batchs_other_request, whole_trace
from tidegate.telemetry.drawing import draw
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.span_record import SpanStatus
from tidegate.telemetry.waterfall import Waterfall, build_waterfall

GOLDEN = Path(__file__).parent / "golden"


def drawn(waterfall: Waterfall, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(draw(waterfall, width=width))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def odd_trace() -> Waterfall:
    """A read that timed out and went on, a detector stage whose clock is behind, a lost span."""
    spans = []
    for span in whole_trace():
        if span.name == SpanName.FEATURES_ONLINE_READ:
            attributes = {"error.type": "TimeoutError"}
            late_ns = span.end_ns + 4_000_000
            spans.append(replace(span, status=SpanStatus.ERROR, attributes=attributes, end_ns=late_ns))
        elif span.service in {"tidegate-text", "tidegate-triton"}:
            spans.append(replace(span, start_ns=span.start_ns - 40_000_000, end_ns=span.end_ns - 40_000_000))
        elif span.name != SpanName.CLIENT_MODERATE:
            spans.append(span)
    return build_waterfall(spans)


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("sample", ["whole", "shared", "odd"])
def test_the_drawing_is_the_golden_one(sample: str, width: int) -> None:
    waterfalls = {
        "whole": build_waterfall(whole_trace()),
        "shared": build_waterfall(trace_of_the_batchs_other_request(), {A: whole_trace()}),
        "odd": odd_trace(),
    }
    assert drawn(waterfalls[sample], width) == (GOLDEN / f"{sample}_{width}.txt").read_text()


@pytest.mark.parametrize("width", [20, 40, 60, 79, 300])
def test_no_width_is_too_narrow_or_too_wide(width: int) -> None:
    lines = drawn(build_waterfall(whole_trace()), width).splitlines()
    assert max(len(line) for line in lines) <= width


def test_markup_in_names_is_shown_as_it_is() -> None:
    span = made("[red]name[/red]", span_id=1, at_ms=0, ms=1, service="[blink]x")
    text = drawn(build_waterfall([span]), 100)
    assert "[red]name[/red]" in text
    assert "[blink]x" in text
