"""HashBankService alone on a real gRPC server, calls of it, and what is told of those that fail."""

import io
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from PIL import Image

from tests.detectors.bank_pictures import Pixels, picture
from tests.serving.refusals import reason, status_of_call, wrong_fields
from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.detectors.banks.pdq import pdq
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.detectors.images.limits import ImageLimits
from tidegate.policy.markets import MARKETS
from tidegate.serving.bank_methods import BankMethods
from tidegate.serving.bank_servicer import BankServicer
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.settings import BudgetSettings, LimitSettings
from tidegate.serving.wire import add_hash_bank_service

BANK = "known_violations"
LARGEST_REQUEST = 2 * 1024 * 1024
HASH = pdq(picture(1)).hash


def png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def hashed(name: str, *hashes: bytes) -> pb.NewBankEntry:
    return pb.NewBankEntry(id=name, hashes=pb.PdqHashes(hashes=[each.hex() for each in hashes]))


def adding(*entries: pb.NewBankEntry, bank: str = BANK) -> pb.AddEntriesRequest:
    return pb.AddEntriesRequest(bank_id=bank, entries=entries)


async def refused(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    status = status_of_call(error.value)
    return error.value.code(), reason(status), wrong_fields(status)


@asynccontextmanager
async def serving_banks(path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """Serves the banks of this file, which waits half a second for others, until the block ends."""
    decoder = RequestDecoder(
        limits=LimitSettings(), budget=BudgetSettings(), max_request_bytes=LARGEST_REQUEST, markets=MARKETS
    )
    server = grpc.aio.server()
    banks = SqliteBanks(path, timeout_s=0.5)
    servicer = BankServicer(banks=banks, decoder=decoder, limits=ImageLimits(max_pixels=1_000_000))
    add_hash_bank_service(BankMethods(servicer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)
