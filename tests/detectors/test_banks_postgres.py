"""The PostgreSQL store on a real server that is empty, restarts, hangs, loses what it said, or lets in only to read."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

import psycopg
import pytest
from click.testing import CliRunner

from tests.detectors.bank_pictures import picture, random_hash
from tests.detectors.bank_stores import PATIENT_S, PostgresBankStore
from tests.detectors.hot_standby import standby_of
from tests.ledger.lossy_proxy import Cut, LossyProxy
from tests.ledger.postgres_server import PostgresServer
from tidegate.cli.main import main
from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, Entry
from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.pdq import pdq
from tidegate.detectors.banks.port import Added, HashBanks
from tidegate.detectors.banks.postgres_adapter import PostgresBanks
from tidegate.detectors.banks.postgres_reads import revision_of
from tidegate.detectors.banks.postgres_schema import migrate
from tidegate.moderation.detection import DetectorStatus
from tidegate.postgres.connection import PostgresTarget
from tidegate.postgres.primary import StandbyError

pytestmark = pytest.mark.integration

BANK = DEFAULT_BANK.id
KNOWN = picture(1)
KNOWN_ENTRY = Entry("k", (pdq(KNOWN).hash,))
HASTY_S = 1.0


def one(name: str, seed: int = 0) -> Entry:
    return Entry(name, (random_hash(seed),))


def added_at_last(banks: HashBanks, entry: Entry) -> Added:
    """Once the store takes it again."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return banks.add(BANK, [entry])
        except BanksUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def distant(postgres: PostgresServer, postgres_banks: PostgresBankStore) -> Iterator[tuple[LossyProxy, PostgresTarget]]:
    """The same store by way of a network that can be cut."""
    del postgres_banks  # its tables are there
    between = LossyProxy(postgres.port)
    yield between, PostgresTarget(f"postgresql://tidegate@127.0.0.1:{between.port}/postgres")
    between.close()


async def test_a_database_without_banks_is_an_outage_and_none_are_made_in_passing(
    postgres_banks: PostgresBankStore,
) -> None:
    """A picture would be clean for a store that was made a moment ago, as in a database that is named by mistake."""
    postgres_banks.run("DROP SCHEMA tidegate_banks CASCADE")
    banks = postgres_banks.banks()
    matcher = BankMatcher(banks, max_age_s=60)
    assert not await matcher.ready()
    assert matcher.answer(KNOWN).status is DetectorStatus.FAILED
    with pytest.raises(BanksUnavailable):
        banks.create(Bank("covers"))
    migrate(postgres_banks.target)
    migrate(postgres_banks.target)
    await matcher.refresh()
    assert matcher.answer(KNOWN).scores == {BANK: 0.0}


def test_the_command_makes_the_banks_and_again_changes_nothing(
    postgres_banks: PostgresBankStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_banks.run("DROP SCHEMA tidegate_banks CASCADE")
    monkeypatch.setenv("TIDEGATE_BANKS__STORE", "postgres")
    monkeypatch.setenv("TIDEGATE_BANKS_DSN", postgres_banks.target.dsn)
    for _ in range(2):
        result = CliRunner().invoke(main, ["banks", "migrate"])
        assert result.exit_code == 0, result.output
        assert f"The hash banks at {postgres_banks.target} have" in result.output
        (bank,) = postgres_banks.banks().banks()
        postgres_banks.banks().add(BANK, [KNOWN_ENTRY])
    assert (bank.bank, bank.entries) == (DEFAULT_BANK, 1)


async def test_banks_that_go_away_while_they_are_used_are_an_outage(postgres_banks: PostgresBankStore) -> None:
    banks = postgres_banks.banks()
    banks.add(BANK, [KNOWN_ENTRY])
    postgres_banks.run("DROP SCHEMA tidegate_banks CASCADE")
    for _ in range(2):  # on the connection that there was, and on a new one
        with pytest.raises(BanksUnavailable):
            banks.changes_since(None)


def test_a_restart_while_nobody_asks_costs_nobody_an_answer(
    postgres_banks: PostgresBankStore, postgres: PostgresServer
) -> None:
    banks = postgres_banks.banks()
    banks.add(BANK, [KNOWN_ENTRY])
    postgres.restart_at_once()
    assert banks.add(BANK, [one("new")]) == Added(1, 0)
    postgres.restart_at_once()
    assert [stored.entry.id for stored in banks.entries(BANK, after=0, limit=9)] == ["k", "new"]


def test_a_change_whose_answer_is_lost_is_looked_for_and_told_as_it_was_made(
    distant: tuple[LossyProxy, PostgresTarget], postgres_banks: PostgresBankStore
) -> None:
    proxy, target = distant
    banks = PostgresBanks(target, timeout_s=PATIENT_S)
    before = postgres_banks.banks().changes_since(None)
    proxy.cut_at(b"COMMIT", Cut.AFTER_THE_ANSWER)
    with contextlib.closing(banks):
        assert banks.add(BANK, [KNOWN_ENTRY]) == Added(1, 0)
    assert proxy.cuts == 1
    after = postgres_banks.banks().changes_since(None)
    assert before is not None
    assert after is not None
    assert (after.revision.changes, after.revision.last_entry) == (before.revision.changes + 1, 1)


def test_a_change_that_never_arrived_is_not_taken_for_made_and_holds_up_others_for_a_moment_only(
    distant: tuple[LossyProxy, PostgresTarget], postgres_banks: PostgresBankStore
) -> None:
    """The server still thinks the session alive, which has its turn: it ends it by itself."""
    proxy, target = distant
    hasty = PostgresBanks(target, timeout_s=HASTY_S)
    hasty.banks()
    proxy.cut_at(b"COMMIT", Cut.BEFORE_IT_ARRIVES)
    with contextlib.closing(hasty), contextlib.suppress(BanksUnavailable):  # on a slow machine its turn may come again
        hasty.add(BANK, [KNOWN_ENTRY])
    assert proxy.cuts == 1
    assert added_at_last(postgres_banks.banks(), one("another")) == Added(1, 0)


def test_a_commit_that_comes_with_a_warning_is_no_success(postgres_banks: PostgresBankStore) -> None:
    """As from a server that was told to wait for a standby, and did not."""
    postgres_banks.run(
        "CREATE FUNCTION tidegate_banks.warn() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE WARNING 'not replicated'; RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON tidegate_banks.changes DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION tidegate_banks.warn()",
    )
    banks = postgres_banks.banks()
    with pytest.raises(BanksUnavailable):
        banks.create(Bank("covers"))
    postgres_banks.run("DROP TRIGGER warn ON tidegate_banks.changes")
    assert banks.create(Bank("covers")).bank == Bank("covers")


async def test_while_the_server_hangs_pictures_are_compared_with_what_was_read_and_nobody_waits_on(
    postgres_banks: PostgresBankStore, postgres: PostgresServer
) -> None:
    """Its kernel goes on taking what is sent: only a clock of ours notices."""
    postgres_banks.banks().add(BANK, [KNOWN_ENTRY])
    hasty = postgres_banks.banks(timeout_s=HASTY_S)
    going_on = BankMatcher(hasty, poll_s=0.0, patience_s=0.1, max_age_s=PATIENT_S * 10)
    strict = BankMatcher(postgres_banks.banks(timeout_s=HASTY_S), poll_s=0.0)
    assert await going_on.ready()
    assert await strict.ready()
    with postgres.hanging():
        for _ in range(3):
            await asyncio.wait_for(going_on.refresh_if_changed(), PATIENT_S)
            assert [match.entry for match in going_on.answer(KNOWN).matches] == ["k"]
        await asyncio.wait_for(strict.refresh_if_changed(), PATIENT_S)
        assert strict.answer(KNOWN).status is DetectorStatus.FAILED
        with pytest.raises(BanksUnavailable):
            await asyncio.wait_for(asyncio.to_thread(hasty.banks), PATIENT_S)
    assert await asyncio.to_thread(added_at_last, hasty, one("new")) == Added(1, 0)
    postgres_banks.banks().remove(BANK, ["k"])
    async with asyncio.timeout(120):
        while going_on.answer(KNOWN).matches or strict.answer(KNOWN).status is not DetectorStatus.OK:
            await going_on.refresh_if_changed()
            await strict.refresh_if_changed()
    await going_on.refresh()  # nothing goes on in the background


async def test_a_standby_that_took_over_without_the_last_changes_is_read_as_a_whole(
    postgres_banks: PostgresBankStore,
) -> None:
    """Others were made there since, as many and under the same numbers: only their marks tell."""
    writer = postgres_banks.banks()
    tables = ("state", "changes", "banks", "entries", "removals")
    postgres_banks.run(
        *(f"CREATE TABLE tidegate_banks.standby_{name} AS TABLE tidegate_banks.{name}" for name in tables)
    )
    matcher = BankMatcher(postgres_banks.banks())
    writer.add(BANK, [KNOWN_ENTRY])
    await matcher.refresh()
    seen = postgres_banks.banks().changes_since(None)
    postgres_banks.run(
        *(f"DELETE FROM tidegate_banks.{name}" for name in tables),
        *(f"INSERT INTO tidegate_banks.{name} TABLE tidegate_banks.standby_{name}" for name in tables),
    )
    writer.add(BANK, [one("another")])
    now = postgres_banks.banks().changes_since(None)
    assert seen is not None
    assert now is not None
    assert (seen.revision.changes, seen.revision.last_entry) == (now.revision.changes, now.revision.last_entry)
    assert [match.entry for match in matcher.match(KNOWN)] == ["k"]
    await matcher.refresh()
    assert matcher.match(KNOWN) == ()


async def test_a_standby_whose_replay_stands_still_never_calls_an_added_picture_clean_and_is_read_once_it_takes_over(
    postgres_banks: PostgresBankStore, postgres: PostgresServer
) -> None:
    """It answers every look, and can't say what it lacks."""
    with standby_of(postgres) as standby, contextlib.closing(PostgresBanks(PostgresTarget(standby.dsn))) as banks:
        matcher = BankMatcher(banks, poll_s=0.0)
        await matcher.refresh_if_changed()
        standby.stop_replay()
        postgres_banks.banks().add(BANK, [KNOWN_ENTRY])
        await matcher.refresh_if_changed()
        assert matcher.answer(KNOWN).status is DetectorStatus.FAILED
        standby.take_over()
        async with asyncio.timeout(120):
            while not await matcher.ready():
                pass
        assert matcher.answer(KNOWN).status is DetectorStatus.OK


def test_the_servers_role_is_asked_with_every_look(postgres_banks: PostgresBankStore, postgres: PostgresServer) -> None:
    """A pooler leads a connection that was opened at the primary to another server: here, one that was never asked."""
    del postgres_banks
    with standby_of(postgres) as standby:
        target = PostgresTarget(standby.dsn)
        with contextlib.closing(target.connected(name="a test", timeout_s=PATIENT_S)) as connection:
            with pytest.raises(StandbyError):
                revision_of(connection)
            standby.take_over()
            assert revision_of(connection).changes == 1


async def test_roles_as_the_production_overlay_has_them_are_enough(
    postgres_banks: PostgresBankStore, postgres: PostgresServer
) -> None:
    """One makes and changes the banks, the image stage's may only read: k8s/components/postgres."""
    postgres_banks.run(
        "DROP SCHEMA tidegate_banks CASCADE",
        "CREATE ROLE owner LOGIN",
        "CREATE ROLE reader LOGIN",
        "GRANT CREATE ON DATABASE postgres TO owner",
        "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT USAGE ON SCHEMAS TO reader",
        "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO reader",
    )
    owner, reader = (PostgresTarget(postgres.dsn().replace("tidegate@", f"{role}@")) for role in ("owner", "reader"))
    try:
        migrate(owner)
        with contextlib.closing(PostgresBanks(owner, timeout_s=PATIENT_S)) as banks:
            banks.add(BANK, [KNOWN_ENTRY])
        with contextlib.closing(PostgresBanks(reader, timeout_s=PATIENT_S)) as banks:
            matcher = BankMatcher(banks)
            await matcher.refresh()
            assert [match.entry for match in matcher.match(KNOWN)] == ["k"]
            with pytest.raises(BanksUnavailable):
                banks.remove(BANK, ["k"])
    finally:
        postgres_banks.run("DROP OWNED BY owner CASCADE", "DROP OWNED BY reader", "DROP ROLE owner, reader")


async def test_more_entries_than_come_at_a_time_are_read_whole(postgres_banks: PostgresBankStore) -> None:
    postgres_banks.run(
        "INSERT INTO tidegate_banks.entries"
        " SELECT n, 1, 'e' || n, sha256(n::text::bytea) FROM generate_series(1, 12345) AS n",
        "UPDATE tidegate_banks.banks SET entries = 12345, hashes = 12345",
        "UPDATE tidegate_banks.state SET last_entry = 12345, changes = 2",
        "INSERT INTO tidegate_banks.changes VALUES (2, gen_random_uuid())",
    )
    banks = postgres_banks.banks()
    found = banks.changes_since(None)
    assert found is not None
    assert found.added.numbers.tolist() == list(range(1, 12346))
    assert banks.delete(BANK).entries == 12345
    with psycopg.connect(postgres_banks.target.dsn) as outside:
        assert outside.execute("SELECT count(*) FROM tidegate_banks.entries").fetchone() == (0,)
