"""Autoscalers as Ray Serve and Kubernetes have them, as pure objects: what was seen goes in, replicas come out.

`ServeScaler` is `ray.serve.autoscaling_policy` of Ray 2.60; a test holds it to that code. `HpaScaler` is the algorithm
of https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ with its default behaviour; KEDA makes an
HPA of what it is given and adds only scaling from and to 0, which nothing here does.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Seen:
    """What an autoscaler knows when it decides: means over its look-back, not the present."""

    at_s: float
    """Now."""
    ready: int
    """Replicas that answer."""
    starting: int
    """Replicas that are asked for and do not answer yet."""
    ongoing: float
    """Items in the deployment, queued ones too, in the mean."""
    busy: float
    """Replicas that work, in the mean."""
    wait_ratio: float
    """Time that served items waited, divided by the time that they were worked on."""


class Autoscaler(Protocol):
    """Decides how many replicas there shall be."""

    @property
    def interval_s(self) -> float:
        """Seconds from one decision to the next."""

    @property
    def look_back_s(self) -> float:
        """Seconds that it takes means over."""

    @property
    def metrics_interval_s(self) -> float:
        """Seconds from one look at the metrics to the next: what it knows is up to so old."""

    def decide(self, seen: Seen) -> int:
        """Replicas from now on, starting ones counted."""


class FixedScaler:
    """Always the same number."""

    interval_s, look_back_s, metrics_interval_s = 60.0, 60.0, 60.0

    def __init__(self, replicas: int) -> None:
        self._replicas = replicas

    def decide(self, seen: Seen) -> int:
        """See `Autoscaler`."""
        del seen
        return self._replicas


@dataclass(slots=True)
class ServeScaler:
    """Ray Serve's, by items in the deployment. Defaults are Serve's own but for the target."""

    least: int
    """`min_replicas`."""
    most: int
    """`max_replicas`."""
    target_ongoing: float
    """`target_ongoing_requests`: items in the deployment for each replica."""
    upscale_delay_s: float = 30.0
    """How long more must have been wanted without a break."""
    downscale_delay_s: float = 600.0
    """How long fewer must have been wanted without a break."""
    upscaling_factor: float = 1.0
    """Gain on the way up."""
    downscaling_factor: float = 1.0
    """Gain on the way down."""
    look_back_s: float = 30.0
    """`look_back_period_s`."""
    metrics_interval_s: float = 10.0
    """`RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S`."""
    interval_s: float = 1.0
    """Serve's loop runs every 0.1 s; against delays of seconds that makes no difference."""
    _wanted_since_s: float | None = None
    _upwards: bool = False

    def decide(self, seen: Seen) -> int:
        """See `Autoscaler`."""
        target = seen.ready + seen.starting
        wanted = self._scaled(seen.ongoing / self.target_ongoing, seen.ready) if seen.ready else target
        if wanted == target:
            self._wanted_since_s = None
            return self._bounded(target)
        upwards = wanted > target
        if self._wanted_since_s is None or upwards is not self._upwards:
            self._wanted_since_s, self._upwards = seen.at_s, upwards
        delay_s = self.upscale_delay_s if upwards else self.downscale_delay_s
        if seen.at_s - self._wanted_since_s + 1e-6 < delay_s:
            return self._bounded(target)
        self._wanted_since_s = None
        return self._bounded(wanted if upwards else max(1, wanted))

    def _scaled(self, desired: float, current: int) -> int:
        factor = self.upscaling_factor if desired > current else self.downscaling_factor
        scaled = math.ceil(current + factor * (desired - current))
        return scaled - 1 if math.ceil(desired) < current == scaled else scaled

    def _bounded(self, replicas: int) -> int:
        return min(max(replicas, self.least), self.most)


class Metric(StrEnum):
    """What an HPA compares with its target."""

    UTILISATION = "utilisation"
    """Share of its core that a replica is busy: a Resource metric, averaged over pods."""
    WAIT_RATIO = "wait_ratio"
    """Queue time divided by compute time, as Triton counts them: an external Value metric, as by KEDA."""


@dataclass(slots=True)
class HpaScaler:
    """Kubernetes' HorizontalPodAutoscaler (autoscaling/v2). Defaults are Kubernetes' own but for metric and target."""

    least: int
    """`minReplicas`."""
    most: int
    """`maxReplicas`."""
    metric: Metric
    """What is looked at."""
    target: float
    """Of the metric."""
    tolerance: float = 0.1
    """Deviation from the target, as a share, that changes nothing."""
    down_window_s: float = 300.0
    """`scaleDown.stabilizationWindowSeconds`: the highest recommendation of so long counts."""
    up_pods: int = 4
    """`scaleUp`: at most so many more within a period, or twice as many, whichever is more."""
    down_pods: int | None = None
    """`scaleDown`: at most so many fewer within a period; None is all at once."""
    period_s: float = 15.0
    """`periodSeconds` of both policies."""
    look_back_s: float = 60.0
    """Range of the rate that the metric is: `rate(…[1m])`, or metrics-server's window."""
    metrics_interval_s: float = 15.0
    """Scrape interval."""
    interval_s: float = 15.0
    """`--horizontal-pod-autoscaler-sync-period`."""
    _recommended: deque[tuple[float, int]] = field(default_factory=deque)
    _changes: deque[tuple[float, int]] = field(default_factory=deque)

    def decide(self, seen: Seen) -> int:
        """See `Autoscaler`."""
        current = seen.ready + seen.starting
        advice = self._advice(seen, current)
        self._recommended.append((seen.at_s, advice))
        while self._recommended[0][0] < seen.at_s - self.down_window_s:
            self._recommended.popleft()
        steady = max(each for _, each in self._recommended)
        wanted = advice if advice >= current else min(steady, current)
        decided = min(max(self._paced(wanted, current, seen.at_s), self.least), self.most)
        if decided != current:
            self._changes.append((seen.at_s, decided - current))
        return decided

    def _paced(self, wanted: int, current: int, at_s: float) -> int:
        """Within what the policies allow, counted from the replicas that there were when the period began."""
        while self._changes and self._changes[0][0] <= at_s - self.period_s:
            self._changes.popleft()
        began_up = current - sum(change for _, change in self._changes if change > 0)
        began_down = current - sum(change for _, change in self._changes if change < 0)
        highest = max(began_up + self.up_pods, 2 * began_up)
        lowest = 0 if self.down_pods is None else began_down - self.down_pods
        return min(max(wanted, min(lowest, current)), max(highest, current))

    def _advice(self, seen: Seen, current: int) -> int:
        if not seen.ready:
            return current
        value = seen.busy / seen.ready if self.metric is Metric.UTILISATION else seen.wait_ratio
        ratio = value / self.target
        if abs(ratio - 1) <= self.tolerance:
            return current
        if self.metric is Metric.WAIT_RATIO or not seen.starting or ratio < 1:
            return math.ceil(ratio * seen.ready - 1e-9)
        # Pods that are not ready count as idle on the way up, and may not turn its direction.
        damped = ratio * seen.ready / current
        if damped <= 1 + self.tolerance:
            return current
        return max(current, math.ceil(damped * current - 1e-9))
