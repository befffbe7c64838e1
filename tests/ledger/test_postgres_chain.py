"""What a writer remembers of its chain is enough to tell what a database has lost of it."""

from datetime import date, timedelta

import pytest

from tests.ledger.sample_records import SAMPLE_TIME, sample_record
from tidegate.ledger import postgres_chain
from tidegate.ledger.chain import GENESIS, Head
from tidegate.ledger.postgres_chain import OwnChain
from tidegate.ledger.postgres_transaction import Link, PostgresTransaction
from tidegate.ledger.record_format import encode
from tidegate.ledger.record_keys import RecordKeys


def transaction(chain: OwnChain, *ids: str, days: int = 0) -> list[Link]:
    """Records that follow what the chain has used."""
    made = PostgresTransaction()
    for each in ids:
        record = sample_record(decision_id=each, decided_at=SAMPLE_TIME + timedelta(days=days))
        made.append(RecordKeys.of(record), encode(record))
    return made.chained(chain.used)


def committed(chain: OwnChain, *ids: str, days: int = 0) -> Head:
    links = transaction(chain, *ids, days=days)
    chain.sends(links)
    chain.acknowledges(links)
    return chain.acknowledged


def test_a_chain_begins_at_nothing_under_an_id_of_its_own() -> None:
    first, second = OwnChain(), OwnChain()
    assert first.used == first.acknowledged == Head(first.writer_id, 0, GENESIS)
    assert first.writer_id != second.writer_id
    assert first.loss(first.used) is None


def test_what_is_missing_is_told_by_number_id_and_day() -> None:
    chain = OwnChain()
    found = committed(chain, "a", "b")
    committed(chain, "c", days=1)
    end = committed(chain, "d", "e", days=-3)
    loss = chain.loss(found)
    assert loss is not None
    assert (loss.found, loss.acknowledged, loss.records) == (found, end, 3)
    assert (loss.first_known, loss.first_decision_id, loss.last_decision_id) == (3, "c", "e")
    assert loss.days == (date(2026, 11, 19), date(2026, 11, 23))
    assert chain.loss(end) is None


def test_what_nobody_was_told_of_is_not_missing() -> None:
    chain = OwnChain()
    end = committed(chain, "a")
    links = transaction(chain, "b")
    chain.sends(links)
    assert (chain.used, chain.acknowledged) == (links[-1].head, end)
    assert chain.loss(end) is None
    chain.refused(end)
    assert chain.used == end


def test_ids_of_a_loss_longer_than_what_is_remembered_begin_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_chain, "REMEMBERED", 2)
    chain = OwnChain()
    for each in "abcd":
        committed(chain, each)
    loss = chain.loss(Head(chain.writer_id, 0, GENESIS))
    assert loss is not None
    assert (loss.records, loss.first_known, loss.first_decision_id, loss.last_decision_id) == (4, 3, "c", "d")


def test_a_transaction_of_which_half_is_there_is_told_from_its_beginning() -> None:
    """As no server leaves one, but a person may."""
    chain = OwnChain()
    committed(chain, "a", "b", "c")
    half = transaction(OwnChain(), "x", "y")[-1].head
    loss = chain.loss(half)
    assert loss is not None
    assert (loss.records, loss.first_known, loss.first_decision_id) == (1, 1, "a")
