from collections.abc import Mapping

import pytest

from loadtests.compare import contenders as who
from loadtests.compare.bare_triton import BareSample
from loadtests.compare.equality import Agreement
from loadtests.compare.findings import SHARED, Findings
from loadtests.compare.measuring import Measured, Sample
from loadtests.compare.policy_cost import PolicyCost
from loadtests.compare.processes import Memory
from loadtests.compare.schedule import STREAMS, WINDOW, Detector, Tracing
from loadtests.compare.verdicts import rows
from tidegate.models.evaluation.bench_row import Row


def cell(contender: str, rate: float, **given: object) -> Measured:
    """One sample, at 32 callers and with the cheap detector unless told otherwise."""
    fields: dict[str, object] = {
        "detector": Detector.CHEAP,
        "kind": "unary",
        "in_flight": 32,
        "note": "",
        "repeat": 1,
        "p50_ms": 10.0,
        "p95_ms": 20.0,
        "p99_ms": 30.0,
        "errors": 0,
        "thin_share": 0.0,
        "repeated": 0,
        "others_cores": 0.0,
        "cpu_ms_per_item": {"router": 2.0, "load generator": 1.0},
    }
    return Measured(Sample(contender=contender, items_per_s=rate, **{**fields, **given}), [])  # type: ignore[arg-type]  # as named


def found() -> Findings:
    """A comparison in which every target is met, just so."""
    streams = {"kind": "stream", "in_flight": STREAMS * WINDOW}
    cells = [
        cell(who.HANDWRITTEN, 100.0),
        cell(who.NAIVE, 30.0),
        cell(who.DISTRIBUTED, 130.0),
        cell(who.COLOCATED, 180.0),
        cell(who.DISTRIBUTED, 500.0, **streams),
        cell(who.COLOCATED, 500.0, **streams),
        cell(who.DISTRIBUTED, 80.0, detector=Detector.REAL, **streams),
        cell(who.COLOCATED, 80.0, detector=Detector.REAL, **streams),
        cell(who.HANDWRITTEN, 50.0, in_flight=1, p50_ms=10.0),
        cell(who.DISTRIBUTED, 50.0, in_flight=1, p50_ms=18.0),
        cell(who.COLOCATED, 50.0, in_flight=1, p50_ms=11.0),
        cell(who.DISTRIBUTED, 100.0, note=Tracing.OFF),
        cell(who.DISTRIBUTED, 94.0, note=Tracing.SOME),
        cell(who.DISTRIBUTED, 100.0, note=Tracing.SOME),
        cell(who.DISTRIBUTED, 85.0, note=Tracing.ALL),
        cell(who.DISTRIBUTED_UNRECORDED, 140.0),
    ]
    return Findings(
        cells=cells,
        bare=[BareSample(Detector.REAL, rows, 1, texts) for rows, texts in ((1, 60.0), (32, 100.0))],
        memory={who.DISTRIBUTED: Memory(9_000.0, 2_000.0), SHARED: Memory(900.0, 560.0)},
        agreement={who.HANDWRITTEN: Agreement(50, 50, "")},
        policy=PolicyCost(0.3, 0.33, 9.0),
    )


def judged(findings: Findings) -> Mapping[str, Row]:
    """Rows that have a target, by measure."""
    return {row.measure: row for row in rows(findings) if row.target is not None}


def test_all_targets_hold_where_each_is_just_met() -> None:
    missed = [row for row in judged(found()).values() if not row.holds]
    assert not missed
    assert len(judged(found())) == 17


@pytest.mark.parametrize(
    ("contender", "rate", "measure"),
    [
        (who.DISTRIBUTED, 129.0, "items/s, 32 callers, cheap detector: distributed ÷ hand-written"),
        (who.COLOCATED, 179.0, "items/s, 32 callers, cheap detector: colocated ÷ hand-written"),
        (who.NAIVE, 33.0, "items/s, 32 callers, cheap detector: distributed ÷ naive Serve"),
        (
            who.DISTRIBUTED_UNRECORDED,
            150.0,
            "items/s, 32 callers, cheap detector, distributed: durable ledger on ÷ off",
        ),
    ],
)
def test_a_ratio_that_is_a_little_off_is_missed(contender: str, rate: float, measure: str) -> None:
    findings = found()
    findings.cells = [
        cell(contender, rate)
        if (each.sample.contender, each.sample.kind, each.sample.in_flight, each.sample.note)
        == (contender, "unary", 32, "")
        else each
        for each in findings.cells
    ]
    assert judged(findings)[measure].holds is False


def test_what_was_not_measured_neither_holds_nor_is_missed() -> None:
    verdicts = judged(Findings()).values()
    assert verdicts
    assert all(row.value is None and row.holds is None for row in verdicts)


def test_the_limit_of_bare_triton_is_its_best_size_of_batch() -> None:
    row = judged(found())["streaming items/s, real text detector: distributed ÷ bare Triton on the same tensors"]
    assert row.value == 0.8


def test_memory_of_the_stack_has_the_shared_parts_in_it() -> None:
    assert judged(found())["memory of the whole stack, distributed (Pss)"].value == 2.5


def test_contenders_that_decide_differently_once_do_not_agree() -> None:
    findings = found()
    findings.agreement = {who.HANDWRITTEN: Agreement(50, 49, "ALLOW and BLOCK")}
    assert judged(findings)["equal outcomes, hand-written and distributed, n = 50"].holds is False


def test_a_machine_with_other_work_is_told_of() -> None:
    findings = found()
    findings.cells.append(cell(who.NAIVE, 30.0, others_cores=0.6))
    assert judged(findings)["cores that other programs took, most of all cells"].holds is False
