"""A hot standby of a real PostgreSQL server: it answers whoever reads, and its replay can be stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.ledger.postgres_server import START_S, PostgresServer, binaries
from tidegate.serving.stack.ports import free_ports


class HotStandby:
    """One that follows by streaming."""

    def __init__(self, dsn: str) -> None:
        """Takes where it is."""
        self.dsn = dsn

    def stop_replay(self) -> None:
        """It goes on answering, with what it has by now."""
        self._run("SELECT pg_wal_replay_pause()")
        self._wait_for("SELECT pg_get_wal_replay_pause_state() = 'paused'")

    def take_over(self) -> None:
        """Returns when it is a primary. Connections to it stay."""
        self._run("SELECT pg_promote()")
        self._wait_for("SELECT NOT pg_is_in_recovery()")

    def wait_until_it_answers(self) -> None:
        """Returns when it lets readers in."""
        self._wait_for("SELECT pg_is_in_recovery()")

    def _run(self, statement: str) -> object:
        with contextlib.closing(psycopg.connect(self.dsn, autocommit=True, connect_timeout=2)) as connection:
            row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]

    def _wait_for(self, question: str) -> None:
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                if self._run(question):
                    return
            assert time.monotonic() < deadline, f"the standby never came to: {question}"
            time.sleep(0.05)


@contextlib.contextmanager
def standby_of(primary: PostgresServer) -> Iterator[HotStandby]:
    """One for the block, which begins when it answers."""
    programs = binaries()
    assert programs is not None  # the primary runs
    data, port = primary.scratch / "standby", free_ports(1)[0]
    user = "postgres" if os.geteuid() == 0 else None  # servers refuse root
    copied = [str(programs / "pg_basebackup"), "-D", str(data), "-d", primary.dsn(), "-R", "-X", "stream", "-c", "fast"]
    process: subprocess.Popen[bytes] | None = None
    try:
        subprocess.run(copied, check=True, cwd="/", user=user, group=user)
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"port = '{port}'\n")
        process = _started(programs, data, user)
        standby = HotStandby(f"postgresql://tidegate@127.0.0.1:{port}/postgres")
        standby.wait_until_it_answers()
        yield standby
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(START_S)
        shutil.rmtree(data, ignore_errors=True)


def _started(programs: Path, data: Path, user: str | None) -> "subprocess.Popen[bytes]":
    with (data / "log").open("ab") as log:
        return subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data)], stdout=log, stderr=log, cwd="/", user=user, group=user
        )
