"""Which online store a repository uses: plain data, without Feast, so that commands and settings can speak of it."""

from dataclasses import dataclass
from enum import StrEnum

CONFIGURATION = "feature_store.yaml"
"""Name of the file that makes a directory a feature repository."""

EVENTS = "events.db"
"""Name of the event log, unless told otherwise, in the state directory."""


class OnlineKind(StrEnum):
    """Online stores that Tidegate is tested with."""

    SQLITE = "sqlite"
    REDIS = "redis"


@dataclass(frozen=True, slots=True)
class OnlineChoice:
    """Which online store to use."""

    kind: OnlineKind = OnlineKind.SQLITE
    """SQLite lies in the state directory."""
    redis: str = ""
    """`HOST:PORT[,ssl=true,password=${VARIABLE}…]`, as Feast's `connection_string`; needed for REDIS only."""

    def __post_init__(self) -> None:
        """Refuses a Redis store without an address."""
        if self.kind is OnlineKind.REDIS and ":" not in self.redis:
            raise ValueError("a Redis online store needs its address as HOST:PORT")
