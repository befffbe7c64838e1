"""How busy a generator process is."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class CpuReading:
    """How busy one generator process was since its reading before."""

    part: int
    """The process's place among those that take part."""
    at_s: float
    """In seconds from the start of the plan."""
    share: float
    """Of one core."""


class CpuMeter:
    """Reads this process."""

    def __init__(self, part: int) -> None:
        """Starts to measure."""
        self._part = part
        self._process = psutil.Process()
        self._process.cpu_percent()

    def read(self, at_s: float) -> CpuReading:
        """Since the call before."""
        return CpuReading(self._part, at_s, self._process.cpu_percent() / 100)
