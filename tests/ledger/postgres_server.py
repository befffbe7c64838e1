"""A real PostgreSQL server for tests: initdb, on a free port, in a folder of its own, stopped by whoever started it."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tidegate.serving.stack.ports import free_ports

START_S = 60.0


def binaries() -> Path | None:
    """Where the newest installed server's programs are; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextlib.contextmanager
def running_server() -> Iterator["PostgresServer"]:
    """One for the block. Skips the test where PostgreSQL is not installed."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    server = PostgresServer(programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


class PostgresServer:
    """One server. Keeps its port over restarts."""

    def __init__(self, bin_folder: Path, *, durable: bool = False) -> None:
        """Makes a cluster, and starts nothing.

        Args:
            bin_folder: The server's programs.
            durable: As one is run: with fsync, whose absence matters only where the machine itself stops, which no test
                can do; and with the usual size of log segments, where small ones make a full disk a matter of seconds.
        """
        self._bin = bin_folder
        self._folder = Path(tempfile.mkdtemp(prefix="tidegate-pg-"))
        self.port = free_ports(1)[0]
        self._user = _server_user()
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        made = ["-U", "tidegate", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        self._run("initdb", "-D", str(self.data), *made, f"--wal-segsize={16 if durable else 1}")
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "shared_buffers": "128MB" if durable else "32MB",
            "max_connections": "60",
            "fsync": "on" if durable else "off",
        }
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in options.items())

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self._folder / "data"

    @property
    def scratch(self) -> Path:
        """A folder beside the cluster, on the same disk, that goes with it."""
        return self._folder

    def dsn(self, database: str = "postgres") -> str:
        """How to reach a database."""
        return f"postgresql://tidegate@127.0.0.1:{self.port}/{database}"

    def secure(self, *, certificate: bytes, key: bytes) -> None:
        """From its next start it speaks TLS too, with this certificate (PEM)."""
        for name, held in (("server.crt", certificate), ("server.key", key)):
            path = self.data / name
            path.write_bytes(held)
            path.chmod(0o600)  # as the server demands
            if self._user:
                shutil.chown(path, self._user)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("ssl = on\n")

    def standby(self) -> "PostgresServer":
        """A hot standby, not started, of this server, which is stopped. What comes later never gets there."""
        behind = PostgresServer(self._bin)
        shutil.rmtree(behind.data)
        self._run("cp", "-a", str(self.data), str(behind.data))
        self._run("touch", str(behind.data / "standby.signal"))
        with (behind.data / "postgresql.conf").open("a") as file:
            file.write(f"port = '{behind.port}'\nunix_socket_directories = '{behind.scratch}'\n")
        return behind

    def start(self) -> None:
        """Returns when it lets in."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self.data)],
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
                group=self._user,
            )
        deadline = time.monotonic() + START_S
        while not self._lets_in():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop_at_once(self) -> None:
        """`pg_ctl stop -m immediate`: as in a crash, connections are cut; the next start replays the log."""
        self._signal(signal.SIGQUIT)

    def stop(self) -> None:
        """Fast shutdown: connections are ended."""
        self._signal(signal.SIGINT)

    def restart_at_once(self) -> None:
        """As after a crash."""
        self.stop_at_once()
        self.start()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """All its processes are suspended in the block: the kernel still takes what is sent, and nobody answers."""
        suspended = self._processes()
        for process in suspended:
            process.suspend()
        try:
            yield
        finally:
            for process in suspended:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    @contextlib.contextmanager
    def with_full_disk(self, *, largest_bytes: int) -> Iterator[None]:
        """No file of its may grow beyond this in the block. The server meets it as it meets a disk that is full."""
        self._limit_files(f"{largest_bytes}:unlimited")
        try:
            yield
        finally:
            self._limit_files("unlimited:unlimited")

    def create_database(self, name: str) -> str:
        """A new, empty database; its DSN."""
        with contextlib.closing(psycopg.connect(self.dsn(), autocommit=True)) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.dsn(name)

    def remove(self) -> None:
        """Stops it and deletes its folder."""
        if self._process is not None and self._process.poll() is None:
            self._signal(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def _limit_files(self, limits: str) -> None:
        """Of its running processes; those that it starts inherit them. Its own user may do that, where root may not."""
        for process in self._processes():
            command = ["prlimit", "--pid", str(process.pid), f"--fsize={limits}"]
            done = subprocess.run(command, check=False, cwd="/", user=self._user, group=self._user, capture_output=True)
            assert done.returncode == 0 or not process.is_running(), done.stderr

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(START_S)
        self._process = None

    def _lets_in(self) -> bool:
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        ours = self._bin / program
        command = [str(ours) if ours.exists() else program, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", user=self._user, group=self._user
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")


def _server_user() -> str | None:
    """Whom the server runs as: it refuses root."""
    return "postgres" if os.geteuid() == 0 else None
