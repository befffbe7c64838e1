"""What an autoscaler gets to see: samples of the past, averaged over its look-back, and as fresh as they are sent."""

from collections import deque
from dataclasses import dataclass

from tidegate.capacity.autoscaling import Autoscaler, Seen


@dataclass(frozen=True, slots=True)
class Sample:
    """The deployment at one moment; waits and work are sums of the time since the last."""

    at_s: float
    """When."""
    ongoing: float
    """Items in it."""
    busy: float
    """Replicas that work."""
    waited_s: float
    """Time that items waited whose work began."""
    worked_s: float
    """Time that these items take to be worked on."""


class Lens:
    """Between a deployment and its autoscaler."""

    def __init__(self, scaler: Autoscaler) -> None:
        self._scaler = scaler
        self._samples: deque[Sample] = deque()
        self._sent_s = 0.0
        self._means = (0.0, 0.0, 0.0)

    def add(self, sample: Sample) -> None:
        """Takes a sample; at the end of each metrics interval the means are made anew."""
        self._samples.append(sample)
        while self._samples[0].at_s <= sample.at_s - self._scaler.look_back_s:
            self._samples.popleft()
        if sample.at_s - self._sent_s + 1e-6 >= self._scaler.metrics_interval_s:
            self._sent_s = sample.at_s
            count, worked_s = len(self._samples), sum(each.worked_s for each in self._samples)
            self._means = (
                sum(each.ongoing for each in self._samples) / count,
                sum(each.busy for each in self._samples) / count,
                sum(each.waited_s for each in self._samples) / worked_s if worked_s else 0.0,
            )

    def seen(self, at_s: float, *, ready: int, starting: int) -> Seen:
        """What the autoscaler knows now."""
        return Seen(at_s, ready, starting, *self._means)

    @property
    def looked(self) -> bool:
        """Whether metrics came at all: before that no autoscaler decides."""
        return self._sent_s > 0
