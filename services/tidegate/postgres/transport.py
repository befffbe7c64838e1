"""Whether a connection is sure to reach the server that was meant, unread by others on the way.

libpq's default is neither: `prefer` takes plain text from a server that offers nothing else, and any certificate.
https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
"""

from ipaddress import ip_address
from itertools import zip_longest
from typing import Final

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from tidegate.postgres.connection import PostgresTarget

_PLAIN = "the server is not verified, and the password and all that is sent may go over the network as plain text"
_MEANS: Final = {
    "disable": "the server is not verified, and the password and all that is sent go over the network as plain text",
    "allow": _PLAIN,
    "prefer": _PLAIN,
    "require": "all that is sent is encrypted, but the server is not verified, so that another may take its place",
}
"""What is missing, by `sslmode`."""


def unverified(target: PostgresTarget, *, whose: str) -> str | None:
    """What is not sure about a database's connections, and what to set, in one sentence; None if nothing is missing.

    Says neither the DSN nor a part of it but `sslmode`. Connections within this machine need nothing. Of a `service`
    nothing is said: its file may hold all of this.

    Args:
        target: The database. Nothing is connected.
        whose: Whose it is, as in "the ledger's".
    """
    given = {key: str(value) for key, value in conninfo_to_dict(target.dsn).items() if value is not None}
    # With PGHOST, PGSSLMODE and the like, which libpq reads where the DSN is silent.
    defaults = Conninfo.get_defaults()
    preset = {each.keyword.decode(): each.val.decode(errors="replace") for each in defaults if each.val}
    in_force = preset | given
    mode = in_force.get("sslmode", "prefer")
    missing = _MEANS.get(mode)
    if mode == "require" and in_force.get("sslrootcert"):
        missing = None  # taken for verify-ca
    if missing is None or "service" in in_force or _within_machine(in_force):
        return None
    says = f"says sslmode={mode}" if "sslmode" in given else f"says no sslmode, so {mode} is in force"
    return (
        f"{whose} connection URI {says}: {missing}; set sslmode=verify-full, and sslrootcert to the file with the"
        " certificates of who signed the server's."
    )


def _within_machine(in_force: dict[str, str]) -> bool:
    """Whether every host is a local socket or a loopback address. `hostaddr` goes before `host`, one by one."""
    hosts, addresses = (in_force.get(key, "").split(",") for key in ("host", "hostaddr"))
    return all(_local(address or host) for host, address in zip_longest(hosts, addresses, fillvalue=""))


def _local(host: str) -> bool:
    if not host or host[0] in "/@" or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
