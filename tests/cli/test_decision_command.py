"""`tidegate decision ID` against a real gRPC server that knows one decision."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result

from tests.ledger.sample_records import sample_record
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.cli.decision import decision
from tidegate.moderation.decision import RuleEvaluation, RuleValue
from tidegate.serving import encode
from tidegate.serving.settings import Settings

pytestmark = pytest.mark.integration


def answer(request: pb.GetDecisionRequest, context: grpc.ServicerContext) -> pb.GetDecisionResponse:
    """Knows the decision `d`."""
    if request.decision_id != "d":
        context.abort(grpc.StatusCode.NOT_FOUND, "no decision with this decision_id")
    evaluations = (RuleEvaluation("harassment", RuleValue.TRUE, condition="a > b"),) if request.explain else None
    return pb.GetDecisionResponse(decision=encode.decision(sample_record(decision_id="d"), evaluations=evaluations))


@pytest.fixture
def address() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=pb.GetDecisionRequest.FromString,
        response_serializer=pb.GetDecisionResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(
        "tidegate.api.moderation.v1.ModerationService", {"GetDecision": handler}
    )
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


def run(settings: Settings, address: str, *arguments: str) -> Result:
    return CliRunner().invoke(decision, [*arguments, "--address", address], obj=settings, catch_exceptions=False)


def test_a_recorded_decision_is_drawn(settings: Settings, address: str) -> None:
    result = run(settings, address, "d")
    assert result.exit_code == 0
    assert "REVIEW" in result.output


def test_machines_get_the_same_format_as_from_moderate(settings: Settings, address: str) -> None:
    document = json.loads(run(settings, address, "d", "--json").stdout)
    assert (document["decision_id"], document["action"]) == ("d", "REVIEW")
    assert "explanation" not in document


def test_it_explains_when_asked(settings: Settings, address: str) -> None:
    document = json.loads(run(settings, address, "d", "--explain", "--json").stdout)
    assert document["explanation"][0]["condition"] == "a > b"


def test_an_unknown_decision_fails_and_says_so(settings: Settings, address: str) -> None:
    result = run(settings, address, "other", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "NOT_FOUND"
