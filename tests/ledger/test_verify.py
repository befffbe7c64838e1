"""Whatever is done to a ledger after the fact, verify finds the place."""

from collections.abc import Callable

import pytest

from tests.ledger.sample_records import sample_record
from tests.ledger.stores import LedgerStore, verified
from tidegate.ledger.chain import GENESIS, Head, link
from tidegate.ledger.record_format import encode
from tidegate.ledger.verify import BreakKind, verify

POLICY = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # SHA-256 of {}


@pytest.fixture
async def written(store: LedgerStore) -> LedgerStore:
    """Two writers with ten records each, ids `0-1` to `1-10`, and a policy."""
    for writer in range(2):
        ledger = store.ledger()
        await ledger.keep_policies({POLICY: "{}"})
        for number in range(1, 11):
            await ledger.append(sample_record(decision_id=f"{writer}-{number}", idempotency_key=f"{writer}-{number}"))
        await ledger.close()
    return store


def test_an_untouched_ledger_is_intact(written: LedgerStore) -> None:
    report = verified(written.place)
    assert report.intact
    assert (report.records, report.writers, report.policies) == (20, 2, 1)


async def test_an_empty_ledger_is_intact(store: LedgerStore) -> None:
    ledger = store.ledger()
    assert await ledger.ready()
    await ledger.close()
    report = verified(store.place)
    assert report.intact
    assert (report.records, report.writers) == (0, 0)


WRITER_0 = "(SELECT writer_id FROM records WHERE decision_id = '0-1')"


ALTERATION = """
UPDATE records SET record = CAST(replace(CAST(record AS TEXT), 'REVIEW', 'ALLOW') AS BLOB) WHERE decision_id = '0-4'
"""


@pytest.mark.parametrize(
    ("statements", "kind", "decision_id", "sequence"),
    [
        (
            [ALTERATION],
            BreakKind.ALTERED,
            "0-4",
            4,
        ),
        (["DELETE FROM records WHERE decision_id = '0-4'"], BreakKind.GAP, "0-5", 5),
        (["DELETE FROM records WHERE decision_id = '0-1'"], BreakKind.GAP, "0-2", 2),
        (["DELETE FROM records WHERE decision_id IN ('0-9', '0-10')"], BreakKind.TRUNCATED, "", 9),
        ([f"DELETE FROM records WHERE writer_id = {WRITER_0}"], BreakKind.TRUNCATED, "", 1),
        ([f"DELETE FROM heads WHERE writer_id = {WRITER_0}"], BreakKind.WRONG_HEAD, "", 10),
        ([f"UPDATE heads SET hash = x'00' WHERE writer_id = {WRITER_0}"], BreakKind.WRONG_HEAD, "", 10),
        ([f"UPDATE heads SET sequence = 9 WHERE writer_id = {WRITER_0}"], BreakKind.WRONG_HEAD, "", 10),
        (
            ["UPDATE records SET previous_hash = zeroblob(32) WHERE decision_id = '0-4'"],
            BreakKind.WRONG_PREVIOUS,
            "0-4",
            4,
        ),
        (["UPDATE records SET hash = zeroblob(32) WHERE decision_id = '0-4'"], BreakKind.ALTERED, "0-4", 4),
        (["UPDATE records SET idempotency_key = NULL WHERE decision_id = '0-4'"], BreakKind.COLUMNS, "0-4", 4),
        (["UPDATE records SET fingerprint = 'x' WHERE decision_id = '0-4'"], BreakKind.COLUMNS, "0-4", 4),
        (["UPDATE records SET decided_at_us = 0 WHERE decision_id = '0-4'"], BreakKind.COLUMNS, "0-4", 4),
        (["UPDATE records SET decision_id = 'gone' WHERE decision_id = '0-4'"], BreakKind.COLUMNS, "gone", 4),
        (
            [
                "UPDATE records SET sequence = 0 WHERE decision_id = '0-4'",
                "UPDATE records SET sequence = 4 WHERE decision_id = '0-5'",
                "UPDATE records SET sequence = 5 WHERE decision_id = '0-4'",
            ],
            BreakKind.WRONG_PREVIOUS,
            "0-5",
            4,
        ),
        (["UPDATE policies SET document = '{ }'"], BreakKind.POLICY_ALTERED, "", 0),
    ],
)
def test_a_change_is_found_where_it_was_made(
    written: LedgerStore, statements: list[str], kind: BreakKind, decision_id: str, sequence: int
) -> None:
    written.tamper(*statements)
    [found] = verified(written.place).breaks
    assert (found.kind, found.decision_id, found.sequence) == (kind, decision_id, sequence)


def test_each_chain_tells_its_own_first_break(written: LedgerStore) -> None:
    written.tamper("UPDATE records SET fingerprint = 'x' WHERE decision_id IN ('0-4', '0-6', '1-7')")
    assert {found.decision_id for found in verified(written.place).breaks} == {"0-4", "1-7"}


def test_a_record_moved_to_another_writer_is_found(written: LedgerStore) -> None:
    written.tamper(
        "UPDATE records SET sequence = 11, writer_id = (SELECT writer_id FROM records WHERE decision_id = '1-1')"
        " WHERE decision_id = '0-10'",
    )
    assert {found.kind for found in verified(written.place).breaks} == {BreakKind.TRUNCATED, BreakKind.WRONG_PREVIOUS}


def test_a_record_of_an_unknown_format_is_told_from_an_altered_one(written: LedgerStore) -> None:
    """A newer Tidegate wrote it and hashed it rightly."""
    payload = encode(sample_record(decision_id="0-10", idempotency_key="0-10")).replace(b'"format":1', b'"format":9')
    with written.place.opened() as archive:
        last = next(entry for entry in archive.entries() if entry.keys.decision_id == "0-10")
    own = link(last.previous_hash, writer_id=last.writer_id, sequence=10, payload=payload)
    written.tamper(
        f"UPDATE records SET record = x'{payload.hex()}', hash = x'{own.hex()}' WHERE decision_id = '0-10'",
        f"UPDATE heads SET hash = x'{own.hex()}' WHERE writer_id = '{last.writer_id}'",
    )
    [found] = verified(written.place).breaks
    assert (found.kind, found.decision_id) == (BreakKind.UNREADABLE, "0-10")


def test_the_heads_digest_shows_what_the_file_itself_can_not(written: LedgerStore) -> None:
    """A forger who cuts a record off and mends the head as well leaves a ledger that is whole in itself."""
    before = verified(written.place).heads_digest
    written.tamper(
        f"UPDATE heads SET sequence = 9, hash = (SELECT hash FROM records WHERE decision_id = '0-9')"
        f" WHERE writer_id = {WRITER_0}",
        "DELETE FROM records WHERE decision_id = '0-10'",
    )
    report = verified(written.place)
    assert report.intact
    assert report.heads_digest != before


async def test_verify_of_a_ledger_in_use_sees_one_moment(written: LedgerStore) -> None:
    """Records and heads appended between its reads must not look like a break."""
    ledger = written.ledger()
    await ledger.append(sample_record())
    with written.place.opened() as archive, archive.snapshot():
        seen = archive.count()
        await ledger.append(sample_record())
        report = verify(archive)
    assert report.intact
    assert report.records == seen == 21
    assert verified(written.place).records == 22
    await ledger.close()


def test_progress_counts_every_record(written: LedgerStore) -> None:
    walked: list[int] = []
    with written.place.opened() as archive:
        verify(archive, progress=walked.append)
    assert sum(walked) == 20


@pytest.mark.parametrize(
    "other",
    [
        lambda: link(GENESIS, writer_id="w", sequence=2, payload=b"p"),
        lambda: link(GENESIS, writer_id="v", sequence=1, payload=b"p"),
        lambda: link(b"\x01" * 32, writer_id="w", sequence=1, payload=b"p"),
        lambda: link(GENESIS, writer_id="w", sequence=1, payload=b"q"),
    ],
)
def test_a_hash_binds_previous_writer_place_and_bytes(other: Callable[[], bytes]) -> None:
    own = link(GENESIS, writer_id="w", sequence=1, payload=b"p")
    assert own == Head("w", 0, GENESIS).next(b"p").hash
    assert own != other()
