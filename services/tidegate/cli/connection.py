"""How commands reach a running stack: its address, and where their own spans go."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from tidegate.cli.server_options import Server
from tidegate.cli.tls import Tls, refuse_bad_tls, refuse_if_tls
from tidegate.client import RetryPolicy, TidegateClient
from tidegate.serving.settings import Settings
from tidegate.serving.stack.state import read_state
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.setup import configure_tracing, tracer_of

CONNECT_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to call, and where to send spans."""

    address: str
    """host:port of the gRPC endpoint."""
    telemetry: str | None
    """OTLP endpoint; None sends no spans."""
    tls: Tls | None = None
    """None means plain text."""
    named: bool = True
    """Whether somebody gave the address; else it is what the settings or the running stack say."""


def endpoint_of(settings: Settings, server: Server) -> Endpoint:
    """The named address, else that of the stack running here, else the settings' port on this machine."""
    state = read_state(settings.state_dir.resolve())
    telemetry = settings.telemetry.endpoint
    if state is not None:
        running = Settings.from_payload(state.settings)
        telemetry = telemetry or running.telemetry.endpoint
        here = state.grpc_address
    else:
        here = f"127.0.0.1:{settings.grpc.port}"
    return Endpoint(server.address or here, telemetry, tls=server.tls, named=server.address is not None)


@contextmanager
def connected(
    settings: Settings, server: Server, *, traced: bool, retry: RetryPolicy | None = None
) -> Iterator[TidegateClient]:
    """A client whose spans are exported before the command ends.

    Args:
        settings: The command's.
        server: Which service.
        traced: False sends the unsampled flag, which every hop keeps.
        retry: The client's own by default.

    Raises:
        click.ClickException: Nothing listens there, or TLS is wrong.
    """
    endpoint = endpoint_of(settings, server)
    refuse_if_unreachable(endpoint)
    provider = configure_tracing(
        service_name=ServiceName.CLIENT, endpoint=endpoint.telemetry, root_ratio=1.0 if traced else 0.0
    )
    try:
        with TidegateClient(
            endpoint.address,
            credentials=endpoint.tls.credentials() if endpoint.tls else None,
            tracer=tracer_of(provider),
            retry=retry or RetryPolicy(),
        ) as client:
            yield client
    finally:
        provider.shutdown()


def refuse_if_unreachable(endpoint: Endpoint) -> None:
    """Says so at once and in one sentence, where gRPC would retry and then quote its own words."""
    host, _, port = endpoint.address.rpartition(":")
    if not host or not port.isdigit():
        return  # another kind of gRPC target ("unix:…", "dns:///…"), which gRPC resolves itself
    try:
        connection = socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S)
    except (socket.gaierror, UnicodeError) as error:
        told = f"{host} is no host that this machine can look up; check --address, and its DNS"
        raise click.ClickException(told) from error
    except TimeoutError as error:
        between = "a firewall or a NetworkPolicy may be in between"
        told = f"{endpoint.address} does not answer within {CONNECT_TIMEOUT_S:g} s; {between}"
        raise click.ClickException(told) from error
    except OSError as error:
        hint = "check --address" if endpoint.named else "`tidegate up` starts it here"
        raise click.ClickException(f"Tidegate is not running at {endpoint.address}; {hint}") from error
    with connection:
        if endpoint.tls is not None:
            refuse_bad_tls(connection, endpoint.address, endpoint.tls)
        elif endpoint.named:
            refuse_if_tls(connection, endpoint.address)
