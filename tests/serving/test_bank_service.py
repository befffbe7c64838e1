"""HashBankService over a real gRPC server: banks, entries, pages and dry runs."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
from PIL import Image

from tests.detectors.bank_pictures import Pixels, featureless, flipped, picture, random_hash
from tests.serving.bank_calls import BANK, HASH, adding, hashed, png, refused, serving_banks
from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.api.moderation.v1.hash_bank_service_pb2_grpc import HashBankServiceStub
from tidegate.detectors.banks.pdq import orientations, pdq
from tidegate.serving.router import RouterMethods
from tidegate.serving.serve_config import SERVICER_FUNCTIONS
from tidegate.serving.wire import add_hash_bank_service

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.hash_bank_service_pb2_grpc import HashBankServiceAsyncStub

pytestmark = pytest.mark.integration


def animation(*frames: Pixels) -> bytes:
    file = io.BytesIO()
    first, *others = map(Image.fromarray, frames)
    first.save(file, "WEBP", save_all=True, append_images=others, lossless=True)
    return file.getvalue()


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator["HashBankServiceAsyncStub"]:
    async with serving_banks(tmp_path / "banks.db") as channel:
        yield HashBankServiceStub(channel)


def test_the_router_answers_for_the_service() -> None:
    """By inheritance, as Serve finds methods by name; and Serve is told to register it."""
    methods = [method.name for method in pb.DESCRIPTOR.services_by_name["HashBankService"].methods]
    assert [name for name in methods if not callable(getattr(RouterMethods, name, None))] == []
    assert f"{add_hash_bank_service.__module__}.{add_hash_bank_service.__name__}" in SERVICER_FUNCTIONS


async def test_a_bank_lives_from_creation_to_deletion(stub: "HashBankServiceAsyncStub") -> None:
    request = pb.CreateBankRequest(
        bank_id="press", kind=pb.BANK_KIND_ALLOW, max_distance_bits=0, enabled=False, description="News."
    )
    made = (await stub.CreateBank(request)).bank
    assert (made.id, made.kind, made.max_distance_bits, made.enabled) == ("press", pb.BANK_KIND_ALLOW, 0, False)
    assert (await stub.CreateBank(request)).bank == made
    updated = (await stub.UpdateBank(pb.UpdateBankRequest(bank_id="press", max_distance_bits=9, enabled=True))).bank
    assert (updated.kind, updated.max_distance_bits, updated.enabled) == (pb.BANK_KIND_ALLOW, 9, True)
    assert updated.description == "News."
    listed = (await stub.ListBanks(pb.ListBanksRequest())).banks
    assert [(bank.id, bank.max_distance_bits) for bank in listed] == [(BANK, 31), ("press", 9)]
    assert (await stub.DeleteBank(pb.DeleteBankRequest(bank_id="press"))).bank == updated
    assert [bank.id for bank in (await stub.ListBanks(pb.ListBanksRequest())).banks] == [BANK]


async def test_a_bank_named_alone_gets_the_defaults(stub: "HashBankServiceAsyncStub") -> None:
    made = (await stub.CreateBank(pb.CreateBankRequest(bank_id="covers"))).bank
    assert (made.kind, made.max_distance_bits, made.enabled) == (pb.BANK_KIND_MATCH, 31, True)
    assert made.create_time.seconds > 1_600_000_000


async def test_an_image_is_kept_as_eight_hashes_and_found_turned(stub: "HashBankServiceAsyncStub") -> None:
    added = await stub.AddEntries(adding(pb.NewBankEntry(id="k", image=png(picture(1)))))
    assert (added.added_count, added.unchanged_count) == (1, 0)
    (entry,) = (await stub.ListEntries(pb.ListEntriesRequest(bank_id=BANK))).entries
    assert set(entry.hashes) == {each.hex() for each in orientations(picture(1))}
    turned = np.ascontiguousarray(np.rot90(picture(1)))
    match = await stub.MatchImage(pb.MatchImageRequest(image=png(turned)))
    assert match.matched_bank_ids == [BANK]
    assert (match.hashes[0].hash, match.hashes[0].quality) == (pdq(turned).hash.hex(), 100)
    assert [near.entry_id for near in match.entries] == ["k"]


async def test_an_image_may_be_kept_upright_only(stub: "HashBankServiceAsyncStub") -> None:
    await stub.AddEntries(adding(pb.NewBankEntry(id="k", image=png(picture(1)), upright_only=True)))
    (entry,) = (await stub.ListEntries(pb.ListEntriesRequest(bank_id=BANK))).entries
    assert list(entry.hashes) == [HASH.hex()]


async def test_of_an_animation_every_frame_that_is_looked_at_is_known(stub: "HashBankServiceAsyncStub") -> None:
    """But a black one at its end, which would be every black picture, is not."""
    data = animation(picture(1), picture(2), featureless())
    await stub.AddEntries(adding(pb.NewBankEntry(id="k", image=data, upright_only=True)))
    (entry,) = (await stub.ListEntries(pb.ListEntriesRequest(bank_id=BANK))).entries
    assert list(entry.hashes) == [HASH.hex(), pdq(picture(2)).hash.hex()]
    match = await stub.MatchImage(pb.MatchImageRequest(image=data))
    assert [each.quality >= 50 for each in match.hashes] == [True, True, False]
    assert [(near.entry_id, near.distance_bits) for near in match.entries] == [("k", 0)]


async def test_adding_again_changes_nothing(stub: "HashBankServiceAsyncStub") -> None:
    entries = [hashed("a", HASH), hashed("b", random_hash(2))]
    await stub.AddEntries(adding(*entries))
    again = await stub.AddEntries(adding(*entries, hashed("c", random_hash(3), random_hash(3))))
    assert (again.added_count, again.unchanged_count) == (1, 2)
    (bank,) = (await stub.ListBanks(pb.ListBanksRequest())).banks
    assert (bank.entry_count, bank.hash_count) == (3, 3)


async def test_what_is_removed_matches_no_more(stub: "HashBankServiceAsyncStub") -> None:
    await stub.AddEntries(adding(hashed("a", HASH), hashed("b", HASH)))
    request = pb.MatchImageRequest(hash=HASH.hex())
    assert [near.entry_id for near in (await stub.MatchImage(request)).entries] == ["a", "b"]
    removal = pb.RemoveEntriesRequest(bank_id=BANK, entry_ids=["a", "unknown"])
    assert (await stub.RemoveEntries(removal)).removed_count == 1
    assert [near.entry_id for near in (await stub.MatchImage(request)).entries] == ["b"]
    assert (await stub.RemoveEntries(removal)).removed_count == 0


async def test_entries_are_listed_page_by_page(stub: "HashBankServiceAsyncStub") -> None:
    await stub.AddEntries(adding(*(hashed(f"e{at}", random_hash(at)) for at in range(5))))
    token, pages = "", list[list[str]]()
    while token or not pages:
        page = await stub.ListEntries(pb.ListEntriesRequest(bank_id=BANK, page_size=2, page_token=token))
        pages.append([entry.id for entry in page.entries])
        token = page.next_page_token
    assert pages == [["e0", "e1"], ["e2", "e3"], ["e4"]]


async def test_a_dry_run_shows_what_is_near_what_matches_and_what_is_taken_back(
    stub: "HashBankServiceAsyncStub",
) -> None:
    await stub.CreateBank(pb.CreateBankRequest(bank_id="press", kind=pb.BANK_KIND_ALLOW, max_distance_bits=5))
    await stub.AddEntries(adding(hashed("near", flipped(HASH, 10)), hashed("far", flipped(HASH, 60))))
    await stub.AddEntries(adding(hashed("p", flipped(HASH, 6)), bank="press"))
    request = pb.MatchImageRequest(hash=HASH.hex(), max_distance_bits=64)
    before = await stub.MatchImage(request)
    assert [(near.entry_id, near.distance_bits, near.within_threshold) for near in before.entries] == [
        ("p", 6, False),
        ("near", 10, True),
        ("far", 60, False),
    ]
    assert before.matched_bank_ids == [BANK]
    assert not before.hashes[0].HasField("quality")
    await stub.UpdateBank(pb.UpdateBankRequest(bank_id="press", max_distance_bits=6))
    after = await stub.MatchImage(request)
    assert [(near.entry_id, near.taken_back) for near in after.entries] == [
        ("p", False),
        ("near", True),
        ("far", False),
    ]
    assert after.matched_bank_ids == []
    plain = await stub.MatchImage(pb.MatchImageRequest(hash=HASH.hex()))
    assert [near.entry_id for near in plain.entries] == ["p", "near"]


async def test_a_featureless_image_is_not_added_and_matches_nothing(stub: "HashBankServiceAsyncStub") -> None:
    wall = png(featureless())
    code, why, fields = await refused(stub.AddEntries(adding(pb.NewBankEntry(id="w", image=wall))))
    assert (code, why) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert "quality 0, at least 50" in fields["entries[0].image"]
    await stub.AddEntries(adding(hashed("w", pdq(featureless()).hash)))
    match = await stub.MatchImage(pb.MatchImageRequest(image=wall))
    assert (match.hashes[0].quality, list(match.entries), list(match.matched_bank_ids)) == (0, [], [])
