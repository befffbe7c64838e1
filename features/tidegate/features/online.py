"""Which online store a repository uses: plain data, without Feast, so that commands and settings can speak of it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml

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


def told(state: Path) -> str:
    """Which online store the repository in `state` uses, for people: its kind, and its file or addresses.

    Of a connection string only addresses are told: the rest may hold a password. A configuration that can't be read is
    told as such; whoever opens it raises.
    """
    try:
        store = yaml.safe_load((state / CONFIGURATION).read_text())["online_store"]
        kind, path, connection = str(store["type"]), store.get("path"), str(store.get("connection_string", ""))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return f"the online store of {state / CONFIGURATION}"
    addresses = [part for part in connection.split(",") if "=" not in part and "@" not in part]
    place = state / path if path else ", ".join(filter(None, addresses))
    return f"the {kind} online store {place}".rstrip()
