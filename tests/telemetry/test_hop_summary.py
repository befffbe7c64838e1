"""Hops over many traces."""

from tests.telemetry.waterfall_samples import made
from tidegate.telemetry.hop_summary import summarize_hops
from tidegate.telemetry.waterfall import Waterfall, build_waterfall


def trace(number: int, child_ms: float) -> Waterfall:
    root = made("root", span_id=1, at_ms=0, ms=100, trace_id=f"{number:032x}")
    child = made("child", span_id=2, parent=1, at_ms=1, ms=child_ms, service="s", trace_id=f"{number:032x}")
    return build_waterfall([root, child])


def test_percentiles_are_nearest_rank_and_shares_are_of_all_the_time() -> None:
    hops = {hop.name: hop for hop in summarize_hops([trace(number, number) for number in range(1, 100)])}
    root, child = hops["root"], hops["child"]
    assert (root.name, root.count, root.p50_ms, root.p99_ms) == ("root", 99, 100, 100)
    assert (child.name, child.service, child.count) == ("child", "s", 99)
    assert (child.p50_ms, child.p99_ms) == (50, 99)
    assert round(child.share, 4) == 0.5
    assert round(root.share, 4) == 0.5


def test_of_no_traces_there_is_no_summary() -> None:
    assert summarize_hops([]) == []


def test_the_hop_that_takes_most_of_its_own_time_comes_first() -> None:
    assert [hop.name for hop in summarize_hops([trace(1, 70)])] == ["child", "root"]
    assert [hop.name for hop in summarize_hops([trace(1, 30)])] == ["root", "child"]


def test_spans_that_run_in_parallel_count_each_so_a_share_can_exceed_one() -> None:
    root = made("root", span_id=1, at_ms=0, ms=100)
    scores = [made("score", span_id=number, parent=1, at_ms=10, ms=80) for number in (2, 3)]
    hops = {hop.name: hop for hop in summarize_hops([build_waterfall([root, *scores])])}
    assert round(hops["score"].share, 4) == 1.6
    assert round(hops["root"].share, 4) == 0.2
