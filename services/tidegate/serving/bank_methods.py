"""HashBankService's gRPC methods, by the names that the proto gives them. Serve calls a method by its RPC's name."""

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.serving.bank_servicer import BankServicer
from tidegate.serving.call_context import CallContext
from tidegate.serving.wire import Sized, Undecodable

_Request = Sized | Undecodable


class BankMethods:
    """One method per RPC, for the router to inherit."""

    def __init__(self, banks: BankServicer) -> None:
        self._banks = banks

    async def CreateBank(self, request: _Request, grpc_context: CallContext) -> pb.CreateBankResponse:  # noqa: N802 - the RPC's name
        """HashBankService.CreateBank."""
        return await self._banks.create_bank(request, grpc_context)

    async def UpdateBank(self, request: _Request, grpc_context: CallContext) -> pb.UpdateBankResponse:  # noqa: N802 - the RPC's name
        """HashBankService.UpdateBank."""
        return await self._banks.update_bank(request, grpc_context)

    async def DeleteBank(self, request: _Request, grpc_context: CallContext) -> pb.DeleteBankResponse:  # noqa: N802 - the RPC's name
        """HashBankService.DeleteBank."""
        return await self._banks.delete_bank(request, grpc_context)

    async def ListBanks(self, request: _Request, grpc_context: CallContext) -> pb.ListBanksResponse:  # noqa: N802 - the RPC's name
        """HashBankService.ListBanks."""
        return await self._banks.list_banks(request, grpc_context)

    async def AddEntries(self, request: _Request, grpc_context: CallContext) -> pb.AddEntriesResponse:  # noqa: N802 - the RPC's name
        """HashBankService.AddEntries."""
        return await self._banks.add_entries(request, grpc_context)

    async def RemoveEntries(self, request: _Request, grpc_context: CallContext) -> pb.RemoveEntriesResponse:  # noqa: N802 - the RPC's name
        """HashBankService.RemoveEntries."""
        return await self._banks.remove_entries(request, grpc_context)

    async def ListEntries(self, request: _Request, grpc_context: CallContext) -> pb.ListEntriesResponse:  # noqa: N802 - the RPC's name
        """HashBankService.ListEntries."""
        return await self._banks.list_entries(request, grpc_context)

    async def MatchImage(self, request: _Request, grpc_context: CallContext) -> pb.MatchImageResponse:  # noqa: N802 - the RPC's name
        """HashBankService.MatchImage."""
        return await self._banks.match_image(request, grpc_context)
