"""A PostgreSQL server with TLS: the DSN that k8s/components/postgres/README.md gives lets in, by the right CA only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.cli.authority import Authority
from tests.ledger.postgres_server import PostgresServer, binaries
from tidegate.ledger.archive import LedgerUnreadableError
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.postgres.connection import PostgresTarget

pytestmark = pytest.mark.integration

README = Path(__file__).parents[2] / "k8s/components/postgres/README.md"
HOST = "db.internal"


@dataclass(frozen=True)
class Secured:
    """A server with TLS, and the certificates of who signed its own, and of somebody else."""

    server: PostgresServer
    ours: Path
    theirs: Path

    def dsn(self, certificate: Path, *, host: str = HOST) -> str:
        """The README's, for the ledger, with this CA's file in place of the mounted one."""
        text = README.read_text(encoding="utf-8")
        (documented,) = re.findall(r"^postgresql://tidegate_ledger:.*$", text, re.MULTILINE)
        options = documented.partition("?")[2].replace("/etc/tidegate-ledger/ca.crt", str(certificate))
        assert str(certificate) in options
        return f"postgresql://tidegate@{host}:{self.server.port}/postgres?{options}&hostaddr=127.0.0.1"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    folder, signer = tmp_path_factory.mktemp("tls"), Authority("ours")
    ours, theirs = folder / "ours.crt", folder / "theirs.crt"
    ours.write_bytes(signer.own())
    theirs.write_bytes(Authority("theirs").own())
    issued = signer.issue(HOST)
    server = PostgresServer(programs)
    try:
        server.secure(certificate=issued.certificate, key=issued.key)
        server.start()
        yield Secured(server, ours, theirs)
    finally:
        server.remove()


def test_the_documented_dsn_connects_by_tls(secured: Secured) -> None:
    PostgresPlace(PostgresTarget(secured.dsn(secured.ours))).migrate()
    with psycopg.connect(secured.dsn(secured.ours)) as connection:
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row == (True,)


def test_a_server_of_another_authority_is_refused(secured: Secured) -> None:
    with pytest.raises(LedgerUnreadableError, match="certificate verify failed"):
        PostgresPlace(PostgresTarget(secured.dsn(secured.theirs))).migrate()


def test_a_server_of_another_name_is_refused(secured: Secured) -> None:
    with pytest.raises(LedgerUnreadableError, match='does not match host name "other'):
        PostgresPlace(PostgresTarget(secured.dsn(secured.ours, host="other.internal"))).migrate()


def test_a_file_that_is_not_mounted_is_named(secured: Secured, tmp_path: Path) -> None:
    with pytest.raises(LedgerUnreadableError, match=r"root certificate file .*ca\.crt.* does not exist"):
        PostgresPlace(PostgresTarget(secured.dsn(tmp_path / "ca.crt"))).migrate()
