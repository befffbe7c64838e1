"""When a call is tried again."""

import random
from dataclasses import dataclass

import grpc


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """On UNAVAILABLE only, with full jitter and a cap. A request carries an idempotency key, so none decides twice."""

    attempts: int = 4
    """Calls in all; 1 means no retry."""
    first_delay_ms: float = 50.0
    """Upper end of the first pause; it doubles from there."""
    longest_delay_ms: float = 1_000.0
    """Upper end of any pause."""

    def delay_s(self, attempt: int, *, random_share: float | None = None) -> float:
        """Pause after attempt number `attempt`, counting from 1.

        Full jitter, after "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        share = random.random() if random_share is None else random_share  # noqa: S311 - spreads load, guards nothing
        return min(self.longest_delay_ms, self.first_delay_ms * 2.0 ** (attempt - 1)) * share / 1000.0

    def again(self, error: grpc.RpcError, attempt: int) -> bool:
        """Whether to try again after this attempt."""
        return error.code() is grpc.StatusCode.UNAVAILABLE and attempt < self.attempts
