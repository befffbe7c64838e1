"""What every command takes that calls the service: its address, and TLS."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tidegate.cli.tls import Tls

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    click.option("--address", help="host:port; by default the stack running here."),
    click.option("--tls", is_flag=True, help="Speaks TLS, as a Gateway does. Needs --address."),
    click.option(
        "--ca-file",
        type=_FILE,
        help="Authorities to trust, PEM, in place of this machine's own, which are where OpenSSL looks: SSL_CERT_FILE, "
        "and every folder of SSL_CERT_DIR. Implies --tls.",
    ),
    click.option("--client-cert", type=_FILE, help="This client's certificate, PEM, if the service asks for one."),
    click.option("--client-key", type=_FILE, help="Its key, PEM, not encrypted."),
)


@dataclass(frozen=True, slots=True)
class Server:
    """Which service a command calls."""

    address: str | None = None
    """host:port; None means the stack running here."""
    tls: Tls | None = None
    """None means plain text."""


HERE = Server()
"""The stack running here."""


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets them as `server`."""

    @wraps(command)
    def called(
        *args: Any,
        address: str | None,
        tls: bool,
        ca_file: Path | None,
        client_cert: Path | None,
        client_key: Path | None,
        **kwargs: Any,
    ) -> Any:
        wanted = tls or any((ca_file, client_cert, client_key))
        made = Tls(ca_file, client_cert, client_key) if wanted else None
        _refuse_half(address, made)
        return command(*args, server=Server(address, made), **kwargs)

    added: Callable[..., Any] = called
    for option in reversed(_OPTIONS):
        added = option(added)
    return added


def _refuse_half(address: str | None, tls: Tls | None) -> None:
    if tls is None:
        return
    if address is None:
        raise click.UsageError("TLS needs --address: the stack that `tidegate up` starts speaks none.")
    if (tls.certificate is None) is not (tls.key is None):
        raise click.UsageError("Give --client-cert and --client-key together.")
    tls.context()
