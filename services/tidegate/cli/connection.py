"""How commands reach a running stack: its address, and where their own spans go."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tidegate.client import TidegateClient
from tidegate.serving.settings import Settings
from tidegate.serving.stack.state import read_state
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.setup import configure_tracing, tracer_of


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
def connected(settings: Settings, address: str | None, *, traced: bool) -> Iterator[TidegateClient]:
    """A client whose spans are exported before the command ends.

    Args:
        settings: The command's.
        address: host:port, or None for the stack running here.
        traced: False sends the unsampled flag, which every hop keeps.
    """
    endpoint = endpoint_of(settings, address)
    provider = configure_tracing(
        service_name=ServiceName.CLIENT, endpoint=endpoint.telemetry, root_ratio=1.0 if traced else 0.0
    )
    try:
        with TidegateClient(endpoint.address, tracer=tracer_of(provider)) as client:
            yield client
    finally:
        provider.shutdown()
