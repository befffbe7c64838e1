"""Stopping and being killed: what was acknowledged is never lost, and nothing is left behind.

A start takes most of a minute, so the last tests here end what others were asked of: one the colocated stack, two the
shared one, which is started again after a kill and is the one that is stopped next.
"""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import psutil
import pytest

from tests.stack.running import Stack, eventually
from tidegate.client import ContentItem, StreamResult, Surface, TidegateClient, text_part
from tidegate.ledger.record_format import decode
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.serving.stack.ports import free_ports, is_free

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # whole stacks start within


def _item(number: int) -> ContentItem:
    part = text_part("text", f"song number {number}")
    return ContentItem(f"c-{number}", "acct-trusted", Surface.COMMENT, "SE", (part,))


def _items(count: int) -> Iterator[tuple[ContentItem, str | None]]:
    for number in range(count):
        yield _item(number), None


def _decided(stack: Stack, number: int) -> str:
    """The id of a decision, asked for over a connection of its own, as every command would."""
    with TidegateClient(stack.address) as client:
        return client.moderate(_item(number)).decision_id


def _streaming(stack: Stack, results: list[StreamResult]) -> threading.Thread:
    def run() -> None:
        with TidegateClient(stack.address) as client:
            results.extend(client.moderate_stream(_items(3_000), budget_ms=20_000))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _acknowledged(results: list[StreamResult]) -> set[str]:
    return {result.decision.decision_id for result in results if result.decision is not None}


def _recorded(stack: Stack, wanted: set[str]) -> set[str]:
    archive = SqliteArchive(stack.ledger)
    try:
        return {decode(payload).decision_id for payload in archive.payloads()} & wanted
    finally:
        archive.close()


@pytest.fixture(scope="module")
def colocated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with all stages in the router's process, and without reflection."""
    settings = {"TIDEGATE_TOPOLOGY": "colocated", "TIDEGATE_GRPC__REFLECTION": "false"}
    other = Stack(tmp_path_factory.mktemp("colocated"), free_ports(1)[0], settings)
    try:
        other.up()
        yield other
    finally:
        other.down()


def test_stacks_side_by_side_answer_for_themselves_only(stack: Stack, colocated: Stack) -> None:
    """Serve's routers listen with SO_REUSEPORT: on a shared port each stack would get some of the other's calls."""
    for mine, yours in ((stack, colocated), (colocated, stack)):
        made = {_decided(mine, number) for number in range(8)}
        assert len(made) == 8
        assert _recorded(mine, made) == made
        assert not _recorded(yours, made)


def test_colocated_decides_the_same_and_its_trace_still_has_every_hop(colocated: Stack) -> None:
    decision = colocated.moderate("what a lovely song", "--account", "acct-trusted")
    assert (decision["action"], decision["completeness"]) == ("ALLOW", "COMPLETE")
    wanted = {"tidegate.features.online_read", "tidegate.triton.infer", "compute", "tidegate.ledger.append"}
    assert wanted <= {span["name"] for span in colocated.spans(decision["trace_id"], until=wanted)}
    with grpc.insecure_channel(colocated.address) as channel:
        call: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        with pytest.raises(grpc.RpcError) as refused:
            next(call(iter([b""]), timeout=5))
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_killing_the_supervisor_alone_takes_the_stack_down(colocated: Stack) -> None:
    supervisor, *rest = colocated.processes()
    supervisor.kill()
    assert not psutil.wait_procs([supervisor, *rest], timeout=60)[1]
    assert is_free(colocated.port)


def test_kill_9_of_everything_loses_nothing_acknowledged_and_leaves_nothing_behind(stack: Stack) -> None:
    stack.up_unless_running()
    processes = stack.processes()
    results: list[StreamResult] = []
    thread = _streaming(stack, results)
    assert eventually(lambda: len(results) > 100, timeout_s=60)
    for process in processes:
        if process.is_running():
            process.kill()
    thread.join(60)
    acknowledged = _acknowledged(results)
    assert len(acknowledged) > 100
    assert _recorded(stack, acknowledged) == acknowledged
    assert stack.run("ledger", "verify").returncode == 0
    stack.up()
    with TidegateClient(stack.address) as client:
        assert client.get_decision(min(acknowledged)).decision_id == min(acknowledged)
    assert stack.json("replay", "--json")["differences"] == []


def test_down_lets_requests_under_way_finish(stack: Stack) -> None:
    stack.up_unless_running()
    processes = stack.processes()
    results: list[StreamResult] = []
    thread = _streaming(stack, results)
    assert eventually(lambda: len(results) > 50, timeout_s=60)
    stack.down()
    thread.join(60)
    errors = {result.error.code for result in results if result.error is not None}
    acknowledged = _acknowledged(results)
    assert acknowledged
    assert errors <= {grpc.StatusCode.UNAVAILABLE}
    assert _recorded(stack, acknowledged) == acknowledged
    assert not psutil.wait_procs(processes, timeout=20)[1]
    assert eventually(lambda: is_free(stack.port), timeout_s=10)
