"""How commands reach a running stack: its address, and where their own spans go."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

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


def endpoint_of(settings: Settings, address: str | None) -> Endpoint:
    """The named address, else that of the stack running here, else the settings' port on this machine."""
    state = read_state(settings.state_dir.resolve())
    telemetry = settings.telemetry.endpoint
    if state is not None:
        running = Settings.from_payload(state.settings)
        telemetry = telemetry or running.telemetry.endpoint
        return Endpoint(address or state.grpc_address, telemetry)
    return Endpoint(address or f"127.0.0.1:{settings.grpc.port}", telemetry)


@contextmanager
def connected(
    settings: Settings, address: str | None, *, traced: bool, retry: RetryPolicy | None = None
) -> Iterator[TidegateClient]:
    """A client whose spans are exported before the command ends.

    Args:
        settings: The command's.
        address: host:port, or None for the stack running here.
        traced: False sends the unsampled flag, which every hop keeps.
        retry: The client's own by default.

    Raises:
        click.ClickException: Nothing listens there.
    """
    endpoint = endpoint_of(settings, address)
    refuse_if_nothing_listens(endpoint.address, named=address is not None)
    provider = configure_tracing(
        service_name=ServiceName.CLIENT, endpoint=endpoint.telemetry, root_ratio=1.0 if traced else 0.0
    )
    try:
        with TidegateClient(endpoint.address, tracer=tracer_of(provider), retry=retry or RetryPolicy()) as client:
            yield client
    finally:
        provider.shutdown()


def refuse_if_nothing_listens(address: str, *, named: bool) -> None:
    """Says so at once and in one sentence, where gRPC would retry and then quote its own words."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return  # another kind of gRPC target ("unix:…", "dns:///…"), which gRPC resolves itself
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        hint = "check --address" if named else "`tidegate up` starts it here"
        raise click.ClickException(f"Tidegate is not running at {address}; {hint}") from error
