"""The blocking client's streams over a real server: each item once, in completion order, none too far ahead."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar

import grpc
import pytest

from tests.client.background_server import running
from tests.client.sample_items import comment, comments
from tests.client.scripted_service import ScriptedService, scripted, streamed
from tests.client.waiting import client_threads, eventually
from tests.serving.in_process import ListedLedger, ScriptedText, scored
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import ContentItem, TidegateClient
from tidegate.client.streaming import MOST_OUTSTANDING, GivenItem

Requests = Iterator[pb.ModerateStreamRequest]
Responses = Iterator[pb.ModerateStreamResponse]


def test_every_item_is_answered_exactly_once() -> None:
    ledger = ListedLedger()
    with running(ledger=ledger) as served, TidegateClient(served.address) as client:
        results = list(client.moderate_stream(comments(1_000)))
    assert Counter(result.item.content_id for result in results) == Counter(str(number) for number in range(1_000))
    assert all(result.error is None for result in results)
    assert {result.decision.decision_id for result in results if result.decision} == ledger.ids


def test_results_come_in_completion_order() -> None:
    """The first item is held back until its answer would be the last one."""
    answers: list[pb.ModerateStreamResponse] = []

    def backwards(requests: Requests, _: grpc.ServicerContext) -> Responses:
        for request in requests:
            answers.append(streamed(request))
            if len(answers) == 5:
                yield from reversed(answers)

    with scripted(ScriptedService(stream=backwards)) as address, TidegateClient(address) as client:
        results = list(client.moderate_stream(comments(5)))
    assert [result.item.content_id for result in results] == ["4", "3", "2", "1", "0"]


def test_an_item_that_is_refused_is_a_result_and_the_rest_goes_on() -> None:
    wrong = [comment("blank", text=" "), comment("where", market="XX")]
    unencodable = comment("half", text="\ud83d")
    items = [comment("before"), *wrong, unencodable, comment("after")]
    with running() as served, TidegateClient(served.address) as client:
        results = {result.item.content_id: result for result in client.moderate_stream(items)}
    assert {name for name, result in results.items() if result.decision} == {"before", "after"}
    errors = {name: result.error for name, result in results.items() if result.error}
    assert {error.code for error in errors.values()} == {grpc.StatusCode.INVALID_ARGUMENT}
    assert [wrong.field for wrong in errors["blank"].fields] == ["item.parts[0].text.text"]
    assert [wrong.field for wrong in errors["where"].fields] == ["item.market"]
    assert [wrong.field for wrong in errors["half"].fields] == ["item.parts[0].text.text"]


def test_an_item_too_large_to_send_is_refused_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.client.items.MAX_MESSAGE_BYTES", 10_000)
    with running() as served, TidegateClient(served.address) as client:
        items = [comment("large", text="x" * 10_000), comment("small")]
        results = {result.item.content_id: result for result in client.moderate_stream(items)}
    assert results["small"].decision is not None
    error = results["large"].error
    assert error is not None
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")


def test_items_may_bring_their_keys() -> None:
    items: list[GivenItem] = [(comment("keyed"), "my-key"), (comment("without"), None), comment("bare")]
    with running() as served, TidegateClient(served.address) as client:
        keys = {result.item.content_id: result.idempotency_key for result in client.moderate_stream(items)}
        again = client.moderate(comment("keyed"), idempotency_key="my-key")
    assert keys["keyed"] == "my-key"
    assert keys["without"] != keys["bare"]
    assert all(keys.values())
    assert again.from_idempotency_key


def test_no_items_are_no_results() -> None:
    with running() as served, TidegateClient(served.address) as client:
        assert list(client.moderate_stream([])) == []


def test_a_result_comes_before_the_source_has_ended() -> None:
    """The source gives its second item only after the first result is there."""
    answered = threading.Event()

    def source() -> Iterator[ContentItem]:
        yield comment("first")
        assert answered.wait(60)
        yield comment("second")

    seen = []
    with running() as served, TidegateClient(served.address) as client:
        for result in client.moderate_stream(source()):
            seen.append(result.item.content_id)
            answered.set()
    assert seen == ["first", "second"]


def test_a_refusal_made_here_does_not_wait_for_the_service() -> None:
    answered = threading.Event()

    def source() -> Iterator[ContentItem]:
        yield comment("half", text="\ud83d")
        assert answered.wait(60)

    with running() as served, TidegateClient(served.address) as client:
        for result in client.moderate_stream(source()):
            assert result.error is not None
            answered.set()
    assert answered.is_set()


def test_an_endless_source_is_read_a_bounded_number_ahead() -> None:
    taken = itertools.count()
    last = 0

    def endless() -> Iterator[ContentItem]:
        nonlocal last
        for last in taken:
            yield comment(str(last))

    with running() as served, TidegateClient(served.address) as client:
        results = client.moderate_stream(endless())
        received = list(itertools.islice(results, 20))
        assert eventually(lambda: last + 1 == len(received) + MOST_OUTSTANDING)
        results.close()
    assert last + 1 == len(received) + MOST_OUTSTANDING


@pytest.mark.parametrize("results_taken", [0, 1, 10])
def test_leaving_early_ends_every_thread_and_cancels_what_is_under_way(results_taken: int) -> None:
    text = ScriptedText()
    with running(text=text) as served, TidegateClient(served.address) as client:
        results = client.moderate_stream(comments(1_000_000))
        assert len(list(itertools.islice(results, results_taken))) == results_taken
        results.close()
        assert eventually(lambda: not client_threads())
        assert eventually(lambda: text.under_way == 0)
        assert client.moderate(comment()).content_id == "c-1", "the client itself is as good as before"


def test_leaving_early_does_not_wait_for_a_source_that_blocks() -> None:
    released = threading.Event()

    def blocks() -> Iterator[ContentItem]:
        yield comment("first")
        released.wait(60)
        yield comment("never asked for")

    with running() as served, TidegateClient(served.address) as client:
        results = client.moderate_stream(blocks())
        assert next(results).item.content_id == "first"
        results.close()
        assert client_threads() == {"tidegate-client-items"}, "only the source still holds its thread"
        released.set()
        assert eventually(lambda: not client_threads())


def test_what_the_source_raises_is_raised_after_the_results_before_it() -> None:
    def breaks() -> Iterator[ContentItem]:
        yield comment("first")
        yield comment("second")
        raise OSError("the disk went away")

    with running() as served, TidegateClient(served.address) as client:
        results = client.moderate_stream(breaks())
        assert {next(results).item.content_id, next(results).item.content_id} == {"first", "second"}
        with pytest.raises(OSError, match="disk went away"):
            next(results)
    assert eventually(lambda: not client_threads())


def test_what_is_not_an_item_is_raised_to_whoever_gave_it() -> None:
    with running() as served, TidegateClient(served.address) as client, pytest.raises(AttributeError):
        list(client.moderate_stream(["not an item"]))  # type: ignore[list-item]  # the mistake


def test_the_source_sees_the_context_variables_of_whoever_opened_the_stream() -> None:
    tenant = ContextVar("tenant", default="nobody")
    seen = []

    def source() -> Iterator[ContentItem]:
        seen.append(tenant.get())
        yield comment()

    tenant.set("somebody")
    with running() as served, TidegateClient(served.address) as client:
        list(client.moderate_stream(source()))
    assert seen == ["somebody"]


def test_streams_of_one_client_run_side_by_side_in_threads() -> None:
    counts: list[int] = []

    def run(client: TidegateClient) -> None:
        counts.append(sum(result.decision is not None for result in client.moderate_stream(comments(200))))

    with running() as served, TidegateClient(served.address) as client:
        threads = [threading.Thread(target=run, args=(client,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts == [200] * 4


def test_the_service_keeps_a_bounded_number_under_way_and_still_gets_batches() -> None:
    text = ScriptedText(script=lambda _: scored(), delay_s=0.002)
    with running(text=text) as served, TidegateClient(served.address) as client:
        assert len(list(client.moderate_stream(comments(500)))) == 500
    assert max(text.batches) > 1


def test_an_answer_to_a_question_never_asked_is_passed_over() -> None:
    def talkative(requests: Requests, _: grpc.ServicerContext) -> Responses:
        for request in requests:
            yield pb.ModerateStreamResponse(correlation_id="nobody's")
            yield streamed(request)
            yield streamed(request)

    with scripted(ScriptedService(stream=talkative)) as address, TidegateClient(address) as client:
        assert [result.item.content_id for result in client.moderate_stream(comments(2))] == ["0", "1"]


def test_an_answer_without_an_outcome_is_an_error() -> None:
    def empty(requests: Requests, _: grpc.ServicerContext) -> Responses:
        for request in requests:
            yield pb.ModerateStreamResponse(correlation_id=request.correlation_id)

    with scripted(ScriptedService(stream=empty)) as address, TidegateClient(address) as client:
        (result,) = client.moderate_stream([comment()])
    assert result.decision is None
    assert result.error is not None


def test_a_client_closed_meanwhile_ends_the_stream_with_an_error_not_with_silence() -> None:
    with running(text=ScriptedText(delay_s=0.01)) as served:
        client = TidegateClient(served.address)
        results = client.moderate_stream(comments(1_000_000))
        next(results)
        client.close()
        with pytest.raises(ValueError, match=r"[Cc]losed"):
            list(results)
    assert eventually(lambda: not client_threads())
