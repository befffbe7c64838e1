"""Spans become rows: whose child, when, how long, how much of it its own."""

from dataclasses import replace

from tests.telemetry.waterfall_samples import T0_NS, A, B, made, trace_of_the_batchs_other_request, whole_trace
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.span_record import SpanRecord, SpanReference, SpanRole, SpanStatus
from tidegate.telemetry.waterfall import Waterfall, WaterfallRow, build_waterfall

MS = 1_000_000


def row(waterfall: Waterfall, name: str) -> WaterfallRow:
    (found,) = [candidate for candidate in waterfall.rows if candidate.span.name == name]
    return found


def moved(spans: list[SpanRecord], service: str, by_ms: float) -> list[SpanRecord]:
    by_ns = round(by_ms * MS)
    return [
        replace(span, start_ns=span.start_ns + by_ns, end_ns=span.end_ns + by_ns) if span.service == service else span
        for span in spans
    ]


def test_rows_stand_beneath_their_parents_in_order_of_start() -> None:
    waterfall = build_waterfall(whole_trace()[::-1])
    assert [(found.depth, found.span.name) for found in waterfall.rows] == [
        (0, "tidegate.client.Moderate"),
        (1, "tidegate.moderate"),
        (2, "tidegate.plan"),
        (2, "tidegate.gather"),
        (3, "tidegate.text.score"),
        (4, "tidegate.triton.infer"),
        (5, "InferRequest"),
        (6, "text_harm"),
        (7, "compute"),
        (3, "tidegate.features.lookup"),
        (4, "tidegate.features.online_read"),
        (2, "tidegate.policy.evaluate"),
        (2, "tidegate.shadow.evaluate"),
        (2, "tidegate.ledger.append"),
    ]
    assert row(waterfall, "compute").last_at == (True, False, False, True, True, True, True)
    assert (waterfall.trace_id, waterfall.started_ns, waterfall.duration_ns) == (A, T0_NS, 20 * MS)
    assert set(waterfall.services) == {
        f"tidegate-{name}" for name in ("client", "router", "features", "text", "triton")
    }


def test_own_time_is_what_no_child_covers_and_overlapping_children_count_once() -> None:
    gather = row(build_waterfall(whole_trace()), SpanName.GATHER)
    # 2.5 to 14.5; its two children cover 3 to 14 between them.
    assert gather.own == ((2_500_000, 3 * MS), (14 * MS, 14_500_000))
    assert gather.own_ns == MS
    assert gather.share == 0.05


def test_of_hops_that_dont_overlap_the_shares_add_up_to_the_whole() -> None:
    one_branch = [span for span in whole_trace() if not span.name.startswith("tidegate.features")]
    assert abs(sum(found.share for found in build_waterfall(one_branch).rows) - 1) < 1e-9


def test_a_shared_batchs_work_is_drawn_in_the_other_requests_trace_too() -> None:
    waterfall = build_waterfall(trace_of_the_batchs_other_request(), {A: whole_trace()})
    names = [found.span.name for found in waterfall.rows]
    assert names == [
        "tidegate.moderate",
        "tidegate.gather",
        "tidegate.text.score",
        "tidegate.triton.infer",
        "InferRequest",
        "text_harm",
        "compute",
        "tidegate.ledger.append",
    ]
    assert [found.shared_from for found in waterfall.rows] == ["", "", A, A, A, A, A, ""]
    assert row(waterfall, "compute").depth == 6
    assert waterfall.trace_id == B


def test_a_twin_whose_batch_isnt_in_the_store_stands_alone() -> None:
    waterfall = build_waterfall(trace_of_the_batchs_other_request())
    twin = row(waterfall, SpanName.TEXT_SCORE)
    assert twin.own_ns == twin.duration_ns
    assert len(waterfall.rows) == 4


def test_the_batch_of_a_request_that_links_to_others_is_not_grafted_onto_itself() -> None:
    """The batch span links to every request; only a twin takes work over."""
    leader = [
        replace(span, links=(SpanReference(B, f"{22:016x}"),)) if span.name == SpanName.TEXT_SCORE else span
        for span in whole_trace()
    ]
    waterfall = build_waterfall(leader, {B: trace_of_the_batchs_other_request()})
    assert len(waterfall.rows) == len(leader)


def test_a_span_whose_parent_is_missing_is_drawn_after_the_root_and_marked() -> None:
    waterfall = build_waterfall([span for span in whole_trace() if span.name != SpanName.GATHER])
    orphans = [found.span.name for found in waterfall.rows if found.missing_parent]
    assert orphans == ["tidegate.text.score", "tidegate.features.lookup"]
    assert waterfall.rows[0].span.name == SpanName.CLIENT_MODERATE
    assert len(waterfall.rows) == 13


def test_a_service_whose_clock_is_behind_is_moved_into_its_caller_with_all_it_called() -> None:
    skewed = moved(moved(whole_trace(), "tidegate-text", -40), "tidegate-triton", -40)
    waterfall = build_waterfall(skewed)
    score = row(waterfall, SpanName.TEXT_SCORE)
    assert (score.offset_ns, score.clock_shift_ns) == (3 * MS, 40 * MS)
    infer, compute = row(waterfall, SpanName.TRITON_INFER), row(waterfall, "compute")
    assert (infer.offset_ns, infer.clock_shift_ns) == (5 * MS, 0)
    assert (compute.offset_ns, compute.clock_shift_ns) == (6 * MS, 0)
    assert waterfall.duration_ns == 20 * MS


def test_a_skewed_child_that_is_longer_than_its_parent_begins_with_it() -> None:
    parent = made("p", span_id=1, at_ms=10, ms=2)
    child = made("c", span_id=2, parent=1, at_ms=0, ms=5, service="other")
    assert row(build_waterfall([parent, child]), "c").offset_ns == 0


def test_a_child_that_ends_late_is_marked_and_not_moved() -> None:
    """The caller's budget ran out; the work went on."""
    parent = made("p", span_id=1, at_ms=0, ms=10)
    child = made("c", span_id=2, parent=1, at_ms=8, ms=30, service="other")
    found = row(build_waterfall([parent, child]), "c")
    assert (found.offset_ns, found.clock_shift_ns, found.late) == (8 * MS, 0, True)
    assert not any(found.late for found in build_waterfall(whole_trace()).rows)


def test_a_clock_that_is_ahead_shows_where_a_call_was_answered_before_the_work_was_done() -> None:
    call = made("call", span_id=1, at_ms=0, ms=10, role=SpanRole.CLIENT)
    work = made("work", span_id=2, parent=1, at_ms=7, ms=6, service="other")
    found = row(build_waterfall([call, work]), "work")
    assert (found.offset_ns, found.clock_shift_ns, found.late) == (2 * MS, -5 * MS, False)


def test_behind_a_call_that_failed_the_work_may_go_on() -> None:
    call = made("call", span_id=1, at_ms=0, ms=10, role=SpanRole.CLIENT, status=SpanStatus.ERROR)
    work = made("work", span_id=2, parent=1, at_ms=7, ms=6, service="other")
    found = row(build_waterfall([call, work]), "work")
    assert (found.clock_shift_ns, found.late) == (0, True)


def test_spans_that_are_each_others_parents_are_still_drawn() -> None:
    loop = [made("a", span_id=1, parent=2, at_ms=0, ms=1), made("b", span_id=2, parent=1, at_ms=0, ms=1)]
    itself = made("c", span_id=3, parent=3, at_ms=0, ms=1)
    waterfall = build_waterfall([*loop, itself])
    assert sorted(found.span.name for found in waterfall.rows) == ["a", "b", "c"]


def test_a_chain_of_thousands_of_spans_is_no_matter_of_recursion() -> None:
    chain = [made("n", span_id=number, parent=number - 1, at_ms=0, ms=1) for number in range(1, 2001)]
    assert build_waterfall(chain).rows[-1].depth == 1999


def test_a_trace_without_duration_has_no_shares() -> None:
    (only,) = build_waterfall([made("n", span_id=1, at_ms=0, ms=0)]).rows
    assert (only.share, only.own_ns, only.duration_ns) == (0.0, 0, 0)


def test_facts_are_the_requests_own_and_not_those_of_the_batch_it_shared() -> None:
    other = [
        replace(span, attributes={Attribute.ACTION: "BLOCK"}) if span.name == "compute" else span
        for span in whole_trace()
    ]
    waterfall = build_waterfall(trace_of_the_batchs_other_request(), {A: other})
    assert Attribute.ACTION not in waterfall.facts()
    assert build_waterfall(whole_trace()).facts()[Attribute.ACTION] == "REVIEW"
