"""Why a bank can't be read or changed."""

from tidegate.moderation.errors import Reason, TidegateError


class BanksUnavailable(TidegateError):
    """The store can't be read or written. What it holds is unknown, which is not the same as nothing."""

    def __init__(self) -> None:
        super().__init__(Reason.BANKS_UNAVAILABLE, "the store of hash banks does not answer; retry")


class BankNotFound(TidegateError):
    """There is no such bank."""

    def __init__(self) -> None:
        super().__init__(Reason.BANK_NOT_FOUND, "no hash bank with this bank_id")


class BankExists(TidegateError):
    """There is a bank of this id, configured otherwise."""

    def __init__(self) -> None:
        super().__init__(
            Reason.BANK_EXISTS, "a hash bank with this bank_id exists with another configuration; update or delete it"
        )


class EntryExists(TidegateError):
    """The bank holds an entry of this id, with other hashes."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(
            Reason.BANK_ENTRY_EXISTS,
            f'the bank holds an entry "{entry_id}" with other hashes; remove it first. Nothing was added',
        )
