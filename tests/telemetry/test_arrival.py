"""A trace is shown when its spans are all there, or when waiting longer is no use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.telemetry.waterfall_samples import A, made
from tidegate.telemetry.arrival import QUIET_S, AmbiguousTraceId, Clocks, await_trace
from tidegate.telemetry.receiver.store import SpanStore
from tidegate.telemetry.span_archive import SpanArchive


class Stage:
    """A store that receives spans as time goes by. Time passes by sleeping only."""

    def __init__(self, path: Path) -> None:
        self.now_s = 1000.0
        self.store = SpanStore(path, clock_ns=self.wall_ns)
        self.archive = SpanArchive(path)
        self.arrivals: dict[float, int] = {}
        self.clocks = Clocks(monotonic_s=lambda: self.now_s, wall_ns=self.wall_ns, sleep=self.sleep)

    def wall_ns(self) -> int:
        return round(self.now_s * 1e9)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        for at_s in [at_s for at_s in self.arrivals if at_s <= self.now_s]:
            self.receive(self.arrivals.pop(at_s))

    def receive(self, span_id: int, trace_id: str = A) -> None:
        self.store.add([made("n", span_id=span_id, at_ms=0, ms=1, trace_id=trace_id)])

    def close(self) -> None:
        self.archive.__exit__()
        self.store.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "s")
    yield stage
    stage.close()


def test_a_trace_that_has_been_quiet_is_shown_without_waiting(stage: Stage) -> None:
    stage.receive(1)
    stage.now_s += QUIET_S
    before_s = stage.now_s
    assert await_trace(stage.archive, A, wait_s=5, clocks=stage.clocks) is not None
    assert stage.now_s == before_s


def test_late_spans_are_waited_for(stage: Stage) -> None:
    stage.arrivals = {1000.5: 1, 1001.5: 2, 1002.5: 3}
    entry = await_trace(stage.archive, A[:6], wait_s=10, clocks=stage.clocks)
    assert entry is not None
    assert entry.spans == 3
    assert stage.now_s < 1005


def test_a_trace_that_never_settles_is_shown_when_the_wait_is_over(stage: Stage) -> None:
    stage.arrivals = {1000 + number / 2: number for number in range(1, 40)}
    entry = await_trace(stage.archive, A, wait_s=3, clocks=stage.clocks)
    assert entry is not None
    assert 1 <= entry.spans < 39
    assert stage.now_s < 1004


def test_a_trace_that_never_comes_is_none_when_the_wait_is_over(stage: Stage) -> None:
    assert await_trace(stage.archive, A, wait_s=3, clocks=stage.clocks) is None
    assert 1003 <= stage.now_s < 1004


def test_a_beginning_that_fits_two_traces_is_refused(stage: Stage) -> None:
    stage.receive(1, trace_id="abcd" + "0" * 28)
    stage.receive(1, trace_id="abcd" + "1" * 28)
    with pytest.raises(AmbiguousTraceId, match="abcd0000"):
        await_trace(stage.archive, "abcd", wait_s=3, clocks=stage.clocks)
