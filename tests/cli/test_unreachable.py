"""An address that leads nowhere: what commands say of it, before gRPC would try again and again."""

import contextlib
import socket

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main


def _told(address: str) -> str:
    result = CliRunner().invoke(main, ["moderate", "--address", address, "--text", "x", "--account", "a"])
    assert result.exit_code == 1
    return result.stderr


@pytest.mark.parametrize("host", ["no host", "a..b"])
def test_a_name_that_can_not_be_looked_up_is_told_from_a_service_that_is_down(host: str) -> None:
    assert _told(f"{host}:443") == (
        f"Error: {host} is no host that this machine can look up; check --address, and its DNS\n"
    )


def test_an_address_that_swallows_connections_is_told_as_what_it_may_be() -> None:
    with contextlib.ExitStack() as opened:
        full = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):  # which nobody accepts: further ones are dropped, as a firewall does
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        assert _told(f"127.0.0.1:{port}") == (
            f"Error: 127.0.0.1:{port} does not answer within 3 s; a firewall or a NetworkPolicy may be in between\n"
        )
