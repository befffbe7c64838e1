"""HashBankService over a real gRPC server: banks, entries, pages, dry runs, and every refusal typed."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from PIL import Image

from tests.detectors.bank_pictures import Pixels, featureless, flipped, picture, random_hash
from tests.serving.refusals import reason, status_of_call, wrong_fields
from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.api.moderation.v1.hash_bank_service_pb2_grpc import HashBankServiceStub
from tidegate.detectors.banks.bank import MAX_HASHES
from tidegate.detectors.banks.pdq import orientations, pdq
from tidegate.detectors.banks.port import HashBanks
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.detectors.images.limits import ImageLimits
from tidegate.policy.markets import MARKETS
from tidegate.serving.bank_methods import BankMethods
from tidegate.serving.bank_servicer import BankServicer
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.router import RouterMethods
from tidegate.serving.serve_config import SERVICER_FUNCTIONS
from tidegate.serving.settings import BudgetSettings, LimitSettings
from tidegate.serving.wire import add_hash_bank_service

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.hash_bank_service_pb2_grpc import HashBankServiceAsyncStub

pytestmark = pytest.mark.integration

BANK = "known_violations"
LARGEST_REQUEST = 2 * 1024 * 1024
HASH = pdq(picture(1)).hash


def png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def animation(*frames: Pixels) -> bytes:
    file = io.BytesIO()
    first, *others = map(Image.fromarray, frames)
    first.save(file, "WEBP", save_all=True, append_images=others, lossless=True)
    return file.getvalue()


def hashed(name: str, *hashes: bytes) -> pb.NewBankEntry:
    return pb.NewBankEntry(id=name, hashes=pb.PdqHashes(hashes=[each.hex() for each in hashes]))


def adding(*entries: pb.NewBankEntry, bank: str = BANK) -> pb.AddEntriesRequest:
    return pb.AddEntriesRequest(bank_id=bank, entries=entries)


@pytest.fixture
def banks(tmp_path: Path) -> HashBanks:
    return SqliteBanks(tmp_path / "banks.db", timeout_s=0.5)


@pytest.fixture
async def channel(banks: HashBanks) -> AsyncIterator[grpc.aio.Channel]:
    decoder = RequestDecoder(
        limits=LimitSettings(), budget=BudgetSettings(), max_request_bytes=LARGEST_REQUEST, markets=MARKETS
    )
    server = grpc.aio.server()
    servicer = BankServicer(banks=banks, decoder=decoder, limits=ImageLimits(max_pixels=1_000_000))
    add_hash_bank_service(BankMethods(servicer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "HashBankServiceAsyncStub":
    return HashBankServiceStub(channel)


async def refused(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    status = status_of_call(error.value)
    return error.value.code(), reason(status), wrong_fields(status)


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


GOOD = hashed("good", HASH)
BAD_REQUESTS: list[tuple[Callable[[Any], Awaitable[Any]], set[str]]] = [
    (lambda stub: stub.CreateBank(pb.CreateBankRequest(bank_id="Not An Id")), {"bank_id"}),
    (lambda stub: stub.CreateBank(pb.CreateBankRequest(bank_id="a" * 65)), {"bank_id"}),
    (
        lambda stub: stub.CreateBank(
            pb.CreateBankRequest(kind=7, max_distance_bits=65, description="x" * 501)  # type: ignore[arg-type]  # no such kind
        ),
        {"bank_id", "kind", "max_distance_bits", "description"},
    ),
    (lambda stub: stub.UpdateBank(pb.UpdateBankRequest(bank_id=BANK, max_distance_bits=-1)), {"max_distance_bits"}),
    (lambda stub: stub.UpdateBank(pb.UpdateBankRequest(bank_id=BANK, description="a\0b")), {"description"}),
    (lambda stub: stub.DeleteBank(pb.DeleteBankRequest()), {"bank_id"}),
    (lambda stub: stub.AddEntries(adding()), {"entries"}),
    (lambda stub: stub.AddEntries(adding(*[GOOD] * 1001)), {"entries"}),
    (lambda stub: stub.AddEntries(adding(GOOD, GOOD)), {"entries[1].id"}),
    (lambda stub: stub.AddEntries(adding(GOOD, pb.NewBankEntry(id="x"))), {"entries[1]"}),
    (
        lambda stub: stub.AddEntries(adding(hashed("", HASH), hashed("a\nb", HASH), hashed("c" * 129, HASH))),
        {"entries[0].id", "entries[1].id", "entries[2].id"},
    ),
    (
        lambda stub: stub.AddEntries(adding(hashed("a"), hashed("b", *[HASH] * (MAX_HASHES + 1)))),
        {"entries[0].hashes.hashes", "entries[1].hashes.hashes"},
    ),
    (lambda stub: stub.AddEntries(adding(hashed("a", HASH, HASH[:31]))), {"entries[0].hashes.hashes[1]"}),
    (lambda stub: stub.AddEntries(adding(GOOD, pb.NewBankEntry(id="x", image=b"no"))), {"entries[1].image"}),
    (lambda stub: stub.AddEntries(adding(pb.NewBankEntry(id="x", image=png(picture(1))[:2000]))), {"entries[0].image"}),
    (
        lambda stub: stub.AddEntries(adding(pb.NewBankEntry(id="x", image=png(picture(1, height=2000, width=2000))))),
        {"entries[0].image"},
    ),
    (lambda stub: stub.RemoveEntries(pb.RemoveEntriesRequest(bank_id=BANK)), {"entry_ids"}),
    (lambda stub: stub.RemoveEntries(pb.RemoveEntriesRequest(bank_id=BANK, entry_ids=[""])), {"entry_ids[0]"}),
    (lambda stub: stub.ListEntries(pb.ListEntriesRequest(bank_id=BANK, page_size=1001)), {"page_size"}),
    (lambda stub: stub.ListEntries(pb.ListEntriesRequest(bank_id=BANK, page_token="-1")), {"page_token"}),
    (lambda stub: stub.ListEntries(pb.ListEntriesRequest(bank_id=BANK, page_token="9" * 30)), {"page_token"}),
    (lambda stub: stub.MatchImage(pb.MatchImageRequest()), {"source"}),
    (lambda stub: stub.MatchImage(pb.MatchImageRequest(hash="ff")), {"hash"}),
    (lambda stub: stub.MatchImage(pb.MatchImageRequest(image=b"no")), {"image"}),
    (lambda stub: stub.MatchImage(pb.MatchImageRequest(hash=HASH.hex(), max_distance_bits=65)), {"max_distance_bits"}),
]


@pytest.mark.parametrize(("call", "fields"), BAD_REQUESTS)
async def test_a_bad_request_is_refused_with_every_wrong_field_and_changes_nothing(
    stub: "HashBankServiceAsyncStub", call: Callable[[Any], Awaitable[Any]], fields: set[str]
) -> None:
    code, why, wrong = await refused(call(stub))
    assert (code, why, set(wrong)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", fields)
    (bank,) = (await stub.ListBanks(pb.ListBanksRequest())).banks
    assert (bank.id, bank.entry_count) == (BANK, 0)


async def test_refusals_of_a_thousand_bad_entries_fit_into_an_answer(stub: "HashBankServiceAsyncStub") -> None:
    _, _, wrong = await refused(stub.AddEntries(adding(*(pb.NewBankEntry(id=f"e{at}") for at in range(1000)))))
    assert len(wrong) == 16


async def test_a_request_that_is_too_large_is_refused(stub: "HashBankServiceAsyncStub") -> None:
    large = pb.NewBankEntry(id="x", image=bytes(LARGEST_REQUEST))
    code, why, wrong = await refused(stub.AddEntries(adding(large)))
    assert (code, why) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert "request" in wrong


@pytest.mark.parametrize(
    "call",
    [
        lambda stub: stub.UpdateBank(pb.UpdateBankRequest(bank_id="nothing")),
        lambda stub: stub.DeleteBank(pb.DeleteBankRequest(bank_id="nothing")),
        lambda stub: stub.AddEntries(adding(GOOD, bank="nothing")),
        lambda stub: stub.RemoveEntries(pb.RemoveEntriesRequest(bank_id="nothing", entry_ids=["a"])),
        lambda stub: stub.ListEntries(pb.ListEntriesRequest(bank_id="nothing")),
    ],
)
async def test_a_bank_that_does_not_exist_is_not_found(
    stub: "HashBankServiceAsyncStub", call: Callable[[Any], Awaitable[Any]]
) -> None:
    assert (await refused(call(stub)))[:2] == (grpc.StatusCode.NOT_FOUND, "BANK_NOT_FOUND")


async def test_what_exists_otherwise_is_refused(stub: "HashBankServiceAsyncStub") -> None:
    await stub.AddEntries(adding(hashed("a", HASH)))
    other_bank = stub.CreateBank(pb.CreateBankRequest(bank_id=BANK, max_distance_bits=1))
    assert (await refused(other_bank))[:2] == (grpc.StatusCode.ALREADY_EXISTS, "BANK_EXISTS")
    other_entry = stub.AddEntries(adding(hashed("new", HASH), hashed("a", random_hash(5))))
    assert (await refused(other_entry))[:2] == (grpc.StatusCode.ALREADY_EXISTS, "BANK_ENTRY_EXISTS")
    (bank,) = (await stub.ListBanks(pb.ListBanksRequest())).banks
    assert bank.entry_count == 1


async def test_a_damaged_store_is_unavailable_and_nothing_is_matched(
    stub: "HashBankServiceAsyncStub", tmp_path: Path
) -> None:
    await stub.AddEntries(adding(hashed("a", HASH)))
    (tmp_path / "banks.db").write_bytes(b"no database" * 1000)
    for call in (
        stub.MatchImage(pb.MatchImageRequest(hash=HASH.hex())),
        stub.ListBanks(pb.ListBanksRequest()),
        stub.AddEntries(adding(hashed("b", HASH))),
    ):
        assert (await refused(call))[:2] == (grpc.StatusCode.UNAVAILABLE, "BANKS_UNAVAILABLE")


async def test_bytes_that_are_no_message_are_refused_and_not_internal(channel: grpc.aio.Channel) -> None:
    """A string that is not UTF-8, as a careless client sends it."""
    delete: Any = channel.unary_unary("/tidegate.api.moderation.v1.HashBankService/DeleteBank")
    code, _, wrong = await refused(delete(b"\x0a\x02\xff\xfe"))
    assert (code, set(wrong)) == (grpc.StatusCode.INVALID_ARGUMENT, {"request"})
