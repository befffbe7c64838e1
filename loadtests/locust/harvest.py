"""All samples of a run, from whichever process they come."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from loadtests.locust.cpu import CpuReading
from loadtests.locust.sample import Sample


@dataclass(slots=True)
class Harvest:
    """What one process has, or what a master has of all."""

    samples: list[Sample] = field(default_factory=list)
    """In the order in which they were settled."""
    cpu: list[CpuReading] = field(default_factory=list)
    """Of all generator processes."""
    done: set[int] = field(default_factory=set)
    """Parts that have run the whole plan."""

    def take(self) -> dict[str, Any]:
        """What came since the last call, as it travels to the master."""
        samples, self.samples = self.samples, []
        cpu, self.cpu = self.cpu, []
        return {
            "samples": [sample.row() for sample in samples],
            "cpu": [astuple(reading) for reading in cpu],
            "done": sorted(self.done),
        }

    def put(self, payload: Mapping[str, Any]) -> None:
        """Adds what a worker has sent."""
        self.samples += [Sample(*row) for row in payload["samples"]]
        self.cpu += [CpuReading(*row) for row in payload["cpu"]]
        self.done |= set(payload["done"])
