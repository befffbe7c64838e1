"""HashBankService over a real gRPC server: every refusal is typed, and names all that is wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.detectors.bank_pictures import picture, random_hash
from tests.serving.bank_calls import BANK, HASH, LARGEST_REQUEST, adding, hashed, png, refused, serving_banks
from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.api.moderation.v1.hash_bank_service_pb2_grpc import HashBankServiceStub
from tidegate.detectors.banks.bank import MAX_HASHES

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.hash_bank_service_pb2_grpc import HashBankServiceAsyncStub

pytestmark = pytest.mark.integration

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


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    async with serving_banks(tmp_path / "banks.db") as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "HashBankServiceAsyncStub":
    return HashBankServiceStub(channel)


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
