"""Commands to a single Redis as bytes: made once where they are alike, sent in one piece.

redis-py packs each argument of each command. Our commands have a hundred, of which most are the names of fields.
Wire format: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from typing import Any

from redis import Redis


def bulk(argument: bytes) -> bytes:
    """An argument of a command."""
    return b"$%d\r\n%b\r\n" % (len(argument), argument)


def start(name: bytes, arguments: int) -> bytes:
    """What a command begins with; so many arguments follow, each as a `bulk`."""
    return b"*%d\r\n%b" % (arguments + 1, bulk(name))


def exchange(client: "Redis", commands: bytes, replies: int) -> list[Any]:
    """Sends commands on a connection of the client's and returns the replies.

    Raises:
        redis.RedisError: Redis can't be reached, is late, or refuses one of them; others may have been carried out.
    """
    pool = client.connection_pool
    connection: Any = pool.get_connection()  # redis-py's are partly untyped

    def attempt() -> list[Any]:
        connection.send_packed_command([commands])
        return [connection.read_response() for _ in range(replies)]

    try:
        answered: list[Any] = connection.retry.call_with_retry(attempt, lambda _: connection.disconnect())
    except BaseException:
        # Replies that were not read would answer the connection's next command.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
    return answered
