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
    redis_ca_file: Path | None = None
    """Authorities to trust in place of the system's, PEM. The system's, where there is no such file: a server that they
    do not know is refused."""

    def __post_init__(self) -> None:
        """Refuses a Redis store without an address, and a CA that would not be asked."""
        if self.kind is not OnlineKind.REDIS:
            return
        if ":" not in self.redis:
            raise ValueError("a Redis online store needs its address as HOST:PORT")
        if self.redis_ca_file is None or not self.redis_ca_file.is_file():
            return
        if "," in str(self.redis_ca_file):
            raise ValueError("the CA file of Redis: its path may hold no comma, at which Feast splits what it is told")
        if _options(self.redis).get("ssl", "").lower() != "true":
            raise ValueError("a CA file of Redis is for TLS only: add ,ssl=true to the address, or leave the file out")

    def connection_string(self) -> str:
        """For Feast, and whoever takes its clients: the address, with the CA that is there unless it names its own."""
        file = self.redis_ca_file
        if file is None or not file.is_file() or "ssl_ca_certs" in _options(self.redis):
            return self.redis
        return f"{self.redis},ssl_ca_certs={file.absolute()}"


def _options(connection_string: str) -> dict[str, str]:
    """What follows the addresses, by name; read as Feast does."""
    return dict(part.split("=", 1) for part in connection_string.split(",") if "=" in part)


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
