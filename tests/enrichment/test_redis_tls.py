"""A Redis with TLS and a CA of one's own: signals are written and read with that CA, and by nobody without it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.cli.authority import Authority
from tests.enrichment.conftest import RedisServer, free_port
from tests.enrichment.stored_accounts import write_rows
from tidegate.cli.main import main
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.online_reads import OnlineReads
from tidegate.features.online import CONFIGURATION, OnlineChoice, OnlineKind
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.repository import write_configuration

pytestmark = pytest.mark.integration

HOST = "localhost"
IDS = ["acct-trusted", "acct-strikes", "acct-nobody"]


@dataclass(frozen=True)
class Secured:
    """A server with TLS, beside a plain port by which tests look into it; who signed its certificate, and another."""

    server: RedisServer
    port: int
    ours: Path
    theirs: Path

    def choice(self, authority: Path | None, *, host: str = HOST) -> OnlineChoice:
        return OnlineChoice(OnlineKind.REDIS, f"{host}:{self.port},ssl=true", authority)

    def keys(self) -> int:
        with Redis(port=self.server.port) as plain:
            return len(plain.keys())


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    folder, signer = tmp_path_factory.mktemp("tls"), Authority("ours")
    ours, theirs = folder / "ca.crt", folder / "theirs.crt"
    ours.write_bytes(signer.own())
    theirs.write_bytes(Authority("theirs").own())
    certificate, key = signer.issue(HOST).files(folder, "server")
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    server = RedisServer(*options, "--tls-ca-cert-file", str(ours), "--tls-auth-clients", "no")
    try:
        server.start()
        yield Secured(server, port, ours, theirs)
    finally:
        server.kill()


@pytest.fixture
def emptied(secured: Secured) -> Secured:
    """The same without keys."""
    with Redis(port=secured.server.port) as plain:
        plain.flushall()
    return secured


async def streamed(state: Path) -> object:
    """As the router's lookup reads: on the event loop."""
    reads = OnlineReads(FeastReader(state, redis_timeout_ms=10_000), concurrency=1, waiting=1)
    try:
        return await reads.read(IDS, timeout_s=60)
    finally:
        await reads.close()


def blocking(state: Path) -> object:
    """As commands and the signals' writer read."""
    reader = FeastReader(state, redis_timeout_ms=10_000)
    try:
        return reader.read(IDS)
    finally:
        reader.close()


async def test_with_the_ca_signals_are_written_and_read(
    emptied: Secured, sqlite_state: Path, seeded: Path, now: datetime
) -> None:
    write_configuration(sqlite_state, emptied.choice(emptied.ours))
    write_rows(sqlite_state, now=now)
    assert emptied.keys() > 0
    assert await streamed(sqlite_state) == blocking(sqlite_state) == blocking(seeded)


@pytest.mark.parametrize("trusted", ["none", "another's", "a file that is not there"])
async def test_without_the_ca_nothing_is_written_or_read(
    trusted: str, emptied: Secured, sqlite_state: Path, now: datetime, tmp_path: Path
) -> None:
    files = {"none": None, "another's": emptied.theirs, "a file that is not there": tmp_path / "ca.crt"}
    write_configuration(sqlite_state, emptied.choice(files[trusted]))
    with pytest.raises(OnlineStoreUnavailableError) as raised:
        write_rows(sqlite_state, now=now)
    assert "certificate verify failed" in str(raised.value.__cause__)
    with pytest.raises(RedisConnectionError, match="certificate verify failed"):
        blocking(sqlite_state)
    with pytest.raises(RedisConnectionError, match="certificate verify failed"):
        await streamed(sqlite_state)
    assert emptied.keys() == 0


async def test_a_server_of_another_name_is_refused(emptied: Secured, sqlite_state: Path) -> None:
    write_configuration(sqlite_state, emptied.choice(emptied.ours, host="127.0.0.1"))
    with pytest.raises(RedisConnectionError, match="certificate verify failed"):
        blocking(sqlite_state)
    with pytest.raises(RedisConnectionError, match="certificate verify failed"):
        await streamed(sqlite_state)


def applied(state: Path, address: str, authority: Path) -> tuple[int, str, str]:
    """Runs the command as the pods' init container does; its status, its errors, and what it told Feast."""
    options = ["--state", str(state), "--online", "redis", "--redis", address, f"--redis-ca-file={authority}"]
    done = CliRunner().invoke(main, ["features", "apply", *options], catch_exceptions=False)
    written = state / CONFIGURATION
    told = yaml.safe_load(written.read_text())["online_store"]["connection_string"] if written.is_file() else ""
    return done.exit_code, done.stderr, told


def test_the_command_names_the_file_that_is_mounted_and_else_the_systems_authorities_hold(
    secured: Secured, tmp_path: Path
) -> None:
    address = f"{HOST}:{secured.port},ssl=true,password=${{ONLINE_STORE_PASSWORD}}"
    mounted = tmp_path / "mounted" / "ca.crt"
    assert applied(tmp_path / "state", address, mounted)[::2] == (0, address)
    mounted.parent.mkdir()
    shutil.copy(secured.ours, mounted)
    assert applied(tmp_path / "state", address, mounted)[::2] == (0, f"{address},ssl_ca_certs={mounted}")
    own = f"{address},ssl_ca_certs=/elsewhere.crt"
    assert applied(tmp_path / "state", own, mounted)[::2] == (0, own)


@pytest.mark.parametrize(
    ("host", "why"), [(HOST, "certificate in certificate chain"), ("127.0.0.1", "IP address mismatch")]
)
def test_a_command_that_writes_says_why_the_server_is_refused_and_what_to_do(
    host: str, why: str, emptied: Secured, tmp_path: Path
) -> None:
    authority = emptied.theirs if host == HOST else emptied.ours
    online = ["--online", "redis", "--redis", f"{host}:{emptied.port},ssl=true", f"--redis-ca-file={authority}"]
    arguments = ["features", "seed", "--accounts", "0", "--state", str(tmp_path / "state"), *online]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    told = " ".join(done.stderr.split())
    assert (done.exit_code, emptied.keys()) == (1, 0)
    assert "the online store's certificate is refused" in told
    assert why in told
    assert "--redis-ca-file FILE" in told


@pytest.mark.parametrize("address", ["redis.example:6379", "redis.example:6379,ssl=false,password=ssl=true"])
def test_a_ca_without_tls_is_refused(secured: Secured, address: str, tmp_path: Path) -> None:
    code, told, written = applied(tmp_path, address, secured.ours)
    assert (code, written) == (2, "")
    assert "add ,ssl=true to the address" in " ".join(told.split())
