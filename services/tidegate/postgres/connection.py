"""Connections to a PostgreSQL server: where it is, and that nothing on them waits for ever.

A server may be gone (TCP tells), slow (it cancels by itself) or hung while its kernel still answers, which only a
clock on our side notices: `BoundedConnection`.
"""

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

CONNECT_TIMEOUT_S = 2
"""Seconds for a connection, whole ones, and 2 at least (libpq). A `connect_timeout` in the DSN goes before."""

_INTERVAL_S = 0.05
"""How often a wait looks at the clock."""

_INDEXES_ONLY = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
"""Off where all queries are point reads. A plan that was made while a day's table was small is kept while it grows."""


_SCHEMES = ("postgresql://", "postgres://")
_PORTS = re.compile(r"[0-9,]*")
"""One, or one for each host."""


class DsnError(ValueError):
    """The text names no PostgreSQL database. Never holds the text, which may hold a password."""


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """One PostgreSQL database."""

    dsn: str = field(repr=False)
    """Connection URI or `key=value` string as libpq takes it. A secret: it may hold a password."""
    current_dsn: Callable[[], str | None] | None = field(default=None, repr=False, compare=False)
    """Gives the DSN as it is now, for each new connection: a password may be changed while we run. None, here or from
    it, stays with `dsn`, and so does what libpq can't take."""

    def __post_init__(self) -> None:
        """Raises DsnError if libpq can't take it."""
        try:
            parsed = conninfo_to_dict(self.dsn)
        except (psycopg.Error, UnicodeDecodeError):  # `%80` is a byte of no text
            parsed = {}
        uri = self.dsn.startswith(_SCHEMES)
        if not parsed and not uri:
            raise DsnError("must be a PostgreSQL connection URI such as postgresql://user@host:5432/database")
        if not parsed or _misread(self.dsn) or not _PORTS.fullmatch(str(parsed.get("port") or "")):
            raise DsnError(
                "can't be read for certain: percent-encode `@` (%40), `/` (%2F), `:` (%3A), `?` (%3F), `%` (%25) and"
                " spaces (%20) in a user, a password or an option, as in postgresql://user:p%40ss@host:5432/database,"
                " and give only options that libpq knows"
            )

    def __str__(self) -> str:
        """Where it is, for people: no user, no password, no options. Never part of one: see `_misread`."""
        parsed = conninfo_to_dict(self.dsn)
        host = parsed.get("host") or parsed.get("hostaddr") or "localhost"
        return f"postgresql://{host}:{parsed.get('port') or 5432}/{parsed.get('dbname') or ''}"

    def connected(self, *, name: str, timeout_s: float | None, point_reads: bool = False) -> "BoundedConnection":
        """A new connection in autocommit, on which every statement and every wait for a lock ends in time.

        Args:
            name: As the server shows it (`application_name`), of 63 characters at most.
            timeout_s: For each statement; None for as long as it takes.
            point_reads: Whether every query on it finds its rows by an index.

        Raises:
            psycopg.Error: The server does not answer, or does not let us in.
        """
        dsn = self._renewed()
        parsed = conninfo_to_dict(dsn)
        timeout_ms = 0 if timeout_s is None else max(1, int(timeout_s * 1000))
        bounds: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "tcp_user_timeout": timeout_ms or 30_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        bounds = {key: value for key, value in bounds.items() if key not in parsed}
        connection = BoundedConnection.connect(make_conninfo(dsn, application_name=name, **bounds), autocommit=True)
        settings = {
            "statement_timeout": str(timeout_ms),
            "lock_timeout": str(timeout_ms),
            "idle_in_transaction_session_timeout": str(2 * timeout_ms),
            "timezone": "UTC",
            **(dict.fromkeys(_INDEXES_ONLY, "off") if point_reads else {}),
        }
        try:
            with connection.within(timeout_s):
                connection.execute(
                    f"SELECT {', '.join(['set_config(%s, %s, false)'] * len(settings))}",
                    [text for pair in settings.items() for text in pair],
                )
        except BaseException:
            connection.close()
            raise
        return connection

    def _renewed(self) -> str:
        found = None if self.current_dsn is None else self.current_dsn()
        if found is None or found == self.dsn:
            return self.dsn
        try:
            return PostgresTarget(found).dsn
        except DsnError:
            return self.dsn


def _misread(dsn: str) -> bool:
    """Whether libpq may take a part of a URI's password for a host, a port, a database or an option.

    It ends the user and password at the first `@`, and has neither where a `/` comes before that. What it took for a
    host would be looked up, and shown in errors. So the only `@` of a URI is the one before the host.
    """
    scheme = next((each for each in _SCHEMES if dsn.startswith(each)), None)
    if scheme is None:
        return False  # libpq quotes `key=value` for itself
    rest = dsn.removeprefix(scheme)
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    return rest.count("@") > 1 or "@" in rest.removeprefix(authority)


class BoundedConnection(psycopg.Connection[TupleRow]):
    """A connection that waits for the server until a deadline. Past it, nothing can be done but close it."""

    _deadline_s = math.inf

    @contextmanager
    def within(self, timeout_s: float | None) -> Iterator[None]:
        """All waits in the block end by then, with psycopg.OperationalError. None sets no bound."""
        before = self._deadline_s
        self._deadline_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        try:
            yield
        finally:
            self._deadline_s = before

    @contextmanager
    def pipeline(self) -> Iterator[psycopg.Pipeline]:
        """As psycopg's, which tells of a server that is late only that the pipeline can't be left: why is told here."""
        try:
            with super().pipeline() as opened:
                yield opened
        except psycopg.OperationalError as error:
            why = error.__context__
            if "pipeline mode" in str(error) and isinstance(why, psycopg.Error):
                raise why from None
            raise

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL_S, timeout: float | None = None) -> RV:
        """As psycopg's, and not beyond the deadline."""
        if self._deadline_s < math.inf:
            left_s = max(0.0, self._deadline_s - time.monotonic())
            timeout = left_s if timeout is None else min(timeout, left_s)
        return super().wait(gen, interval, timeout)


def said(error: psycopg.Error) -> str:
    """The server's sentence, or the client's first line, for people: neither holds a password."""
    told = error.diag.message_primary or str(error).partition("\n")[0]
    return told.strip().rstrip(".:") or type(error).__name__
