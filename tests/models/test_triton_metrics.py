"""What a real Triton counts: the names that dashboards and autoscaling ask for."""

import re
import urllib.request

import pytest

from tests.models.running_triton import RunningTriton
from tests.models.test_triton_process import logits
from tests.observability.test_dashboards import TRITON

pytestmark = pytest.mark.integration

OF_A_GPU = {name for name in TRITON if name.startswith("nv_gpu_")}
"""There is none here."""


def test_triton_counts_what_the_dashboards_ask_for_by_model(triton: RunningTriton) -> None:
    logits(triton.address, (101, 102))
    with urllib.request.urlopen(f"http://127.0.0.1:{triton.metrics_port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    # Not with the Python parser: it adds `_total` to Triton's counters, which Prometheus does not.
    counted = set(re.findall(r'^(nv_\w+)\{[^}]*model="text_harm"', text, re.MULTILINE))
    assert counted >= TRITON - OF_A_GPU, sorted(counted)
