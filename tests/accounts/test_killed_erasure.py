"""An erasure that is killed with SIGKILL, wherever that is, is repeated and ends complete."""

import pytest

from tests.accounts.deployment import DECISIONS, GONE, NEXT, Deployment
from tests.accounts.erasing_process import killed_at
from tests.accounts.traces import traces
from tidegate.accounts.event_records import EventRecords
from tidegate.accounts.held import plain
from tidegate.accounts.receipts import Receipts

PLACES = {
    "nothing is removed yet": ("tidegate.accounts.erasure:AccountEraser._erase_events", 1),
    "events are deleted, their bytes are not": ("tidegate.accounts.erasure:AccountEraser._erase_events!", 1),
    "a Parquet file is written and not in its place": ("tidegate.accounts.offline_rows:rename_synced", 2),
    "some Parquet files are rewritten": ("tidegate.accounts.offline_rows:_rewrite!", 3),
    "counts of a run are not": ("tidegate.accounts.offline_rows:_recount", 1),
    "online rows are there": ("tidegate.accounts.online_rows:_delete", 1),
    "the event log is not rewritten": ("tidegate.features.events.sqlite_rewriter:_begin", 1),
    "the event log is being rewritten": ("tidegate.features.events.sqlite_rewriter:_move", 2),
    "pages of before are in the WAL": ("tidegate.features.events.sqlite_rewriter:SqliteEventRewriter._empty_wal", 1),
    "all is gone, without a receipt": ("tidegate.accounts.receipts:Receipts.finish", 1),
    "the receipt is composed, and not written": ("tidegate.accounts.receipts:Receipt.document!", 1),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_killed_erasure_goes_on_when_asked_for_again(deployment: Deployment, place: tuple[str, int]) -> None:
    before = deployment.held()
    assert killed_at(*place, state=deployment.state, account_id=GONE) == -9, "it came to that place"
    assert deployment.eraser().look(GONE).unfinished
    receipt = deployment.erase()
    assert (receipt.attempts, receipt.kept.count) == (2, DECISIONS)
    assert {**plain(receipt.removed), "decisions": DECISIONS} == before
    digest = EventRecords(deployment.places.events).digest(GONE)
    assert digest is not None
    assert len(Receipts(deployment.places.erasures).of(digest)) == 1
    assert not deployment.eraser().look(GONE).unfinished
    deployment.erase(NEXT)
    assert traces(deployment.state, GONE) == []
