"""`image_match`: what its answers say about pictures, banks and outages."""

import asyncio
import threading

import numpy as np
import pytest

from tests.detectors.bank_pictures import Pixels, featureless, flipped, picture, random_hash
from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, BankChange, BankKind, Entry
from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.matcher import MATCHES_PER_BANK, BankMatcher
from tidegate.detectors.banks.memory_adapter import MemoryBanks
from tidegate.detectors.banks.pdq import orientations, pdq
from tidegate.detectors.banks.port import Changes, Revision
from tidegate.moderation.detection import BankMatch, DetectorScores, DetectorStatus

BANK = DEFAULT_BANK.id
PICTURE = picture(1)
HASH = pdq(PICTURE).hash


async def answered(banks: MemoryBanks, pixels: Pixels = PICTURE) -> DetectorScores:
    matcher = BankMatcher(banks)
    await matcher.refresh_if_changed()
    return matcher.answer(pixels)


async def test_a_known_picture_is_certain_for_its_bank_and_no_other() -> None:
    banks = MemoryBanks()
    banks.create(Bank("covers"))
    banks.add(BANK, [Entry("k", (flipped(HASH, 31),))])
    answer = await answered(banks)
    assert (answer.detector, answer.version, answer.status) == ("image_match", "1", DetectorStatus.OK)
    assert (answer.scores, answer.severities) == ({BANK: 1.0, "covers": 0.0}, {BANK: 7, "covers": 0})
    assert answer.matches == (BankMatch(BANK, "k", 31, allowed=False),)


async def test_an_unknown_picture_is_clean_for_every_bank_and_says_nothing_of_banks_that_do_not_exist() -> None:
    answer = await answered(MemoryBanks())
    assert (answer.status, answer.scores, answer.severities, answer.matches) == (
        DetectorStatus.OK,
        {BANK: 0.0},
        {BANK: 0},
        (),
    )


async def test_each_bank_has_its_own_threshold() -> None:
    banks = MemoryBanks()
    banks.create(Bank("strict", threshold_bits=4))
    banks.create(Bank("wide", threshold_bits=64))
    for bank in (BANK, "strict", "wide"):
        banks.add(bank, [Entry("near", (flipped(HASH, 5),)), Entry("far", (flipped(HASH, 60),))])
    answer = await answered(banks)
    assert answer.scores == {BANK: 1.0, "strict": 0.0, "wide": 1.0}
    assert [(match.bank, match.entry) for match in answer.matches] == [
        (BANK, "near"),
        ("wide", "near"),
        ("wide", "far"),
    ]
    banks.update("strict", BankChange(threshold_bits=5))
    assert (await answered(banks)).scores["strict"] == 1.0


async def test_a_match_in_a_negative_bank_takes_back_the_others_and_is_no_label() -> None:
    banks = MemoryBanks()
    banks.add(BANK, [Entry("k", (HASH,))])
    banks.create(Bank("press", BankKind.ALLOW, threshold_bits=10))
    banks.add("press", [Entry("p", (flipped(HASH, 10),))])
    answer = await answered(banks)
    assert (answer.scores, answer.severities) == ({BANK: 0.0}, {BANK: 0})
    assert answer.matches == (BankMatch(BANK, "k", 0, allowed=False), BankMatch("press", "p", 10, allowed=True))
    banks.update("press", BankChange(threshold_bits=9))
    assert (await answered(banks)).scores == {BANK: 1.0}


async def test_a_disabled_bank_matches_nothing_and_is_no_label() -> None:
    banks = MemoryBanks()
    banks.create(Bank("press", BankKind.ALLOW))
    for bank in (BANK, "press"):
        banks.add(bank, [Entry("k", (HASH,))])
    banks.update("press", BankChange(enabled=False))
    assert (await answered(banks)).scores == {BANK: 1.0}
    banks.update(BANK, BankChange(enabled=False))
    answer = await answered(banks)
    assert (answer.status, answer.scores, answer.matches) == (DetectorStatus.OK, {}, ())


async def test_a_turned_picture_matches_an_entry_with_its_orientations_once() -> None:
    banks = MemoryBanks()
    banks.add(BANK, [Entry("upright", (HASH,))])
    turned = np.ascontiguousarray(np.rot90(PICTURE))
    assert (await answered(banks, turned)).scores == {BANK: 0.0}
    banks.add(BANK, [Entry("all", orientations(PICTURE))])
    assert [match.entry for match in (await answered(banks, turned)).matches] == ["all"]


async def test_a_featureless_picture_is_never_matched() -> None:
    """Not even by the very hash that it has: all grey walls would be one."""
    banks = MemoryBanks()
    banks.add(BANK, [Entry("wall", (pdq(featureless()).hash,))])
    answer = await answered(banks, featureless())
    assert (answer.status, answer.scores, answer.matches) == (DetectorStatus.OK, {BANK: 0.0}, ())


async def test_the_nearest_few_of_a_bank_are_told_nearest_first_and_the_older_where_equal() -> None:
    banks = MemoryBanks()
    bits = [9, 3, 7, 3, 30]
    banks.add(BANK, [Entry(f"e{at}", (random_hash(at), flipped(HASH, each, seed=at))) for at, each in enumerate(bits)])
    matches = (await answered(banks)).matches
    assert [(match.entry, match.distance) for match in matches] == [("e1", 3), ("e3", 3), ("e2", 7)]
    assert len(matches) == MATCHES_PER_BANK


async def test_a_store_that_does_not_answer_is_failed_and_never_clean() -> None:
    banks = MemoryBanks()
    banks.reachable = False
    answer = await answered(banks)
    assert (answer.status, answer.scores, answer.matches) == (DetectorStatus.FAILED, {}, ())
    with pytest.raises(BanksUnavailable):
        BankMatcher(banks).match(PICTURE)


async def test_an_outage_after_loading_is_failed_until_the_store_is_back() -> None:
    banks = MemoryBanks()
    matcher = BankMatcher(banks, poll_s=0.0)
    assert await matcher.ready()
    banks.reachable = False
    await matcher.refresh_if_changed()
    assert matcher.answer(PICTURE).status is DetectorStatus.FAILED
    assert not await matcher.ready()
    banks.reachable = True
    assert await matcher.ready()
    assert matcher.answer(PICTURE).status is DetectorStatus.OK


async def test_changes_are_seen_once_the_pause_is_over() -> None:
    now = 0.0
    banks = MemoryBanks()
    matcher = BankMatcher(banks, poll_s=0.5, clock=lambda: now)
    await matcher.refresh_if_changed()
    banks.add(BANK, [Entry("k", (HASH,))])
    await matcher.refresh_if_changed()
    assert matcher.answer(PICTURE).scores == {BANK: 0.0}
    now = 0.51
    await matcher.refresh_if_changed()
    assert matcher.answer(PICTURE).scores == {BANK: 1.0}
    banks.delete(BANK)
    now = 1.02
    await matcher.refresh_if_changed()
    assert matcher.answer(PICTURE).scores == {}


async def test_a_dry_run_shows_entries_beyond_the_threshold() -> None:
    banks = MemoryBanks()
    banks.add(BANK, [Entry("far", (flipped(HASH, 50),)), Entry("near", (flipped(HASH, 20),))])
    matcher = BankMatcher(banks)
    await matcher.refresh()
    assert [match.entry for _, match in matcher.nearest(HASH, within_bits=0, limit=9)] == ["near"]
    assert [match.entry for _, match in matcher.nearest(HASH, within_bits=50, limit=9)] == ["near", "far"]


async def test_while_the_store_is_away_pictures_are_compared_with_what_was_read_until_that_is_too_old(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 100.0
    banks = MemoryBanks()
    banks.add(BANK, [Entry("k", (HASH,))])
    matcher = BankMatcher(banks, poll_s=0.5, max_age_s=60, clock=lambda: now)
    assert await matcher.ready()
    banks.reachable = False
    for at, status in ((103.0, DetectorStatus.OK), (159.0, DetectorStatus.OK), (160.5, DetectorStatus.FAILED)):
        now = at
        await matcher.refresh_if_changed()
        assert matcher.answer(PICTURE).status is status
    assert not await matcher.ready()
    await settled()
    banks.reachable = True
    now = 162.0
    await matcher.refresh_if_changed()
    assert matcher.answer(PICTURE).scores == {BANK: 1.0}
    told = [(record.message, record.__dict__.get("age_s")) for record in caplog.records if "banks." in record.message]
    assert [each for each in told if each[0] != "banks.loaded"][:2] == [("banks.stale", 3.0), ("banks.too_old", 60.5)]


async def settled() -> None:
    """Looks at the store that go on in the background have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)


async def test_a_store_that_was_never_read_is_failed_however_old_what_is_read_may_be() -> None:
    banks = MemoryBanks()
    banks.reachable = False
    matcher = BankMatcher(banks, max_age_s=3600)
    await matcher.refresh_if_changed()
    assert matcher.answer(PICTURE).status is DetectorStatus.FAILED
    assert not await matcher.ready()


class SlowBanks(MemoryBanks):
    """Answers readers when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.lets = threading.Event()
        self.looks = 0

    def changes_since(self, seen: Revision | None) -> Changes | None:
        self.looks += 1
        assert self.lets.wait(60)
        return super().changes_since(seen)


async def test_nobody_waits_longer_than_a_little_for_a_store_that_hangs() -> None:
    banks = SlowBanks()
    banks.lets.set()
    matcher = BankMatcher(banks, poll_s=0.0, patience_s=0.01, max_age_s=3600)
    await matcher.refresh()
    banks.lets.clear()
    banks.add(BANK, [Entry("k", (HASH,))])
    for _ in range(3):
        await matcher.refresh_if_changed()
        assert matcher.answer(PICTURE).scores == {BANK: 0.0}
    assert banks.looks == 2
    banks.lets.set()
    await settled()
    assert matcher.answer(PICTURE).scores == {BANK: 1.0}


async def test_the_first_read_goes_on_for_the_next_when_one_has_run_out_of_time() -> None:
    """A million entries take longer than any picture's budget."""
    banks = SlowBanks()
    matcher = BankMatcher(banks, patience_s=0.01)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(matcher.refresh_if_changed(), 0.05)
        assert matcher.answer(PICTURE).status is DetectorStatus.FAILED
    banks.lets.set()
    await settled()
    assert (matcher.answer(PICTURE).scores, banks.looks) == ({BANK: 0.0}, 1)
