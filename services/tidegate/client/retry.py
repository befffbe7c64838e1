"""When a call is tried again."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from tidegate.client.errors import ModerationError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """On UNAVAILABLE only, with full jitter and a cap. A request carries an idempotency key, so none decides twice."""

    attempts: int = 4
    """Times in all that a request is sent; 1 means no retry."""
    first_delay_ms: float = 50.0
    """Upper end of the first pause; it doubles from there."""
    longest_delay_ms: float = 1_000.0
    """Upper end of any pause."""
    on_pause: Callable[[grpc.StatusCode, float], None] | None = None
    """Told of the status and of the seconds to wait before a call is sent again. Streams of items don't tell."""

    def again(self, code: grpc.StatusCode, attempt: int) -> bool:
        """Whether to try again after attempt number `attempt`, counting from 1, ended with `code`."""
        return code is grpc.StatusCode.UNAVAILABLE and attempt < self.attempts

    def delay_s(self, attempt: int, *, random_share: float | None = None) -> float:
        """Pause after attempt number `attempt`.

        Full jitter, after "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        share = random.random() if random_share is None else random_share  # noqa: S311 - spreads load, guards nothing
        # The exponent is held: 2.0 to a large power is not a number, and the cap has long been reached.
        upper_ms = min(self.longest_delay_ms, self.first_delay_ms * 2.0 ** min(attempt - 1, 60))
        return upper_ms * share / 1000.0


class Attempts:
    """The attempts of one call, all of them under one deadline."""

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        deadline_s: float,
        retried_as: Callable[[grpc.StatusCode], grpc.StatusCode] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts the clock.

        Args:
            policy: How often, with what pauses.
            deadline_s: From now, for all attempts and the pauses between them.
            retried_as: What the policy is told of a status; None tells it as it is.
            clock: Injected in tests.
        """
        self._policy = policy
        self._retried_as = retried_as
        self._clock = clock
        self._deadline_s = clock() + deadline_s
        self._made = 0

    def left_s(self) -> float:
        """The deadline for the attempt that begins now."""
        return max(0.0, self._deadline_s - self._clock())

    def pause_s(self, code: grpc.StatusCode) -> float | None:
        """How long to wait before the next attempt, now that one ended with `code`; None if there is no next one."""
        self._made += 1
        if not self._policy.again(code, self._made):
            return None
        pause_s = self._policy.delay_s(self._made)
        if pause_s >= self.left_s():
            return None
        if self._policy.on_pause is not None:
            self._policy.on_pause(code, pause_s)
        return pause_s

    def pause_after_s(self, error: grpc.RpcError) -> float:
        """How long to wait before the next attempt, now that one ended with `error`.

        Raises:
            ModerationError: There is no next one.
        """
        failed = ModerationError.from_rpc(error)
        pause_s = self.pause_s(self._retried_as(failed.code) if self._retried_as else failed.code)
        if pause_s is None:
            raise failed from error
        return pause_s
