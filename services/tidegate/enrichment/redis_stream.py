"""Reads of one Redis server on the event loop: a batch is one write and one read, and no thread is woken for it.

Waking a thread and the loop again takes longer than Redis itself does. Feast owns the address and what else connecting
takes; redis-py connects.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tidegate.enrichment.bounded_threads import StoreBusyError
from tidegate.enrichment.freshness import StoredRow
from tidegate.enrichment.redis_rows import RedisRows, Reply


class RedisStream:
    """Reads rows on few connections, with a bounded queue: a hung server holds these and nothing else."""

    def __init__(self, client: "Redis", rows: RedisRows, *, connections: int, waiting: int) -> None:
        """Connects to nothing yet.

        Args:
            client: Feast's own, whose timeouts are set; its connections are made here and closed by `close`.
            rows: What to ask for, and what the answers mean.
            connections: Most batches at a time.
            waiting: Most batches that wait for a connection; beyond that a batch is refused.
        """
        self._pool: Any = client.connection_pool  # redis-py's are partly untyped
        self._timeout_s: float | None = self._pool.connection_kwargs.get("socket_timeout")
        # One limit for the whole exchange, in place of one per answer, and no pauses before another attempt.
        self._pool.connection_kwargs.update(socket_timeout=None, retry=None, retry_on_error=[])
        self._rows = rows
        self._idle: list[Any] = []
        self._turns = asyncio.Semaphore(connections)
        self._places = connections + waiting

    async def read(self, account_ids: Sequence[str], *, timeout_s: float) -> list[tuple[StoredRow, ...]]:
        """One tuple per account, in order, with one row per view. Waits no longer than the client's socket timeout.

        Raises:
            StoreBusyError: There is no place for it.
            TimeoutError: Redis did not answer in time.
            Exception: Whatever else redis-py raises.
        """
        if not self._places:
            raise StoreBusyError
        self._places -= 1
        try:
            async with asyncio.timeout(min(timeout_s, self._timeout_s or timeout_s)), self._turns:
                replies = await self._exchange(self._rows.command(account_ids), len(account_ids))
        except RedisTimeoutError as error:
            raise TimeoutError from error
        finally:
            self._places += 1
        return self._rows.rows(replies)

    async def close(self) -> None:
        """Closes the connections."""
        for connection in self._idle:
            await connection.disconnect()

    async def _exchange(self, command: bytes, count: int) -> list[Reply]:
        connection = self._idle.pop() if self._idle else self._pool.make_connection()
        try:
            return await _ask(connection, command, count)
        except RedisConnectionError:
            # Redis was started anew and has closed it: once more on a new one.
            await connection.disconnect(nowait=True)
            return await _ask(connection, command, count)
        finally:
            self._idle.append(connection)


async def _ask(connection: Any, command: bytes, count: int) -> list[Reply]:
    try:
        await connection.send_packed_command([command], check_health=False)
        return [await connection.read_response() for _ in range(count)]
    except BaseException:
        # Replies that were not read would answer the connection's next command.
        await connection.disconnect(nowait=True)
        raise
