"""What a team would write by hand: one `grpc.aio` server in one process, every hop of a request in one method.

    python -m loadtests.baselines.handwritten --port 9100 --triton HOST:PORT --features DIR --policies DIR --ledger FILE

Hops of a request, each for this request alone: language of the text, tokenizer, one Triton call; one
`get_online_features`, made while Triton computes; the policy; the decision durable in SQLite (without `--ledger` it is
not kept); the reply. README.md says why this is fair.
"""

import argparse
import asyncio
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import grpc
import uvloop

from loadtests.baselines.account_read import AccountReader, policy_features
from loadtests.baselines.decision_log import DecisionLog, NoDecisionLog, SqliteDecisionLog
from loadtests.baselines.item_inputs import inputs_of, policy_for
from loadtests.baselines.reply import decision_of
from loadtests.baselines.text_call import TextCaller, text_detectors
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import moderation_service_pb2_grpc
from tidegate.policy.loader import PolicySet, load_policies


@dataclass(frozen=True, slots=True)
class Parts:
    """What the server asks."""

    policies: PolicySet
    """Decide."""
    accounts: AccountReader
    """Read from the online store."""
    texts: TextCaller
    """Ask Triton."""
    log: DecisionLog
    """Keeps decisions."""


class Moderation(moderation_service_pb2_grpc.ModerationServiceServicer):
    """ModerationService/Moderate for items of text."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def Moderate(  # noqa: N802 - the RPC's name
        self, request: pb.ModerateRequest, context: "grpc.aio.ServicerContext[pb.ModerateRequest, pb.ModerateResponse]"
    ) -> pb.ModerateResponse:
        """Decides on one item."""
        item, ask = request.item, self._parts
        policy = policy_for(ask.policies, item)
        if policy is None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "item: needs ids, a surface, a market and texts")
        texts = [
            asyncio.create_task(ask.texts.run(name, part.text.text, part=part.id, hint=item.language))
            for part in item.parts
            for name in sorted(policy.detectors)
        ]
        await asyncio.sleep(0)  # the calls to Triton go out; the account is read while it computes
        account = ask.accounts.read(item.account_id)
        inputs = inputs_of(item, await asyncio.gather(*texts), account)
        decision = decision_of(item, inputs, policy.decide(inputs), stale=account.stale)
        await ask.log.append(decision.decision_id, decision.SerializeToString())
        return pb.ModerateResponse(decision=decision)


async def serve(port: int, parts: Parts) -> None:
    """Serves until SIGTERM."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = Moderation(parts)  # type: ignore[abstract]  # the generated base answers UNIMPLEMENTED for the rest
    moderation_service_pb2_grpc.add_ModerationServiceServicer_to_server(servicer, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(5)
    await parts.texts.close()
    parts.log.close()


def main() -> None:
    """Runs the server."""
    parser = argparse.ArgumentParser(description="A hand-written moderation server.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--triton", required=True, metavar="HOST:PORT")
    parser.add_argument("--features", type=Path, required=True, help="directory with feature_store.yaml")
    parser.add_argument("--policies", type=Path, required=True, help="directory with policy documents")
    parser.add_argument("--ledger", type=Path, help="SQLite file for decisions; without it none is kept")
    parser.add_argument("--whole-service", action="store_true", help="read every feature, not what policies name")
    chosen = parser.parse_args()
    policies = load_policies(chosen.policies)
    parts = Parts(
        policies=policies,
        accounts=AccountReader(chosen.features, features=policy_features(policies), everything=chosen.whole_service),
        texts=TextCaller(chosen.triton, names=text_detectors(policies)),
        log=SqliteDecisionLog(chosen.ledger) if chosen.ledger else NoDecisionLog(),
    )
    uvloop.run(serve(chosen.port, parts))


if __name__ == "__main__":
    main()
