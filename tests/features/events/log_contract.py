"""What every event log keeps to."""

import dataclasses
from datetime import timedelta

import pytest

from tests.features.events.sample_events import NOW, one_of_each, report, upload
from tidegate.features.events.columns import events_of, microseconds
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import EVENT_SCHEMA, EVERYTHING, Appended, EventLog

NEW, REPEATED, CONFLICT, ERASED = Appended.NEW, Appended.REPEATED, Appended.CONFLICT, Appended.ERASED
MINUTE = timedelta(minutes=1)


def ids(log: EventLog, *accounts: str) -> list[str]:
    """Event ids of a history, in its order."""
    return list(log.history(accounts)["event_id"].to_pylist())


class EventLogContract:
    """Derived classes provide the fixture `log`."""

    def test_every_kind_comes_out_as_it_went_in(self, log: EventLog) -> None:
        events = one_of_each()
        assert list(log.append(events, recorded_at=NOW)) == [NEW] * len(events)
        history = log.history(["acct-1"])
        assert history.schema == EVENT_SCHEMA
        assert list(events_of(history)) == events
        assert set(history["recorded_at_us"].to_pylist()) == {1_772_366_400_250_001}

    def test_a_repeat_is_told_from_a_conflict_whenever_it_comes(self, log: EventLog) -> None:
        event = upload(content_digest="ab" * 32)
        log.append([event], recorded_at=NOW)
        other = dataclasses.replace(event, content_digest="cd" * 32)
        assert list(log.append([event, other], recorded_at=NOW + MINUTE)) == [REPEATED, CONFLICT]
        assert list(events_of(log.history(["acct-1"]))) == [event]
        assert log.history(["acct-1"])["recorded_at_us"].to_pylist() == [1_772_366_400_250_001]

    def test_repeats_and_conflicts_within_one_batch(self, log: EventLog) -> None:
        first, other = upload(), upload(subject_id="content-2")
        assert list(log.append([first, first, other, upload("e-2")], recorded_at=NOW)) == [NEW, REPEATED, CONFLICT, NEW]
        assert ids(log, "acct-1") == ["e-1", "e-2"]
        assert log.versions(["acct-1"]) == {"acct-1": 2}

    def test_an_id_can_not_be_used_for_another_account(self, log: EventLog) -> None:
        log.append([upload(account_id="acct-1")], recorded_at=NOW)
        assert list(log.append([upload(account_id="acct-2")], recorded_at=NOW)) == [CONFLICT]
        assert log.accounts() == ["acct-1"]
        assert log.versions(["acct-2"]) == {"acct-2": 0}

    @pytest.mark.parametrize("event", one_of_each(), ids=lambda event: str(event.kind))
    def test_each_kind_is_recognised_when_it_is_repeated(self, log: EventLog, event: AccountEvent) -> None:
        log.append([event], recorded_at=NOW)
        assert list(log.append([event], recorded_at=NOW + MINUTE)) == [REPEATED]

    def test_a_history_is_in_order_of_account_time_and_id_however_it_came(self, log: EventLog) -> None:
        log.append([upload("b", "acct-2"), upload("b", "acct-2")], recorded_at=NOW)
        log.append([upload("z", "acct-1"), upload("late", "acct-1", occurred_at=NOW - MINUTE)], recorded_at=NOW)
        log.append([upload("a", "acct-2"), upload("x", "acct-3")], recorded_at=NOW)
        assert ids(log, "acct-2", "acct-1", "acct-2", "nobody") == ["late", "z", "a", "b"]

    def test_a_history_as_it_was_known_then(self, log: EventLog) -> None:
        log.append([upload("early")], recorded_at=NOW)
        log.append([upload("late", occurred_at=NOW - MINUTE)], recorded_at=NOW + MINUTE)
        known = log.history(["acct-1"], known_at=NOW + MINUTE - timedelta(microseconds=1))
        assert known["event_id"].to_pylist() == ["early"]
        assert log.history(["acct-1"], known_at=NOW + MINUTE).num_rows == 2

    def test_events_later_than_what_the_reader_has(self, log: EventLog) -> None:
        moments = [NOW - 2 * MINUTE, NOW - MINUTE, NOW - MINUTE, NOW]
        ids_ = {"acct-1": "dcba", "acct-2": "hgfe", "acct-3": "lkji"}
        for account_id, names in ids_.items():
            events = [upload(name, account_id, occurred_at=at) for name, at in zip(names, moments, strict=True)]
            log.append(events, recorded_at=NOW)
        after = {"acct-3": microseconds(moments[1]), "nobody": EVERYTHING, "acct-1": EVERYTHING, "acct-2": 2**61}
        reading = log.later(after)
        assert reading.events.schema == EVENT_SCHEMA
        assert reading.events["event_id"].to_pylist() == ["i", *"dbca"]
        assert reading.versions == {"acct-3": 4, "nobody": 0, "acct-1": 4, "acct-2": 4}
        assert log.later({}).events.num_rows == 0

    def test_a_reading_tells_whether_only_events_came(self, log: EventLog) -> None:
        log.append([upload("1"), report("2", "acct-1", reporter="gone")], recorded_at=NOW)
        first = log.later({"acct-1": EVERYTHING})
        log.append([upload("3")], recorded_at=NOW)
        log.computed({"acct-1": NOW + MINUTE}, seen=log.versions(["acct-1"]))
        log.move_cursor("ledger", "12")
        assert log.later({"acct-1": EVERYTHING}).epoch == first.epoch
        epochs = [first.epoch]
        for account_id in ("gone", "gone", "never-there", "acct-1"):
            log.erase(account_id, at=NOW)
            epochs.append(log.later({"acct-1": EVERYTHING}).epoch)
        assert len(set(epochs)) == 5

    def test_nothing_is_an_empty_answer_not_a_fault(self, log: EventLog) -> None:
        assert log.append([], recorded_at=NOW) == []
        assert log.history([]).schema == log.history(["nobody"]).schema == EVENT_SCHEMA
        assert log.accounts() == log.due(now=NOW, limit=10) == []
        assert log.cursor("ledger") == ""

    def test_accounts_page_by_page(self, log: EventLog) -> None:
        names = [f"acct-{number}" for number in range(7)] + ["ü", "Z"]
        log.append([upload(name, name) for name in names], recorded_at=NOW)
        found: list[str] = []
        while page := log.accounts(after=found[-1] if found else "", limit=2):
            found.extend(page)
        assert found == sorted(names)

    def test_what_has_events_is_due_the_longest_waiting_first(self, log: EventLog) -> None:
        log.append([upload("1", "late")], recorded_at=NOW + MINUTE)
        log.append([upload("2", "early")], recorded_at=NOW)
        log.append([upload("3", "early"), upload("4", "latest")], recorded_at=NOW + 2 * MINUTE)
        assert log.due(now=NOW - MINUTE, limit=10) == []
        assert log.due(now=NOW + MINUTE, limit=10) == ["early", "late"]
        assert log.due(now=NOW + 2 * MINUTE, limit=2) == ["early", "late"]

    def test_a_repeat_makes_nothing_due(self, log: EventLog) -> None:
        log.append([upload()], recorded_at=NOW)
        log.computed({"acct-1": NOW + 60 * MINUTE}, seen=log.versions(["acct-1"]))
        log.append([upload()], recorded_at=NOW + MINUTE)
        assert log.due(now=NOW + 59 * MINUTE, limit=10) == []
        assert log.due(now=NOW + 60 * MINUTE, limit=10) == ["acct-1"]

    def test_an_event_between_reading_and_noting_keeps_the_account_due(self, log: EventLog) -> None:
        log.append([upload("1", "quiet"), upload("2", "busy")], recorded_at=NOW)
        seen = log.versions(["quiet", "busy"])
        log.append([upload("3", "busy")], recorded_at=NOW)
        log.computed(dict.fromkeys(seen, NOW + 60 * MINUTE), seen=seen)
        assert log.due(now=NOW, limit=10) == ["busy"]

    def test_an_event_makes_due_at_once_what_was_due_later(self, log: EventLog) -> None:
        log.append([upload("1")], recorded_at=NOW)
        log.computed({"acct-1": NOW + 60 * MINUTE}, seen=log.versions(["acct-1"]))
        log.append([upload("2")], recorded_at=NOW + MINUTE)
        assert log.due(now=NOW + MINUTE, limit=10) == ["acct-1"]

    def test_cursors_keep_their_places_apart(self, log: EventLog) -> None:
        log.move_cursor("ledger", "12")
        log.move_cursor("ledger", "13")
        log.move_cursor("reviews", "2")
        assert (log.cursor("ledger"), log.cursor("reviews"), log.cursor("x")) == ("13", "2", "")

    def test_an_erased_account_is_gone_and_its_past_does_not_come_back(self, log: EventLog) -> None:
        past, future = upload("past"), upload("future", occurred_at=NOW + 2 * MINUTE)
        log.append([past, upload("kept", "acct-2")], recorded_at=NOW)
        erasure = log.erase("acct-1", at=NOW + MINUTE)
        assert (erasure.events, erasure.erased_at) == (1, NOW + MINUTE)
        assert log.erased(["acct-1", "acct-2"]) == {"acct-1": NOW + MINUTE}
        assert (log.accounts(), log.due(now=NOW, limit=9), ids(log, "acct-1")) == (["acct-2"], ["acct-2"], [])
        never = upload("never", occurred_at=NOW + MINUTE)
        assert list(log.append([past, never, future], recorded_at=NOW + 3 * MINUTE)) == [ERASED, ERASED, NEW]
        assert ids(log, "acct-1") == ["future"]

    def test_erasing_again_takes_the_rest_and_never_moves_back(self, log: EventLog) -> None:
        log.append([upload("1")], recorded_at=NOW)
        log.erase("acct-1", at=NOW)
        log.append([upload("2", occurred_at=NOW + MINUTE)], recorded_at=NOW + MINUTE)
        assert log.erase("acct-1", at=NOW - MINUTE).erased_at == NOW
        assert ids(log, "acct-1") == []
        assert list(log.append([upload("1")], recorded_at=NOW + MINUTE)) == [ERASED]

    def test_an_account_without_events_can_be_erased(self, log: EventLog) -> None:
        assert log.erase("acct-1", at=NOW).events == 0
        assert list(log.append([upload()], recorded_at=NOW)) == [ERASED]

    def test_what_was_computed_before_an_erasure_is_not_noted_after_it(self, log: EventLog) -> None:
        log.append([upload("1")], recorded_at=NOW)
        seen = log.versions(["acct-1"])
        log.erase("acct-1", at=NOW)
        log.computed({"acct-1": NOW + 60 * MINUTE}, seen=seen)
        assert log.accounts() == []
        log.append([upload("2", occurred_at=NOW + MINUTE)], recorded_at=NOW + MINUTE)
        log.computed({"acct-1": NOW + 60 * MINUTE}, seen=seen)
        assert log.due(now=NOW + MINUTE, limit=10) == ["acct-1"]

    def test_an_erased_reporter_is_nameless_but_still_one(self, log: EventLog) -> None:
        reports = [report(str(number), "acct-1", reporter="gone") for number in range(2)]
        log.append([*reports, report("other", "acct-1", reporter="stays")], recorded_at=NOW)
        log.erase("gone", at=NOW)
        late = [
            report("2", "acct-1", reporter="gone"),
            report("3", "acct-1", reporter="gone", occurred_at=NOW + MINUTE),
        ]
        assert list(log.append([*reports, *late], recorded_at=NOW)) == [REPEATED, REPEATED, NEW, NEW]
        reporters = dict(zip(ids(log, "acct-1"), log.history(["acct-1"])["counterpart_id"].to_pylist(), strict=True))
        assert reporters["0"] == reporters["1"] == reporters["2"]
        assert "gone" not in {reporters["0"], reporters["other"]}
        assert (reporters["other"], reporters["3"]) == ("stays", "gone")
