"""What is owed on a stream, without any stream: the clock and the retries are the test's."""

import grpc
import pytest
from opentelemetry.trace import INVALID_SPAN, NoOpTracer

from tests.client.sample_items import comment
from tests.client.scripted_service import streamed
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import ModerationError, RetryPolicy
from tidegate.client.outstanding import Outstanding

AWAY = ModerationError(grpc.StatusCode.UNAVAILABLE, "away")
BROKEN = ModerationError(grpc.StatusCode.INTERNAL, "broken")


class Clock:
    """Time that passes when told."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def outstanding(clock: Clock, *, attempts: int = 3, delay_ms: float = 0.0) -> Outstanding:
    return Outstanding(
        tracer=NoOpTracer(),
        above=INVALID_SPAN,
        retry=RetryPolicy(attempts=attempts, first_delay_ms=delay_ms, longest_delay_ms=delay_ms),
        budget=None,
        explain=False,
        silence_s=5.0,
        clock=clock,
    )


def sent(owed: Outstanding) -> list[pb.ModerateStreamRequest]:
    """Everything there is to send now."""
    messages = []
    while (message := owed.next_message()) is not None:
        messages.append(message)
    return messages


def test_it_is_over_only_when_no_item_comes_and_none_is_owed(clock: Clock) -> None:
    owed = outstanding(clock)
    assert not owed.over
    owed.admit(comment("1"))
    owed.end()
    assert not owed.over, "one waits to be sent"
    (message,) = sent(owed)
    assert not owed.over, "one is sent"
    assert owed.answered(streamed(message)) is not None
    assert owed.over


def test_what_a_broken_call_owes_is_sent_again_under_the_same_key_and_number(clock: Clock) -> None:
    owed = outstanding(clock)
    owed.admit(comment("1"))
    (first,) = sent(owed)
    assert owed.broken(AWAY) == []
    (second,) = sent(owed)
    assert second == first


def test_items_sent_again_go_before_new_ones(clock: Clock) -> None:
    owed = outstanding(clock)
    owed.admit(comment("1"))
    sent(owed)
    owed.broken(AWAY)
    owed.admit(comment("2"))
    assert [message.request.item.content_id for message in sent(owed)] == ["1", "2"]


def test_the_pause_before_an_item_is_sent_again_does_not_hold_up_the_others(clock: Clock) -> None:
    owed = outstanding(clock, delay_ms=1_000.0)
    owed.admit(comment("1"))
    sent(owed)
    assert owed.pause_s() is None, "nothing waits"
    owed.broken(AWAY)
    pause_s = owed.pause_s()
    assert pause_s is not None
    assert 0.0 <= pause_s <= 1.0
    owed.admit(comment("2"))
    assert owed.pause_s() == 0.0
    clock.now_s = 1.0
    assert {message.request.item.content_id for message in sent(owed)} == {"1", "2"}


def test_after_the_last_attempt_the_error_is_the_result(clock: Clock) -> None:
    owed = outstanding(clock, attempts=3)
    owed.admit((comment("1"), "key"))
    for _ in range(2):
        sent(owed)
        assert owed.broken(AWAY) == []
    sent(owed)
    (result,) = owed.broken(AWAY)
    assert (result.item.content_id, result.idempotency_key, result.error) == ("1", "key", AWAY)


def test_only_unavailable_is_tried_again(clock: Clock) -> None:
    owed = outstanding(clock)
    owed.admit(comment("1"))
    sent(owed)
    assert [result.error for result in owed.broken(BROKEN)] == [BROKEN]


def test_a_service_that_was_given_up_gets_one_attempt_for_each_item_until_it_answers(clock: Clock) -> None:
    owed = outstanding(clock, attempts=2)
    owed.admit(comment("1"))
    for _ in range(2):
        sent(owed)
        given_up = owed.broken(AWAY)
    assert len(given_up) == 1
    owed.admit(comment("2"))
    sent(owed)
    assert len(owed.broken(AWAY)) == 1, "not tried again"
    owed.admit(comment("3"))
    (message,) = sent(owed)
    assert owed.answered(streamed(message)) is not None
    owed.admit(comment("4"))
    sent(owed)
    assert owed.broken(AWAY) == [], "tried again, now that it has answered"


def test_what_was_not_sent_yet_is_not_touched_by_a_broken_call(clock: Clock) -> None:
    owed = outstanding(clock, attempts=1)
    owed.admit(comment("1"))
    assert owed.broken(AWAY) == []
    assert [message.request.item.content_id for message in sent(owed)] == ["1"]


def test_silence_counts_from_the_last_answer_while_answers_are_owed(clock: Clock) -> None:
    owed = outstanding(clock)
    clock.now_s = 100.0
    assert owed.silent() is None, "nothing is owed"
    owed.admit(comment("1"))
    owed.admit(comment("2"))
    first, _ = sent(owed)
    assert owed.silent() is None, "asked just now"
    clock.now_s = 104.0
    owed.answered(streamed(first))
    clock.now_s = 109.0
    assert owed.silent() is None
    clock.now_s = 109.1
    silence = owed.silent()
    assert silence is not None
    assert silence.code is grpc.StatusCode.UNAVAILABLE


def test_numbers_differ_between_items(clock: Clock) -> None:
    owed = outstanding(clock)
    for number in range(100):
        owed.admit(comment(str(number)))
    assert len({message.correlation_id for message in sent(owed)}) == 100
