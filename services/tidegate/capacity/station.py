"""One queue as a router has it: servers, places, and who waits for a place, first come, first served.

The rules are `serving.admission`'s: what would wait too long, by the mean time between two places that become free, is
refused on arrival; who waited too long nevertheless is given up.
"""

from collections import deque
from dataclasses import dataclass, field

from tidegate.capacity.scenario import Admission
from tidegate.serving.admission import SMOOTHING


@dataclass(slots=True, eq=False)
class Station:
    """A replica, or all of them behind one queue. Items are their times of arrival."""

    admission: Admission
    """What it refuses."""
    servers: int = 1
    """Cores."""
    in_service: int = 0
    """Items that are worked on."""
    entered: deque[float] = field(default_factory=deque)
    """Items under way that wait for a core."""
    waiting: deque[float] = field(default_factory=deque)
    """Items that wait for a place."""
    shed: int = 0
    """Refused or given up so far."""
    _interval_s: float = 0.0
    _freed_at_s: float | None = None

    @property
    def size(self) -> int:
        """Items in it."""
        return self.in_service + len(self.entered) + len(self.waiting)

    def arrive(self, now_s: float) -> bool:
        """Takes an item or refuses it; true if its work can begin at once (`start`)."""
        rules = self.admission
        if rules.under_way is None or (self._free() > 0 and not self.waiting):
            if self.in_service < self.servers:
                self.in_service += 1
                return True
            self.entered.append(now_s)
            return False
        self._give_up(now_s)
        expected_s = (len(self.waiting) + 1) * self._interval_s
        if len(self.waiting) >= rules.waiting * self.servers or expected_s > rules.allowed_s:
            self.shed += 1
        else:
            self.waiting.append(now_s)
        return False

    def leave(self, now_s: float) -> None:
        """An item is done."""
        self.in_service -= 1
        if self.admission.under_way is None:
            return
        if self._freed_at_s is not None:
            self._interval_s += SMOOTHING * (now_s - self._freed_at_s - self._interval_s)
        self._freed_at_s = now_s
        self._give_up(now_s)
        self.let_in()
        if self._free() > 0:
            self._freed_at_s = None  # nobody waits: the next interval would be one of idleness

    def start(self) -> float | None:
        """The arrival of the next item to work on, or None if there is none, or no core."""
        if not self.entered or self.in_service >= self.servers:
            return None
        self.in_service += 1
        return self.entered.popleft()

    def let_in(self) -> None:
        """Who waits takes the places that are free."""
        while self.waiting and self._free() > 0:
            self.entered.append(self.waiting.popleft())

    def _free(self) -> int:
        assert self.admission.under_way is not None
        return self.admission.under_way * self.servers - self.in_service - len(self.entered)

    def _give_up(self, now_s: float) -> None:
        allowed_s = self.admission.allowed_s
        while self.waiting and now_s - self.waiting[0] > allowed_s:
            self.waiting.popleft()
            self.shed += 1
