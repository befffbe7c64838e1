"""Which tests run beside which, by place: `conftest.py` marks them so, `everything.py` runs them so.

Whatever is named nowhere runs alone, so a new test is slow at worst. The longest place that fits counts.
"""

from enum import StrEnum
from pathlib import Path

TESTS = Path(__file__).parent


class Group(StrEnum):
    """How tests of a place run; also the name of their marker, but for `ALONE`, which has none."""

    ALONE = "alone"
    """One after the other, with the machine for themselves: whole stacks, and what has budgets of milliseconds."""
    BESIDE = "beside"
    """Two at a time. They start servers on free ports, and wait for conditions, not for a time."""
    LIGHT = "light"
    """Two at a time, while others run, on what these leave of the cores. They only compute, in folders of their own."""


LIGHT = (
    "capacity",
    "cli/test_capacity_command.py",
    "cli/test_check_config.py",
    "cli/test_decision_reasons.py",
    "cli/test_decision_view.py",
    "cli/test_item_file.py",
    "cli/test_main.py",
    "cli/test_steps.py",
    "client/test_errors.py",
    "client/test_imports.py",
    "client/test_items.py",
    "contract",
    "data_quality",
    "detectors",
    "enrichment/test_freshness.py",
    "enrichment/test_value_encoding.py",
    "features",
    "k8s",
    "ledger/test_memory_adapter.py",
    "ledger/test_postgres_locks.py",
    "ledger/test_record_format.py",
    "ledger/test_record_outline.py",
    "ledger/test_replay.py",
    "ledger/test_verify.py",
    "loadtests",
    "models",
    "moderation",
    "observability",
    "policy",
    "serving/test_places.py",
    "telemetry/test_drawing.py",
    "telemetry/test_names.py",
    "telemetry/test_otlp_json.py",
    "telemetry/test_waterfall.py",
    "test_groups.py",
    "test_pages.py",
    "test_sqlite_openers.py",
    "training_sets",
)

TRITON = (
    "detectors/test_image_faults.py",
    "detectors/test_image_triton.py",
    "k8s/test_triton_process.py",
    "models/test_triton_metrics.py",
    "models/test_triton_process.py",
    "serving/test_real_shadow.py",
    "serving/test_real_stages.py",
)
"""Beside others, but one after the other: each start writes the model repository in `build/` anew."""

BESIDE = (
    *TRITON,
    "accounts",
    "cli",
    "client/test_aio_stream.py",
    "client/test_event_streams.py",
    "client/test_events.py",
    "client/test_resets.py",
    "client/test_retry.py",
    "client/test_stream.py",
    "client/test_stream_kills.py",
    "client/test_tracing.py",
    "detectors/test_banks_postgres.py",
    "detectors/test_banks_shared_stores.py",
    "detectors/test_banks_store.py",
    "detectors/test_banks_upgrades.py",
    "enrichment/test_feast_adapter.py",
    "enrichment/test_feast_adapter_spans.py",
    "enrichment/test_online_reads.py",
    "enrichment/test_row_sources.py",
    "features/batch/test_compute.py",
    "features/stream",
    "features/test_redis_wire.py",
    "ledger/test_export.py",
    "ledger/test_followers.py",
    "ledger/test_ledger_commands.py",
    "ledger/test_ledger_processes.py",
    "ledger/test_postgres_adapter.py",
    "ledger/test_postgres_chain.py",
    "ledger/test_postgres_failover.py",
    "ledger/test_retention.py",
    "ledger/test_retention_readers.py",
    "ledger/test_sqlite_adapter.py",
    "loadtests/baselines",
    "loadtests/test_campaign.py",
    "loadtests/test_corpus.py",
    "loadtests/test_long_clip.py",
    "observability/test_collector.py",
    "observability/test_preview.py",
    "observability/test_scraping.py",
    "serving",
    "telemetry/test_receiver_process.py",
)

ALONE = (
    "cli/test_stack_start.py",
    "detectors/test_real_triton.py",
    "detectors/test_triton_adapter.py",
    "loadtests/compare",
    "loadtests/test_open_loop.py",
    "models/test_runtime.py",
    "serving/test_admission.py",
    "training_sets/test_running_signals.py",
)
"""Places within others that look at the clock."""

_GROUPS = {
    **dict.fromkeys(ALONE, Group.ALONE),
    **dict.fromkeys(BESIDE, Group.BESIDE),
    **dict.fromkeys(LIGHT, Group.LIGHT),
}


def group_of(path: Path) -> Group:
    """The group of a file."""
    if not path.is_relative_to(TESTS):
        return Group.ALONE
    within = path.relative_to(TESTS)
    found = (_GROUPS.get(str(place)) for place in (within, *within.parents))
    return next((group for group in found if group), Group.ALONE)


def served_together(path: Path) -> str:
    """The name of what one process has to run: a file, or all files that use the same model repository."""
    within = str(path.relative_to(TESTS))
    return "triton" if within in TRITON else within
