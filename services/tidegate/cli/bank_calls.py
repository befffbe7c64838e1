"""Calls of HashBankService for the command: retried where the service is away, errors as the client's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.api.moderation.v1.hash_bank_service_pb2_grpc import HashBankServiceStub
from tidegate.cli.connection import endpoint_of, refuse_if_unreachable
from tidegate.cli.server_options import Server
from tidegate.client import RetryPolicy
from tidegate.client.channel import channel_to
from tidegate.client.retry import Attempts
from tidegate.serving.settings import Settings

MOST_ENTRIES: Final = 1_000
"""What the service takes in one call."""

_DEADLINE_S: Final = 60.0
"""For one call, retries included: a store of a million hashes takes seconds to delete, or to read for a first match."""


class BankCalls:
    """One method per use. All raise ModerationError."""

    def __init__(self, stub: HashBankServiceStub) -> None:
        self._stub = stub

    def create(self, request: pb.CreateBankRequest) -> pb.HashBank:
        """Makes a bank."""
        response: pb.CreateBankResponse = _answer(self._stub.CreateBank, request)
        return response.bank

    def update(self, request: pb.UpdateBankRequest) -> pb.HashBank:
        """Changes a bank's configuration."""
        response: pb.UpdateBankResponse = _answer(self._stub.UpdateBank, request)
        return response.bank

    def delete(self, bank: str) -> pb.HashBank:
        """Deletes a bank."""
        response: pb.DeleteBankResponse = _answer(self._stub.DeleteBank, pb.DeleteBankRequest(bank_id=bank))
        return response.bank

    def banks(self) -> list[pb.HashBank]:
        """All banks."""
        response: pb.ListBanksResponse = _answer(self._stub.ListBanks, pb.ListBanksRequest())
        return list(response.banks)

    def add(self, bank: str, entries: list[pb.NewBankEntry]) -> pb.AddEntriesResponse:
        """Adds up to a thousand entries."""
        response: pb.AddEntriesResponse = _answer(
            self._stub.AddEntries, pb.AddEntriesRequest(bank_id=bank, entries=entries)
        )
        return response

    def remove(self, bank: str, entry_ids: list[str]) -> int:
        """Removes up to a thousand entries and returns how many there were."""
        response: pb.RemoveEntriesResponse = _answer(
            self._stub.RemoveEntries, pb.RemoveEntriesRequest(bank_id=bank, entry_ids=entry_ids)
        )
        return response.removed_count

    def entries(self, bank: str) -> Iterator[pb.BankEntry]:
        """All entries of a bank, page by page."""
        token = ""
        while True:
            request = pb.ListEntriesRequest(bank_id=bank, page_size=MOST_ENTRIES, page_token=token)
            response: pb.ListEntriesResponse = _answer(self._stub.ListEntries, request)
            yield from response.entries
            token = response.next_page_token
            if not token:
                return

    def match(self, request: pb.MatchImageRequest) -> pb.MatchImageResponse:
        """What a picture is near to."""
        response: pb.MatchImageResponse = _answer(self._stub.MatchImage, request)
        return response


@contextmanager
def bank_calls(settings: Settings, server: Server) -> Iterator[BankCalls]:
    """Calls to a service. Raises ClickException if nothing listens there, or TLS is wrong."""
    endpoint = endpoint_of(settings, server)
    refuse_if_unreachable(endpoint)
    with channel_to(endpoint.address, endpoint.tls.credentials() if endpoint.tls else None) as channel:
        yield BankCalls(HashBankServiceStub(channel))


def _answer(call: Callable[..., Any], request: Any) -> Any:
    attempts = Attempts(RetryPolicy(), deadline_s=_DEADLINE_S)
    while True:
        try:
            return call(request, timeout=attempts.left_s())
        except grpc.RpcError as error:
            pause_s = attempts.pause_after_s(error)
        time.sleep(pause_s)
