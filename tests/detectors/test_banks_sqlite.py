"""The SQLite store: one file, and an outage rather than an empty store when anything is wrong with it."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.detectors.bank_pictures import picture, random_hash
from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, Entry
from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.pdq import pdq
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.moderation.detection import DetectorStatus

BANK = DEFAULT_BANK.id
KNOWN = picture(1)
KNOWN_ENTRY = Entry("k", (pdq(KNOWN).hash,))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "banks.db"


def is_there(path: Path) -> bool:
    return path.exists()


def filled(path: Path) -> SqliteBanks:
    banks = SqliteBanks(path, timeout_s=0.1)
    banks.add(BANK, [KNOWN_ENTRY, Entry("other", (random_hash(2), random_hash(3)))])
    return banks


def test_nothing_is_opened_before_it_is_used(path: Path) -> None:
    SqliteBanks(path)
    assert not path.exists()


def test_the_file_is_readable_by_its_user_alone(path: Path) -> None:
    filled(path)
    assert path.stat().st_mode & 0o077 == 0


def zeroed(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def scribbled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def of_somebody_else(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (x)")


def turned_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        zeroed,
        cut,
        scribbled,
        of_somebody_else,
        turned_into_a_folder,
    ],
)
async def test_a_store_that_is_not_whole_fails_every_answer(path: Path, damage: Callable[[Path], None]) -> None:
    filled(path)
    damage(path)
    matcher = BankMatcher(SqliteBanks(path, timeout_s=0.1))
    with pytest.raises(BanksUnavailable):
        await matcher.refresh()
    assert matcher.answer(KNOWN).status is DetectorStatus.FAILED
    assert not await matcher.ready()


async def test_a_store_that_goes_away_is_an_outage_and_not_made_anew(path: Path, tmp_path: Path) -> None:
    banks = filled(path)
    matcher = BankMatcher(banks)
    await matcher.refresh()
    shutil.move(path, tmp_path / "elsewhere.db")
    with pytest.raises(BanksUnavailable):
        await matcher.refresh()
    assert matcher.answer(KNOWN).status is DetectorStatus.FAILED
    with pytest.raises(BanksUnavailable):
        banks.add(BANK, [Entry("n", (random_hash(9),))])
    assert not is_there(path)


async def test_a_locked_store_is_an_outage_until_it_is_released(path: Path) -> None:
    banks = filled(path)
    matcher = BankMatcher(banks)
    await matcher.refresh()
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("UPDATE state SET changes = changes")
        with pytest.raises(BanksUnavailable):
            await matcher.refresh()
        assert matcher.answer(KNOWN).status is DetectorStatus.FAILED
        with pytest.raises(BanksUnavailable):
            banks.remove(BANK, ["k"])
    await matcher.refresh()
    assert [match.entry for match in matcher.match(KNOWN)] == ["k"]


async def test_a_backup_put_back_in_place_is_read_as_a_whole(path: Path, tmp_path: Path) -> None:
    banks = filled(path)
    shutil.copy(path, tmp_path / "backup.db")
    matcher = BankMatcher(banks)
    banks.remove(BANK, ["k"])
    banks.create(Bank("later"))
    await matcher.refresh()
    assert matcher.match(KNOWN) == ()
    shutil.move(tmp_path / "backup.db", path)
    await matcher.refresh()
    assert [match.entry for match in matcher.match(KNOWN)] == ["k"]
    assert list(matcher.answer(KNOWN).scores) == [BANK]
