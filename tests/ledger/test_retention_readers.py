"""Who reads a ledger is told what retention removed before it was read, and nothing else is passed over."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ledger.old_decisions import day, decided, exported, ids, retained, write
from tests.ledger.stores import LedgerStore, SqliteStore, verified
from tidegate.cli.main import main
from tidegate.ledger.export import ForeignExportError
from tidegate.ledger.record_format import decode


class Reader:
    """Follows a store and notes its places, as the signals' loop does."""

    def __init__(self, store: LedgerStore) -> None:
        self.notes: dict[str, str] = {}
        self._store = store
        self.restarted()

    def restarted(self) -> None:
        self.follower = self._store.place.follower(lambda name: self.notes.get(name, ""))

    def read(self, *, limit: int = 100) -> tuple[list[str], int]:
        """Ids of what was new, and how many it will never see."""
        new: list[str] = []
        removed = 0
        for stretch in self.follower.unread(limit=limit):
            new += [decode(payload).decision_id for payload in stretch.payloads]
            removed += stretch.removed
            self.notes[stretch.cursor] = stretch.place
            self.follower.taken_up(stretch)
        return new, removed


@pytest.fixture
def reader(store: LedgerStore) -> Iterator[Reader]:
    opened = Reader(store)
    yield opened
    opened.follower.close()


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_follower_that_is_behind_is_told_how_much_it_missed(
    store: LedgerStore, reader: Reader, restarts: bool
) -> None:
    first, second = ([decided(days_ago) for days_ago in days] for days in ([9, 9, 8, 0], [8, 0, 8]))
    await write(store, first, together=False)
    assert reader.read(limit=2) == ([record.decision_id for record in first[:2]], 0)
    await write(store, second, together=False)
    retained(store, keep_days=3)
    if restarts:
        reader.follower.close()
        reader.restarted()
    new, missed = reader.read()
    more, missed_too = reader.read()
    assert ({*new, *more}, missed + missed_too) == ({first[3].decision_id, second[1].decision_id}, 3)
    assert reader.read() == ([], 0)


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_follower_that_has_read_what_was_removed_misses_nothing_that_comes_then(
    store: LedgerStore, reader: Reader, restarts: bool
) -> None:
    """All that there was is gone, its own place too: what comes takes no place that was taken before."""
    await write(store, [decided(9), decided(8), decided(8)])
    assert len(reader.read()[0]) == 3
    retained(store, keep_days=3)
    assert ids(store) == set()
    if restarts:
        reader.follower.close()
        reader.restarted()
    assert reader.read() == ([], 0)
    records = [decided(0) for _ in range(2)]
    await write(store, records, together=False)
    assert reader.read() == ([record.decision_id for record in records], 0)


async def test_a_follower_that_never_read_is_told_once_that_all_is_gone(store: LedgerStore, reader: Reader) -> None:
    await write(store, [decided(9), decided(8)])
    retained(store, keep_days=3)
    assert reader.read() == ([], 2)
    assert reader.read() == ([], 0)


async def test_an_export_tells_what_it_can_not_hold_any_more_and_goes_on(store: LedgerStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    await write(store, [decided(days_ago) for days_ago in (9, 9, 8, 0)])
    exported(store, out, until=day(8))
    retained(store, keep_days=3)
    for _ in range(2):
        told = exported(store, out)
        assert (told.records_in_all, told.removed_unexported, told.days) == (3, 1, 1)
    assert not (out / f"decisions/day={day(8)}").exists()
    told = exported(store, tmp_path / "later")
    assert (told.records, told.removed_unexported) == (1, 3)


async def test_an_export_that_holds_all_that_was_removed_is_whole(store: LedgerStore, tmp_path: Path) -> None:
    """And stays what retention may rely on, when a late record comes to the day."""
    out = tmp_path / "out"
    await write(store, [decided(days_ago) for days_ago in (9, 9, 0)])
    exported(store, out)
    retained(store, keep_days=3, exported_to=out)
    told = exported(store, out)
    assert (told.records, told.records_in_all, told.removed_unexported) == (0, 3, 0)
    await write(store, [decided(9)])
    assert [each.is_left for each in retained(store, keep_days=3, exported_to=out)] == [True]
    assert exported(store, out).records == 1
    assert [each.records for each in retained(store, keep_days=3, exported_to=out)] == [1]
    told = exported(store, out)
    assert (told.records, told.records_in_all, told.removed_unexported) == (0, 4, 0)


async def test_a_folder_of_another_ledger_is_still_left_alone(store: LedgerStore, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "other.db")
    await write(other, [decided(9) for _ in range(3)])
    exported(other, tmp_path / "out")
    await write(store, [decided(9), decided(9)])
    retained(store, keep_days=3)
    with pytest.raises(ForeignExportError, match="another ledger"):
        exported(store, tmp_path / "out")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture
async def written(store: LedgerStore) -> LedgerStore:
    """Two decisions of nine days ago, one of eight, one of today."""
    await write(store, [decided(days_ago) for days_ago in (9, 9, 8, 0)])
    return store


def test_the_command_removes_what_was_exported_and_tells(written: LedgerStore, tmp_path: Path) -> None:
    ledger, out = ("--ledger", written.named), tmp_path / "out"
    retention = ("ledger", "retention", *ledger, "--keep-days", "3", "--exported-to", str(out))
    assert run("ledger", "export", *ledger, "--out", str(out), "--until", str(day(8))).exit_code == 0
    dry = json.loads(run(*retention, "--dry-run", "--json").stdout)
    assert (dry["dry_run"], dry["records"], dry["left"]) == (True, 2, 1)
    told = run(*retention, "--json")
    document = json.loads(told.stdout)
    assert told.exit_code == 1
    assert document["first_kept"] in {str(day(3)), str(day(2))}
    assert (document["records"], document["left"]) == (2, 1)
    assert [(each["day"], each["outcome"], each["records"]) for each in document["days"]] == [
        (str(day(9)), "REMOVED", 2),
        (str(day(8)), "NOT_EXPORTED", 0),
    ]
    people = run(*retention)
    assert people.exit_code == 1
    assert "1 days had to stay" in people.output
    assert run("ledger", "export", *ledger, "--out", str(out)).exit_code == 0
    finished = run(*retention)
    assert (finished.exit_code, "1 decisions of 1 days removed" in finished.output) == (0, True)
    assert "nothing to remove" in run(*retention).output


def test_verify_stats_replay_and_export_say_what_retention_removed(written: LedgerStore, tmp_path: Path) -> None:
    ledger = ("--ledger", written.named)
    assert "retention" not in run("ledger", "verify", *ledger).output
    nothing = {"records": 0, "days": 0, "first_day": None, "last_day": None}
    assert json.loads(run("ledger", "stats", *ledger, "--json").stdout)["removed"] == nothing
    assert " ".join(run("ledger", "stats", *ledger).output.split()).endswith("removed by retention none")
    assert run("ledger", "retention", *ledger, "--keep-days", "3", "--not-exported").exit_code == 0
    people = run("ledger", "verify", *ledger)
    assert people.exit_code == 0
    assert f"accounted for: 3 records of 2 days, {day(9)} to {day(8)}" in people.output
    assert "tidegate ledger retention --keep-days 3 --not-exported" in people.output
    report = json.loads(run("ledger", "verify", *ledger, "--json").stdout)
    assert (report["intact"], report["records"], report["removed"]) == (True, 1, 3)
    assert [(each["day"], each["records"], each["keep_days"]) for each in report["removals"]] == [
        (str(day(9)), 2, 3),
        (str(day(8)), 1, 3),
    ]
    statistics = json.loads(run("ledger", "stats", *ledger, "--json").stdout)
    removed = {"records": 3, "days": 2, "first_day": str(day(9)), "last_day": str(day(8))}
    assert (statistics["records"], statistics["removed"]) == (1, removed)
    told = " ".join(run("ledger", "stats", *ledger).output.split())
    assert told.endswith(f"removed by retention 3 records of 2 days, {day(9)} to {day(8)}")
    replayed = ("replay", *ledger)
    assert "3 decisions of 2 days" in run(*replayed).output
    assert json.loads(run(*replayed, "--json").stdout)["removed_by_retention"] == 3
    assert json.loads(run(*replayed, "--json", "--since", str(day(8))).stdout)["removed_by_retention"] == 1
    assert "removed" not in run(*replayed, "--since", str(day(2))).output
    exporting = run("ledger", "export", *ledger, "--out", str(tmp_path / "out"), "--json")
    assert json.loads(exporting.stdout)["removed_unexported"] == 3
    assert "3 decisions of these days are not in" in exporting.stderr


@pytest.mark.parametrize("options", [[], ["--not-exported", "--exported-to", "."]])
def test_whether_days_must_be_exported_has_to_be_said(written: LedgerStore, options: list[str]) -> None:
    result = run("ledger", "retention", "--ledger", written.named, "--keep-days", "3", *options)
    assert result.exit_code == 2
    assert "--not-exported" in result.output
    help_told = " ".join(run("ledger", "retention", "--help").output.split())
    assert "One of --exported-to and --not-exported is required." in help_told
    assert len(ids(written)) == 4


def test_an_export_that_is_not_there_is_told_and_nothing_removed(written: LedgerStore, tmp_path: Path) -> None:
    where = ("--ledger", written.named, "--exported-to", str(tmp_path / "none"))
    result = run("ledger", "retention", *where, "--keep-days", "3")
    assert (result.exit_code, "There is no export" in result.output) == (1, True)
    assert len(ids(written)) == 4


@pytest.mark.parametrize("days", ["0", "-1", "all", "999999999"])
def test_how_many_days_are_kept_is_a_number_above_zero(written: LedgerStore, days: str) -> None:
    result = run("ledger", "retention", "--ledger", written.named, "--keep-days", days, "--not-exported")
    assert result.exit_code == 2
    assert len(ids(written)) == 4


def test_how_many_days_are_kept_has_no_default(written: LedgerStore) -> None:
    assert run("ledger", "retention", "--ledger", written.named, "--not-exported").exit_code == 2
    assert len(ids(written)) == 4


def test_the_commands_own_words_hold_no_password(written: LedgerStore) -> None:
    secret = "hush-3f9a"
    named = written.named.replace("tidegate@", f"tidegate:{secret}@")
    result = run("ledger", "retention", "--ledger", named, "--keep-days", "3", "--not-exported")
    assert result.exit_code == 0
    assert secret not in result.output
    assert [removal.reason.command for removal in verified(written.place).removals] == [
        "tidegate ledger retention --keep-days 3 --not-exported"
    ] * 2
