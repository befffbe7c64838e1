"""HashBankService: thin transport over the store of banks. Decode, delegate, encode.

The store blocks, and so does hashing: both run in threads, hashing one call at a time, since the router's cores are for
decisions.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.detectors.banks.bank import StoredBank, StoredEntry
from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.port import HashBanks
from tidegate.detectors.images.decoding import Pixels, decode
from tidegate.detectors.images.limits import ImageLimits
from tidegate.moderation.errors import TidegateError
from tidegate.serving import bank_requests
from tidegate.serving.bank_dry_run import KINDS, DryRun
from tidegate.serving.call_context import CallContext, refuse
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.status import internal_status, status_of
from tidegate.serving.wire import Sized, Undecodable

logger = logging.getLogger(__name__)

Request = Sized | Undecodable
Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


class BankServicer:
    """HashBankService. Serves behind Ray Serve and in a plain `grpc.aio` server, like `ModerationServicer`."""

    def __init__(self, *, banks: HashBanks, decoder: RequestDecoder, limits: ImageLimits) -> None:
        """Takes what it delegates to; opens nothing yet.

        Args:
            banks: The store.
            decoder: Refuses what is too large or no message.
            limits: What bounds the decoding of images.
        """
        self._banks = banks
        self._decoder = decoder
        self._limits = limits
        self._dry_run = DryRun(BankMatcher(banks))
        self._hashing = asyncio.Lock()

    async def create_bank(self, request: Request, context: CallContext) -> pb.CreateBankResponse:
        """Makes a bank."""

        async def create(asked: pb.CreateBankRequest) -> pb.CreateBankResponse:
            bank = bank_requests.new_bank_of(asked)
            stored = await asyncio.to_thread(self._banks.create, bank)
            logger.info("banks.created", extra={"bank": bank.id})
            return pb.CreateBankResponse(bank=_bank(stored))

        return await self._answered(request, context, pb.CreateBankRequest, create, pb.CreateBankResponse())

    async def update_bank(self, request: Request, context: CallContext) -> pb.UpdateBankResponse:
        """Changes a bank's configuration."""

        async def update(asked: pb.UpdateBankRequest) -> pb.UpdateBankResponse:
            change = bank_requests.change_of(asked)
            stored = await asyncio.to_thread(self._banks.update, asked.bank_id, change)
            logger.info("banks.updated", extra={"bank": asked.bank_id})
            return pb.UpdateBankResponse(bank=_bank(stored))

        return await self._answered(request, context, pb.UpdateBankRequest, update, pb.UpdateBankResponse())

    async def delete_bank(self, request: Request, context: CallContext) -> pb.DeleteBankResponse:
        """Deletes a bank with all its entries."""

        async def delete(asked: pb.DeleteBankRequest) -> pb.DeleteBankResponse:
            stored = await asyncio.to_thread(self._banks.delete, bank_requests.bank_id_of(asked))
            logger.info("banks.deleted", extra={"bank": asked.bank_id, "entries": stored.entries})
            return pb.DeleteBankResponse(bank=_bank(stored))

        return await self._answered(request, context, pb.DeleteBankRequest, delete, pb.DeleteBankResponse())

    async def list_banks(self, request: Request, context: CallContext) -> pb.ListBanksResponse:
        """Returns all banks."""

        async def list_all(_: pb.ListBanksRequest) -> pb.ListBanksResponse:
            return pb.ListBanksResponse(banks=map(_bank, await asyncio.to_thread(self._banks.banks)))

        return await self._answered(request, context, pb.ListBanksRequest, list_all, pb.ListBanksResponse())

    async def add_entries(self, request: Request, context: CallContext) -> pb.AddEntriesResponse:
        """Adds known pictures to a bank."""

        async def add(asked: pb.AddEntriesRequest) -> pb.AddEntriesResponse:
            async with self._hashing:
                entries = await asyncio.to_thread(bank_requests.new_entries_of, asked, self._frames)
            added = await asyncio.to_thread(self._banks.add, asked.bank_id, entries)
            logger.info("banks.entries_added", extra={"bank": asked.bank_id, "entries": added.added})
            return pb.AddEntriesResponse(added_count=added.added, unchanged_count=added.unchanged)

        return await self._answered(request, context, pb.AddEntriesRequest, add, pb.AddEntriesResponse())

    async def remove_entries(self, request: Request, context: CallContext) -> pb.RemoveEntriesResponse:
        """Removes known pictures from a bank."""

        async def remove(asked: pb.RemoveEntriesRequest) -> pb.RemoveEntriesResponse:
            ids = bank_requests.entry_ids_of(asked)
            removed = await asyncio.to_thread(self._banks.remove, asked.bank_id, ids)
            logger.info("banks.entries_removed", extra={"bank": asked.bank_id, "entries": removed})
            return pb.RemoveEntriesResponse(removed_count=removed)

        return await self._answered(request, context, pb.RemoveEntriesRequest, remove, pb.RemoveEntriesResponse())

    async def list_entries(self, request: Request, context: CallContext) -> pb.ListEntriesResponse:
        """Returns a page of a bank's entries."""

        async def page(asked: pb.ListEntriesRequest) -> pb.ListEntriesResponse:
            after, size = bank_requests.page_of(asked)
            found = await asyncio.to_thread(self._banks.entries, asked.bank_id, after=after, limit=size + 1)
            more = str(found[size - 1].number) if len(found) > size else ""
            return pb.ListEntriesResponse(entries=map(_entry, found[:size]), next_page_token=more)

        return await self._answered(request, context, pb.ListEntriesRequest, page, pb.ListEntriesResponse())

    async def match_image(self, request: Request, context: CallContext) -> pb.MatchImageResponse:
        """Shows what a picture is near to. The first call reads the whole store into this process."""

        async def match(asked: pb.MatchImageRequest) -> pb.MatchImageResponse:
            within_bits = bank_requests.distance_of(asked)
            async with self._hashing:
                pictures = await asyncio.to_thread(bank_requests.pictures_of, asked, self._frames)
                return await self._dry_run.of(pictures, within_bits=within_bits)

        return await self._answered(request, context, pb.MatchImageRequest, match, pb.MatchImageResponse())

    def _frames(self, data: bytes) -> tuple[Pixels, ...]:
        return decode(data, self._limits).frames

    async def _answered(
        self,
        request: Request,
        context: CallContext,
        kind: type[Q],
        work: Callable[[Q], Awaitable[A]],
        refused: A,
    ) -> A:
        try:
            asked = self._decoder.opened(request).message
            assert isinstance(asked, kind)
            return await work(asked)
        except TidegateError as error:
            refuse(context, status_of(error))
        except Exception:  # the boundary: nothing unexpected leaves the process
            logger.exception("hash bank call failed", extra={"request": kind.__name__})
            refuse(context, internal_status(""))
        return refused


def _bank(stored: StoredBank) -> pb.HashBank:
    bank = stored.bank
    message = pb.HashBank(
        id=bank.id,
        kind=KINDS[bank.kind],
        max_distance_bits=bank.threshold_bits,
        enabled=bank.enabled,
        description=bank.description,
        entry_count=stored.entries,
        hash_count=stored.hashes,
    )
    message.create_time.FromDatetime(stored.created_at)
    return message


def _entry(stored: StoredEntry) -> pb.BankEntry:
    return pb.BankEntry(id=stored.entry.id, hashes=[each.hex() for each in stored.entry.hashes])
