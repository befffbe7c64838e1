"""A saturating client for Triton alone, a process of its own: `python -m loadtests.compare.bare_load`.

The tensors are those of the corpus, made as Tidegate makes them, and encoded before the clock starts: what remains is
what the model server can do. Speaks with its parent like `load.py`.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from itertools import islice

import grpc
import uvloop
from tritonclient.grpc import service_pb2

from loadtests.compare import corpus
from tidegate.detectors.bucketing import Bucket, buckets, call_costs_tokens
from tidegate.detectors.tokenisation import tokenizer_of
from tidegate.models.catalogue import DetectorSpec, catalogue

METHOD = "/inference.GRPCInferenceService/ModelInfer"
_TEXTS = 1_024


@dataclass(frozen=True, slots=True)
class BarePlan:
    """One load on Triton."""

    address: str
    """host:port of its gRPC."""
    detector: str
    """Whose model."""
    rows: int
    """Texts that are put together into calls; those of similar length share one."""
    in_flight: int
    """Calls under way."""
    seconds: float
    """How long."""
    seed: int
    """Of the texts."""
    accounts: int
    """See `corpus.items`; the same texts need the same."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


def calls_of(plan: BarePlan) -> list[tuple[bytes, int]]:
    """Encoded calls, each with the number of its rows."""
    spec = catalogue()[plan.detector]
    texts = [item.text for item in islice(corpus.items(plan.seed, accounts=plan.accounts), _TEXTS)]
    windows = [window for of_text in tokenizer_of(spec).windows(texts) for window in of_text]
    return [
        (_encoded(spec, bucket), len(bucket.rows))
        for start in range(0, len(windows), plan.rows)
        for bucket in buckets(
            windows[start : start + plan.rows], max_rows=plan.rows, call_costs_tokens=call_costs_tokens(spec)
        )
    ]


def _encoded(spec: DetectorSpec, bucket: Bucket) -> bytes:
    request = service_pb2.ModelInferRequest(model_name=spec.name, model_version=spec.version)
    for tensor, values in zip(spec.inputs, (bucket.ids, bucket.mask), strict=True):
        request.inputs.add(name=tensor.name, datatype=tensor.dtype, shape=values.shape)
        request.raw_input_contents.append(values.tobytes())
    request.outputs.add(name=spec.output_tensor().name)
    encoded: bytes = request.SerializeToString()
    return encoded


async def _saturate(plan: BarePlan, calls: list[tuple[bytes, int]], begin: float) -> int:
    """Texts answered within the time."""
    done = sent = 0
    until = begin + plan.seconds
    async with grpc.aio.insecure_channel(plan.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        infer: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)

        async def caller() -> None:
            nonlocal done, sent
            while time.monotonic() < until:
                call, rows = calls[sent % len(calls)]
                sent += 1
                await infer(call)
                done += rows if time.monotonic() <= until else 0

        await asyncio.sleep(max(0.0, begin - time.monotonic()))
        await asyncio.gather(*(caller() for _ in range(plan.in_flight)))
    return done


async def serve() -> None:
    """Runs plan after plan until there are no more."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        plan = BarePlan(**json.loads(line))
        calls = calls_of(plan)
        _tell("ready")
        done = await _saturate(plan, calls, float(await asyncio.to_thread(sys.stdin.readline)))
        _tell(json.dumps({"texts": done}))


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve())
