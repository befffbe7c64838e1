"""Which autoscaler is played, with targets that follow from how busy replicas shall be."""

from dataclasses import dataclass
from enum import StrEnum

from tidegate.capacity.autoscaling import Autoscaler, FixedScaler, HpaScaler, Metric, ServeScaler
from tidegate.capacity.queueing import queued_mean
from tidegate.capacity.scenario import Scenario


class ScalerKind(StrEnum):
    """By name."""

    SERVE = "serve"
    """Ray Serve, by items in the deployment."""
    HPA = "hpa"
    """HPA on CPU use."""
    KEDA = "keda"
    """HPA on Triton's queue time divided by compute time, as KEDA feeds it."""
    FIXED = "fixed"
    """None."""


@dataclass(frozen=True, slots=True)
class ScalerChoice:
    """What the user asked for."""

    kind: ScalerKind
    """Which."""
    least: int
    """Fewest replicas."""
    most: int
    """Most replicas."""
    utilisation: float
    """How busy a replica shall be; the target follows from it unless one is given."""
    target: float | None = None
    """Of the autoscaler's own measure."""
    up_delay_s: float | None = None
    """Before more; Serve only."""
    down_delay_s: float | None = None
    """Before fewer: Serve's `downscale_delay_s`, HPA's stabilisation window."""
    look_back_s: float | None = None
    """Of the means."""
    down_pods: int | None = None
    """HPA's: at most so many fewer in a period; None is all at once."""
    period_s: float = 15.0
    """HPA's: of its policies."""


def target_of(choice: ScalerChoice, scenario: Scenario) -> float:
    """The target that keeps replicas as busy as asked, by the closed forms, if none is given."""
    if choice.target is not None:
        return choice.target
    if choice.kind is ScalerKind.HPA:
        return choice.utilisation
    busy = choice.utilisation
    waiting = queued_mean(scenario.balancing, scenario.replicas, busy, scenario.variation) / scenario.replicas
    return round(busy + waiting if choice.kind is ScalerKind.SERVE else waiting / busy, 3)


def scaler_of(choice: ScalerChoice, scenario: Scenario) -> Autoscaler:
    """The autoscaler, fresh; what was not asked for is as Serve or Kubernetes ship it."""
    if choice.kind is ScalerKind.FIXED:
        return FixedScaler(scenario.replicas)
    target = target_of(choice, scenario)
    if choice.kind is ScalerKind.SERVE:
        serve = ServeScaler(choice.least, choice.most, target)
        serve.upscale_delay_s = serve.upscale_delay_s if choice.up_delay_s is None else choice.up_delay_s
        serve.downscale_delay_s = serve.downscale_delay_s if choice.down_delay_s is None else choice.down_delay_s
        serve.look_back_s = choice.look_back_s or serve.look_back_s
        return serve
    metric = Metric.UTILISATION if choice.kind is ScalerKind.HPA else Metric.WAIT_RATIO
    hpa = HpaScaler(choice.least, choice.most, metric, target)
    hpa.down_window_s = hpa.down_window_s if choice.down_delay_s is None else choice.down_delay_s
    hpa.look_back_s = choice.look_back_s or hpa.look_back_s
    hpa.down_pods, hpa.period_s = choice.down_pods, choice.period_s
    return hpa
