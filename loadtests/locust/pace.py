"""How long a campaign takes its time for each step."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, unless said otherwise."""

    probe_s: float
    """Closed loop, to know about where the knee is."""
    steps: tuple[float, ...]
    """Levels of the ramp, as multiples of the probe's throughput."""
    step_s: float
    """One level of the ramp."""
    rest_s: float
    """Between levels, longer than a caller waits: nothing may be left of the level before."""
    half_s: float
    """Half the knee's load."""
    turn_s: float
    """The knee's load and twice it, each turn."""
    turns: int
    """How often these alternate: what else the machine does then disturbs both."""
    spike_s: float
    """The spike, with what is before and after."""
    mixed_s: float
    """All surfaces, with pictures and bursts; 0 leaves them out."""
    stream_s: float
    """Half the knee's load over streams; 0 leaves it out."""

    def warm_up_s(self) -> float:
        """Before a level that counts."""
        return self.rest_s + 1


FULL = Pace(
    probe_s=12,
    steps=(0.25, 0.4, 0.55, 0.65, 0.75, 0.85, 0.95, 1.05, 1.2, 1.4),
    step_s=8,
    rest_s=2,
    half_s=45,
    turn_s=15,
    turns=3,
    spike_s=40,
    mixed_s=25,
    stream_s=20,
)
QUICK = Pace(
    probe_s=5,
    steps=(0.3, 0.5, 0.65, 0.8, 0.95, 1.1, 1.3),
    step_s=4,
    rest_s=1.2,
    half_s=15,
    turn_s=6,
    turns=1,
    spike_s=12,
    mixed_s=0,
    stream_s=0,
)
