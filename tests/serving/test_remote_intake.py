"""Events to another deployment: they arrive as they are, and whatever may not be recorded counts as not recorded."""

import asyncio
import pickle
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from ray import cloudpickle
from ray.exceptions import ActorUnavailableError, RayTaskError

from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts
from tidegate.features.events.log import Appended, EventLogUnavailableError
from tidegate.features.stream.intake import RecordedEvent, SignalIntake
from tidegate.serving.signals.remote_intake import RemoteSignalIntake

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
EVENTS = (
    AccountEvent("e-1", "a", EventKind.STRIKE_ISSUED, AT, subject_id="s", points=2.5, expires_at=AT),
    AccountEvent("e-2", "a", EventKind.PROFILE, AT, profile=ProfileFacts(registered_at=AT, followers=0)),
    AccountEvent("e-3", "b", EventKind.VERIFICATION, AT, verified=False),
)
NEW = RecordedEvent(Appended.NEW)


class _Deployment:
    """What is behind the handle; arguments and answers are pickled on the way, as Serve does."""

    def __init__(self, answer: Callable[[], Sequence[RecordedEvent]] | Exception | None) -> None:
        self._answer = answer
        self.got: list[tuple[Any, bool]] = []
        self.record = self
        self.ready = _Ready()

    async def remote(self, batch: object, backfill: bool) -> object:
        sent = cloudpickle.dumps(batch)  # type: ignore[no-untyped-call]  # Ray's
        self.got.append((pickle.loads(sent), backfill))
        if self._answer is None:
            await asyncio.sleep(3_600)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer() if self._answer else None


class _Ready:
    async def remote(self) -> bool:
        return True


def _task_error(cause: Exception) -> Exception:
    inside: Any = RayTaskError
    error: Exception = inside("record", "Traceback …", cause).as_instanceof_cause()
    return error


async def test_events_arrive_as_they_are_and_answers_come_back() -> None:
    deployment = _Deployment(lambda: [NEW] * len(EVENTS))
    intake: SignalIntake = RemoteSignalIntake(deployment)
    assert await intake.record(EVENTS, backfill=True) == [NEW] * len(EVENTS)
    assert deployment.got == [(list(EVENTS), True)]
    assert await intake.ready()


@pytest.mark.parametrize(
    "outage",
    [
        _task_error(EventLogUnavailableError("disk full at /secret")),
        ActorUnavailableError("it is gone", b"\0" * 16),
        ConnectionError("refused"),
    ],
)
async def test_an_outage_of_any_kind_means_that_nothing_is_recorded(outage: Exception) -> None:
    with pytest.raises(EventLogUnavailableError) as error:
        await RemoteSignalIntake(_Deployment(outage)).record(EVENTS)
    assert type(error.value) is EventLogUnavailableError
    assert "secret" not in str(error.value)


async def test_a_deployment_that_hangs_is_given_up() -> None:
    with pytest.raises(EventLogUnavailableError):
        await asyncio.wait_for(RemoteSignalIntake(_Deployment(None), timeout_s=0.01).record(EVENTS), 60)


async def test_a_bug_in_the_deployment_is_no_outage() -> None:
    with pytest.raises(KeyError):
        await RemoteSignalIntake(_Deployment(_task_error(KeyError("x")))).record(EVENTS)
