"""How models are served on a kind of machine: backend, precision, batching and queue, each value explicit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.models.catalogue import LatencyClass


class Precision(StrEnum):
    """Arithmetic of an exported graph."""

    FP32 = "fp32"
    INT8 = "int8"


class ProfileName(StrEnum):
    """The profiles there are."""

    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """What Triton does with requests that wait.

    Both limits are zero, which means none, until Triton carries the fix of triton-inference-server/core#509. A queue
    with a timeout or a size turns off prefetching in the dynamic batcher, whose wake-ups then get lost (server#8870).
    Seen with 2.51: single requests waited 500 ms or until they expired, with one caller as with sixteen; without
    limits the p99 of one caller was 8 to 10 ms. What bounds the queue instead: the router's batches in flight, and
    gRPC deadlines, which cancel.
    """

    max_queue_delay_us: int
    """How long a request may wait for company. Zero on CPU: our router batches already, greedily."""
    timeout_us: int = 0
    """How long a request may wait before it is rejected; zero: no limit of the queue's own."""
    max_queue_size: int = 0
    """Requests waiting, beyond which more are rejected at once; zero: no limit of the queue's own."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of machine."""

    name: ProfileName
    """How it is asked for."""
    backend: str
    """Triton backend."""
    kind: str
    """Triton instance kind."""
    precision: Precision
    """Which graph is served."""
    instances: int
    """Instances of a model, per GPU where there are any."""
    intra_op_threads: int
    """Threads of one instance. One on CPU: two instances of one thread served more texts than one of two."""
    max_batch_size: int
    """Rows in one execution."""
    preferred_batch_sizes: tuple[int, ...]
    """Sizes at which a batch goes without waiting further; empty sets none."""
    queues: dict[LatencyClass, QueuePolicy]
    """By latency class."""


PROFILES: Final = {
    ProfileName.CPU: Profile(
        name=ProfileName.CPU,
        backend="python",
        kind="KIND_CPU",
        precision=Precision.INT8,
        instances=1,
        intra_op_threads=1,
        max_batch_size=64,
        preferred_batch_sizes=(),
        queues={one: QueuePolicy(max_queue_delay_us=0) for one in LatencyClass},
    ),
    ProfileName.GPU: Profile(
        name=ProfileName.GPU,
        backend="onnxruntime",
        kind="KIND_GPU",
        precision=Precision.FP32,
        instances=2,
        intra_op_threads=1,
        max_batch_size=128,
        preferred_batch_sizes=(32, 64, 128),
        queues={one: QueuePolicy(max_queue_delay_us=1_000) for one in LatencyClass},
    ),
}
