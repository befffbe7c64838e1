"""What a team would compose on Ray Serve: three deployments with default settings, called one request at a time.

    python -m loadtests.baselines.naive_serve --port 9100 --triton HOST:PORT --features DIR --policies DIR --ledger FILE

Hops of a request: Serve's gRPC proxy → Moderation → at the same time Accounts (one `get_online_features`) and Texts
(language, tokenizer, one Triton call) → the policy → the decision durable in SQLite (without `--ledger` not kept) → the
reply. Nothing of Serve is set but where it listens. See README.md.
"""

import argparse
import asyncio
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import ray
from ray import serve

from loadtests.baselines.account_read import AccountRead, AccountReader, policy_features
from loadtests.baselines.decision_log import DecisionLog, NoDecisionLog, SqliteDecisionLog
from loadtests.baselines.item_inputs import inputs_of, policy_for
from loadtests.baselines.reply import decision_of
from loadtests.baselines.text_call import TextCaller, text_detectors
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.moderation.detection import DetectorRun
from tidegate.policy.loader import load_policies

SERVICER = "tidegate.api.moderation.v1.moderation_service_pb2_grpc.add_ModerationServiceServicer_to_server"
LOGICAL_CPUS = 8
"""By default a replica asks for one whole CPU: on two cores, three of them would never be placed."""


@serve.deployment
class Accounts:
    """The online store."""

    def __init__(self, features: str, policies: str) -> None:
        names = policy_features(load_policies(Path(policies)))
        self._reader = AccountReader(Path(features), features=names, everything=False)

    def read(self, account_id: str) -> AccountRead:
        """One account's signals."""
        return self._reader.read(account_id)


@serve.deployment
class Texts:
    """The detectors."""

    def __init__(self, triton: str, policies: str) -> None:
        self._caller = TextCaller(triton, names=text_detectors(load_policies(Path(policies))))

    async def run(self, name: str, text: str, part: str, hint: str) -> DetectorRun:
        """What one detector says about one text."""
        return await self._caller.run(name, text, part=part, hint=hint)


@serve.deployment
class Moderation:
    """The ingress: asks both, decides, records."""

    def __init__(self, accounts: Any, texts: Any, policies: str, ledger: str | None) -> None:
        self._accounts, self._texts = accounts, texts
        self._policies = load_policies(Path(policies))
        self._log: DecisionLog = SqliteDecisionLog(Path(ledger)) if ledger else NoDecisionLog()

    async def Moderate(self, request: pb.ModerateRequest) -> pb.ModerateResponse:  # noqa: N802 - the RPC's name
        """Decides on one item."""
        item = request.item
        policy = policy_for(self._policies, item)
        if policy is None:
            raise ValueError("item: needs ids, a surface, a market and texts")
        read = self._accounts.read.remote(item.account_id)
        asked = [
            self._texts.run.remote(name, part.text.text, part.id, item.language)
            for part in item.parts
            for name in sorted(policy.detectors)
        ]
        account, *runs = await asyncio.gather(read, *asked)
        inputs = inputs_of(item, runs, account)
        decision = decision_of(item, inputs, policy.decide(inputs), stale=account.stale)
        await self._log.append(decision.decision_id, decision.SerializeToString())
        return pb.ModerateResponse(decision=decision)


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser(description="A naive composition on Ray Serve.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--http-port", type=int, default=8000, help="of Serve's HTTP side, which is not used")
    parser.add_argument("--triton", required=True, metavar="HOST:PORT")
    parser.add_argument("--features", type=Path, required=True, help="directory with feature_store.yaml")
    parser.add_argument("--policies", type=Path, required=True, help="directory with policy documents")
    parser.add_argument("--ledger", type=Path, help="SQLite file for decisions; without it none is kept")
    chosen = parser.parse_args()
    stop = threading.Event()
    ray.init(address="local", num_cpus=LOGICAL_CPUS, include_dashboard=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": chosen.http_port},
        grpc_options={"port": chosen.port, "grpc_servicer_functions": [SERVICER]},
    )
    policies = str(chosen.policies.resolve())
    serve.run(
        Moderation.bind(  # type: ignore[attr-defined]  # Serve's decorator makes a deployment of it
            Accounts.bind(str(chosen.features.resolve()), policies),  # type: ignore[attr-defined]  # as above
            Texts.bind(chosen.triton, policies),  # type: ignore[attr-defined]  # as above
            policies,
            str(chosen.ledger.resolve()) if chosen.ledger else None,
        )
    )
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    stop.wait()
    serve.shutdown()  # type: ignore[no-untyped-call]  # Serve leaves it untyped
    ray.shutdown()


if __name__ == "__main__":
    main()
