"""Commands made by hand are the bytes that redis-py sends, and a real Redis answers them in order."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.connection import Connection
from redis.exceptions import ResponseError

from tests.enrichment.conftest import RedisServer
from tidegate.features.redis_wire import bulk, exchange, start

ARGUMENTS = [b"", b"\r\n", b"$3\r\nabc", bytes(range(256)), "Größe 🐢".encode()]


def command(name: bytes, *arguments: bytes) -> bytes:
    return b"".join([start(name, len(arguments)), *map(bulk, arguments)])


@pytest.fixture(scope="module")
def client() -> Iterator[Redis]:
    """Of a Redis of these tests' own."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    server = RedisServer()
    try:
        server.start()
        with Redis(port=server.port) as opened:
            yield opened
    finally:
        server.kill()


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_a_command_is_what_redis_py_makes_of_it(arguments: list[bytes]) -> None:
    connection: Any = Connection  # redis-py's is untyped
    assert command(b"HSET", *arguments) == b"".join(connection().pack_command("HSET", *arguments))


@pytest.mark.integration
def test_replies_come_in_the_order_of_commands_and_any_bytes_survive(client: Redis) -> None:
    written = [command(b"SET", b"key %d" % number, value) for number, value in enumerate(ARGUMENTS)]
    assert exchange(client, b"".join(written), len(written)) == [b"OK"] * len(ARGUMENTS)
    asked = [command(b"GET", b"key %d" % number) for number in range(len(ARGUMENTS) + 1)]
    assert exchange(client, b"".join(asked), len(asked)) == [*ARGUMENTS, None]


@pytest.mark.integration
def test_a_refused_command_raises_leaves_the_others_done_and_no_reply_for_the_next(client: Redis) -> None:
    commands = command(b"SET", b"text", b"a") + command(b"HGET", b"text", b"f") + command(b"SET", b"after", b"b")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        exchange(client, commands, 3)
    asked = command(b"GET", b"text") + command(b"GET", b"after")
    assert exchange(client, asked, 2) == [b"a", b"b"]


@pytest.mark.integration
def test_a_connection_that_redis_has_closed_meanwhile_is_made_again(client: Redis) -> None:
    identity = exchange(client, command(b"CLIENT", b"ID"), 1)
    with Redis(port=client.connection_pool.connection_kwargs["port"]) as other:
        assert other.client_kill_filter(_id=str(identity[0])) == 1
    assert exchange(client, command(b"ECHO", b"again"), 1) == [b"again"]
