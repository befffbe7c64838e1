"""Who goes to disk with whom, and what each caller hears. The store is a fake that the test can hold and break."""

import asyncio
import threading

import pytest

from tests.ledger.fake_store import FakeStore, held, put, until
from tidegate.ledger import group_commit
from tidegate.ledger.group_commit import GroupCommit
from tidegate.moderation.errors import IdempotencyKeyReused, LedgerUnavailable
from tidegate.telemetry import core_wait


def refuse(_: list[str]) -> str:
    raise IdempotencyKeyReused


def break_down(_: list[str]) -> str:
    raise ZeroDivisionError("a bug")


async def test_whoever_comes_during_a_commit_goes_into_the_next_one_together() -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    first = await held(store, writer)
    others = [asyncio.create_task(writer.run(put(str(number)))) for number in range(5)]
    await asyncio.sleep(0)
    store.gate.set()
    assert await asyncio.gather(first, *others) == ["first", "0", "1", "2", "3", "4"]
    assert store.commits == [["first"], ["0", "1", "2", "3", "4"]]
    await writer.close()


async def test_where_cores_are_crowded_records_gather_after_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_wait, "LONGEST_REST_S", 0.3)
    store = FakeStore()
    writer = GroupCommit(store, waits=lambda: 1.0)
    first = await held(store, writer)
    await asyncio.sleep(0.3)
    store.gate.set()
    await first
    others = [asyncio.create_task(writer.run(put(str(number)))) for number in range(3)]
    await asyncio.sleep(0.01)
    others.append(asyncio.create_task(writer.run(put("3"))))
    await asyncio.gather(*others)
    assert store.commits == [["first"], ["0", "1", "2", "3"]]
    await writer.close()


@pytest.mark.parametrize("ending", ["enough wait", "it closes"])
async def test_a_rest_ends_when_enough_wait_or_it_closes(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """The rest would be longer than any caller waits."""
    monkeypatch.setattr(group_commit, "rest_s", lambda *_, **__: 3_600.0)
    store = FakeStore()
    writer = GroupCommit(store, timeout_s=30.0)
    await writer.run(put("first"))
    many = group_commit._ENOUGH if ending == "enough wait" else 1
    others = [asyncio.create_task(writer.run(put(str(number)))) for number in range(many)]
    await asyncio.sleep(0.05)
    if ending == "enough wait":
        await asyncio.gather(*others)
    await asyncio.gather(writer.close(), *others)
    assert [len(commit) for commit in store.commits] == [1, many]
    assert store.closed


async def test_nobody_hears_of_success_before_the_commit_has_returned() -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    first = await held(store, writer)
    await asyncio.sleep(0.05)
    assert not first.done()
    store.gate.set()
    assert await first == "first"
    await writer.close()


async def test_a_batch_is_limited() -> None:
    store = FakeStore()
    writer = GroupCommit(store, batch_limit=2)
    first = await held(store, writer)
    others = [asyncio.create_task(writer.run(put(str(number)))) for number in range(5)]
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(first, *others)
    assert [len(commit) for commit in store.commits] == [1, 2, 2, 1]
    await writer.close()


async def test_a_refusal_reaches_its_own_caller_and_the_rest_commits() -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    first = await held(store, writer)
    refused, fine = asyncio.create_task(writer.run(refuse)), asyncio.create_task(writer.run(put("fine")))
    await asyncio.sleep(0)
    store.gate.set()
    answers = await asyncio.gather(first, refused, fine, return_exceptions=True)
    assert isinstance(answers[1], IdempotencyKeyReused)
    assert answers[2] == "fine"
    assert store.commits == [["first"], ["fine"]]
    await writer.close()


@pytest.mark.parametrize("cause", [OSError("disk full"), RuntimeError("a bug")])
async def test_a_failed_commit_fails_all_in_it_and_the_next_is_tried_afresh(cause: Exception) -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    store.fail_with = cause
    answers = await asyncio.gather(*(writer.run(put(str(number))) for number in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [LedgerUnavailable] * 3
    assert store.discarded >= 1
    store.fail_with = None
    assert await writer.run(put("well again")) == "well again"
    await writer.close()


async def test_a_bug_in_one_callers_work_does_not_end_the_writer() -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    with pytest.raises(LedgerUnavailable):
        await writer.run(break_down)
    assert await writer.run(put("next")) == "next"
    await writer.close()


async def test_a_caller_waits_no_longer_than_the_timeout() -> None:
    store = FakeStore()
    writer = GroupCommit(store, timeout_s=0.05)
    first = await held(store, writer)
    with pytest.raises(LedgerUnavailable):
        await first
    store.gate.set()
    await writer.close()


async def test_callers_outwait_another_writer_that_lets_go_in_time() -> None:
    store = FakeStore()
    writer = GroupCommit(store, timeout_s=10)
    store.busy = True
    waiting = asyncio.create_task(writer.run(put("patient")))
    await asyncio.sleep(0.05)
    store.busy = False
    assert await waiting == "patient"
    await writer.close()


async def test_callers_give_up_on_another_writer_that_never_lets_go() -> None:
    store = FakeStore()
    writer = GroupCommit(store, timeout_s=0.05)
    store.busy = True
    with pytest.raises(LedgerUnavailable):
        await writer.run(put("impatient"))
    store.busy = False
    await writer.run(put("next"))
    assert store.commits == [["next"]]
    await writer.close()


async def test_callers_who_all_give_up_while_a_transaction_opens_leave_no_empty_commit() -> None:
    store = FakeStore()
    writer = GroupCommit(store, timeout_s=0.05)
    store.opening.clear()
    with pytest.raises(LedgerUnavailable):
        await writer.run(put("impatient"))
    store.opening.set()
    await until(lambda: store.left + store.discarded > 0)
    assert await writer.run(put("next")) == "next"
    assert store.commits == [["next"]]
    assert (store.left, store.discarded) == (1, 0), "the store is well, and opening it again may take as long"
    await writer.close()


async def test_a_cancelled_caller_that_still_waits_is_left_out() -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    first = await held(store, writer)
    cancelled, other = asyncio.create_task(writer.run(put("cancelled"))), asyncio.create_task(writer.run(put("other")))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)
    store.gate.set()
    assert (await first, await other) == ("first", "other")
    assert cancelled.cancelled()
    assert store.commits == [["first"], ["other"]]
    await writer.close()


async def test_a_caller_cancelled_during_its_commit_harms_nobody() -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    first = await held(store, writer)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    store.gate.set()
    assert await writer.run(put("next")) == "next"
    assert store.commits == [["first"], ["next"]]
    await writer.close()


async def test_more_than_the_queue_holds_are_refused_at_once() -> None:
    store = FakeStore()
    writer = GroupCommit(store, queue_limit=2)
    first = await held(store, writer)
    others = [asyncio.create_task(writer.run(put(str(number)))) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(LedgerUnavailable):
        await writer.run(put("one too many"))
    store.gate.set()
    await asyncio.gather(first, *others)
    await writer.close()


async def test_close_writes_out_what_waits_and_takes_no_more() -> None:
    store = FakeStore()
    writer = GroupCommit(store)
    first = await held(store, writer)
    others = [asyncio.create_task(writer.run(put(str(number)))) for number in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    with pytest.raises(LedgerUnavailable):
        await writer.run(put("late"))
    store.gate.set()
    assert await asyncio.gather(first, *others) == ["first", "0", "1", "2"]
    await closing
    assert store.closed


def test_callers_on_several_event_loops_share_a_writer() -> None:
    """As in a replica whose health checks run on another loop than its requests."""
    store = FakeStore()
    writer = GroupCommit(store)
    answers: list[str] = []

    def call(name: str) -> None:
        answers.append(asyncio.run(writer.run(put(name))))

    threads = [threading.Thread(target=call, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["a", "b", "c"]
    asyncio.run(writer.close())
