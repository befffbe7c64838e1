"""One queue as a router has it: servers, places, and who waits for a place, first come, first served.

The rules are `serving.places`'s, the router's own. Several servers behind one queue have so many times its places.
"""

from collections import deque
from typing import NamedTuple

from tidegate.capacity.scenario import Admission
from tidegate.serving.places import Places


class Item(NamedTuple):
    """Something to decide on."""

    arrived_s: float
    """When it came."""
    placed_s: float
    """When it got its place."""


class Waiting(NamedTuple):
    """An item without a place."""

    arrived_s: float
    """When it came."""
    until_s: float
    """When it is given up."""


class Station:
    """A replica, or all of them behind one queue."""

    def __init__(self, admission: Admission, *, servers: int = 1) -> None:
        """Empty.

        Args:
            admission: What it refuses.
            servers: Cores.
        """
        self.servers = servers
        """Cores; may change."""
        self.in_service = 0
        """Items that are worked on."""
        self.entered: deque[Item] = deque()
        """Items under way that wait for a core."""
        self.waiting: deque[Waiting] = deque()
        """Items that wait for a place."""
        self.shed = 0
        """Refused or given up so far."""
        self._admission = admission
        self._places = None if admission.under_way is None else Places(admission.under_way)

    @property
    def size(self) -> int:
        """Items in it."""
        return self.in_service + len(self.entered) + len(self.waiting)

    def arrive(self, now_s: float) -> bool:
        """Takes an item or refuses it; true if its work can begin at once (`start`)."""
        places, rules = self._places, self._admission
        if places is None or (self._free(places) > 0 and not self.waiting):
            if self.in_service < self.servers:
                self.in_service += 1
                return True
            self.entered.append(Item(now_s, now_s))
            return False
        self._give_up(now_s)
        places.found_none()
        allowed_s, expected_s = places.allowed_s(rules.budget_s), places.wait_s(len(self.waiting))
        if len(self.waiting) >= rules.waiting * self.servers or not 0 < allowed_s >= expected_s:
            self.shed += 1
        else:
            self.waiting.append(Waiting(now_s, now_s + allowed_s))
        return False

    def leave(self, now_s: float, item: Item) -> None:
        """An item is done."""
        self.in_service -= 1
        places = self._places
        if places is None:
            return
        self._give_up(now_s)
        late = now_s - item.arrived_s > self._admission.budget_s
        places.worked(now_s - item.placed_s, self._admission.budget_s, late=late)
        places.freed(now_s, waiting=len(self.waiting))
        self.let_in(now_s)

    def start(self) -> Item | None:
        """The next item to work on, or None if there is none, or no core."""
        if not self.entered or self.in_service >= self.servers:
            return None
        self.in_service += 1
        return self.entered.popleft()

    def let_in(self, now_s: float) -> None:
        """Who waits takes the places that are free."""
        while self._places is not None and self.waiting and self._free(self._places) > 0:
            self.entered.append(Item(self.waiting.popleft().arrived_s, now_s))

    def _free(self, places: Places) -> int:
        return places.count * self.servers - self.in_service - len(self.entered)

    def _give_up(self, now_s: float) -> None:
        while self.waiting and now_s > self.waiting[0].until_s:
            self.waiting.popleft()
            self.shed += 1
