"""What every ledger adapter must do. A test module subclasses `LedgerContract` and gives it a `ledger` fixture."""

import asyncio
import hashlib

import pytest

from tests.ledger.sample_records import sample_record
from tidegate.ledger.port import DecisionLedger
from tidegate.ledger.record_format import RecordFormatError
from tidegate.moderation.errors import IdempotencyKeyReused, LedgerUnavailable


class LedgerContract:
    """The behaviour behind the port."""

    async def test_an_appended_record_is_returned_and_can_be_read(self, ledger: DecisionLedger) -> None:
        record = sample_record()
        assert await ledger.append(record) == record
        assert await ledger.get(record.decision_id) == record

    async def test_what_was_never_recorded_is_not_found(self, ledger: DecisionLedger) -> None:
        await ledger.append(sample_record())
        assert await ledger.get("no such decision") is None
        assert await ledger.find_by_key("no such key") is None
        assert await ledger.policy_document("no such digest") is None

    async def test_an_empty_ledger_can_be_read(self, ledger: DecisionLedger) -> None:
        assert await ledger.get("anything") is None

    async def test_the_same_key_and_item_gives_the_decision_made_first(self, ledger: DecisionLedger) -> None:
        first = await ledger.append(sample_record(idempotency_key="k"))
        assert await ledger.append(sample_record(idempotency_key="k")) == first
        assert await ledger.find_by_key("k") == first

    async def test_a_repeat_is_not_recorded(self, ledger: DecisionLedger) -> None:
        await ledger.append(sample_record(idempotency_key="k"))
        repeat = sample_record(idempotency_key="k")
        await ledger.append(repeat)
        assert await ledger.get(repeat.decision_id) is None

    async def test_a_key_used_for_another_item_is_refused(self, ledger: DecisionLedger) -> None:
        first = await ledger.append(sample_record(idempotency_key="k", fingerprint="one"))
        with pytest.raises(IdempotencyKeyReused):
            await ledger.append(sample_record(idempotency_key="k", fingerprint="other"))
        assert await ledger.find_by_key("k") == first

    async def test_records_without_a_key_never_stand_for_each_other(self, ledger: DecisionLedger) -> None:
        one, other = sample_record(fingerprint="same"), sample_record(fingerprint="same")
        assert (await ledger.append(one), await ledger.append(other)) == (one, other)
        assert await ledger.find_by_key("") is None

    async def test_of_callers_racing_with_one_key_all_get_one_decision(self, ledger: DecisionLedger) -> None:
        answers = await asyncio.gather(*(ledger.append(sample_record(idempotency_key="k")) for _ in range(50)))
        assert len({answer.decision_id for answer in answers}) == 1
        assert await ledger.get(answers[0].decision_id) == answers[0]

    async def test_a_reused_key_fails_its_own_caller_only(self, ledger: DecisionLedger) -> None:
        records = [sample_record(idempotency_key="k", fingerprint=str(number % 2)) for number in range(20)]
        bystanders = [sample_record() for _ in range(20)]
        everybody = [record for pair in zip(records, bystanders, strict=True) for record in pair]
        answers = await asyncio.gather(*(ledger.append(record) for record in everybody), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, IdempotencyKeyReused)]
        assert len(refused) == 10
        assert answers[1::2] == bystanders
        assert [await ledger.get(record.decision_id) for record in bystanders] == bystanders

    async def test_the_very_same_record_may_be_appended_again(self, ledger: DecisionLedger) -> None:
        """As a caller does that timed out and does not know whether it was recorded."""
        record = sample_record()
        assert await ledger.append(record) == await ledger.append(record) == record

    async def test_another_record_under_a_used_id_is_refused(self, ledger: DecisionLedger) -> None:
        first = await ledger.append(sample_record(decision_id="d"))
        with pytest.raises(LedgerUnavailable):
            await ledger.append(sample_record(decision_id="d", content_id="another"))
        assert await ledger.get("d") == first

    async def test_a_record_without_exact_bytes_is_refused_and_harms_no_other(self, ledger: DecisionLedger) -> None:
        broken, whole = sample_record(content_id="\ud800"), sample_record()
        answers = await asyncio.gather(ledger.append(broken), ledger.append(whole), return_exceptions=True)
        assert isinstance(answers[0], RecordFormatError)
        assert answers[1] == whole

    async def test_policies_are_kept_by_digest_and_never_replaced(self, ledger: DecisionLedger) -> None:
        document = '{"id":"comments"}'
        digest = hashlib.sha256(document.encode()).hexdigest()
        await ledger.keep_policies({digest: document})
        await ledger.keep_policies({digest: "another", "ab": "{}"})
        assert await ledger.policy_document(digest) == document
        assert await ledger.policy_document("ab") == "{}"

    async def test_keeping_no_policies_is_fine(self, ledger: DecisionLedger) -> None:
        await ledger.keep_policies({})

    async def test_an_open_ledger_is_ready_and_a_closed_one_is_not(self, ledger: DecisionLedger) -> None:
        assert await ledger.ready()
        await ledger.close()
        assert not await ledger.ready()

    async def test_a_closed_ledger_refuses_everything(self, ledger: DecisionLedger) -> None:
        await ledger.append(sample_record())
        await ledger.close()
        for call in (ledger.append(sample_record()), ledger.get("d"), ledger.keep_policies({"ab": "{}"})):
            with pytest.raises(LedgerUnavailable):
                await call

    async def test_closing_twice_is_fine(self, ledger: DecisionLedger) -> None:
        await ledger.append(sample_record())
        await ledger.close()
        await ledger.close()
