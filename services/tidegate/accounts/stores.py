"""The stores of one deployment, as access and erasure see them."""

from datetime import datetime

from tidegate.accounts.event_records import LATEST, EventRecords
from tidegate.accounts.held import AccountPlaces, Counts, Store
from tidegate.accounts.ledger_records import LedgerRecords
from tidegate.accounts.offline_rows import OfflineRows
from tidegate.accounts.online_rows import OnlineRows
from tidegate.features.events.columns import moment
from tidegate.features.history import OFFLINE


class AccountStores:
    """All that may hold something on an account. A store that is not there holds nothing."""

    def __init__(self, places: AccountPlaces) -> None:
        """Opens nothing yet."""
        self.events = EventRecords(places.events)
        self.online = OnlineRows(places.features)
        self.offline = OfflineRows(places.features / OFFLINE)
        self.ledger = LedgerRecords(places.ledger)

    def erased_at(self, account_id: str) -> datetime | None:
        """Until when it is erased, UTC; None if it never was. Raises AccountStoreUnavailableError."""
        at_us = self.events.erased_at_us(account_id)
        return None if at_us is None else moment(at_us)

    def erasable(self, account_id: str, *, up_to_us: int = LATEST) -> Counts:
        """What an erasure at that time has to remove, by store. What came in since is a history of its own.

        Raises:
            AccountStoreUnavailableError: A store can't be read.
        """
        return {
            Store.EVENTS: self.events.own_count(account_id, up_to_us=up_to_us),
            Store.EVENTS_OF_OTHERS: self.events.of_others_count(account_id, up_to_us=up_to_us),
            Store.ONLINE: self.online.count(account_id, up_to_us=up_to_us),
            Store.OFFLINE: self.offline.count(account_id),
        }
