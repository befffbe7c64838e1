"""What a user relies on, asked of a whole running stack."""

import json
import time
from contextlib import suppress
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from k8s.connections import Role
from tests.serving.requests import request
from tests.stack.connected import role_of
from tests.stack.running import Stack, eventually
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import (
    Action,
    Completeness,
    ContentItem,
    ModerationError,
    Surface,
    TidegateClient,
    image_part,
    text_part,
)
from tidegate.moderation.detection import DetectorStatus
from tidegate.policy.loader import load_policies
from tidegate.serving.composition import PACKAGED_POLICIES
from tidegate.serving.stack.probe import serves
from tidegate.telemetry.names import ServiceName, SpanName

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # whole stacks start within


def _item(text: str, content_id: str = "c-1") -> ContentItem:
    return ContentItem(content_id, "acct-trusted", Surface.COMMENT, "SE", (text_part("text", text),))


def _new(text: str) -> str:
    """The text as nobody said it before: what was scored before does not need Triton any more."""
    return f"{text} ({time.monotonic_ns()})"


def test_a_harmless_comment_is_allowed_by_real_detectors_real_features_and_a_real_policy(stack: Stack) -> None:
    decision = stack.moderate("what a lovely song", "--account", "acct-trusted")
    assert (decision["action"], decision["completeness"]) == ("ALLOW", "COMPLETE")
    detector = next(run for run in decision["detectors"] if run["name"] == "text_harm")
    assert detector["status"] == "OK"
    assert set(detector["scores"]) == {"hate", "harassment", "threat", "sexual", "self_harm", "profanity"}
    policies = load_policies(PACKAGED_POLICIES)
    deciding = [policies.live_for(Surface.COMMENT, "SE"), *policies.shadows_for(Surface.COMMENT, "SE")]
    read = frozenset[str]().union(*(policy.features for policy in deciding))
    freshness = {value["name"]: value["freshness"] for value in decision["features"]}
    assert freshness.keys() == read
    # The account posts every other day: of a day without a post there is no share.
    assert freshness.pop("account_activity__repeated_content_share_24h") in {"FRESH", "MISSING"}
    assert set(freshness.values()) == {"FRESH"}
    assert decision["hops"]["total"] > 0


def test_one_trace_holds_spans_of_every_hop(stack: Stack) -> None:
    trace_id = stack.moderate(_new("a song to remember"))["trace_id"]
    wanted = {SpanName.CLIENT_MODERATE, SpanName.MODERATE, SpanName.GATHER, SpanName.FEATURES_ONLINE_READ}
    wanted |= {SpanName.TEXT_SCORE, SpanName.TRITON_INFER, SpanName.POLICY_EVALUATE, SpanName.LEDGER_APPEND}
    names = {name.value for name in wanted} | {"InferRequest", "compute"}
    spans = stack.spans(trace_id, until=names)
    elsewhere = {ServiceName.IMAGES, ServiceName.SPEECH, ServiceName.SIGNALS}  # what a text does not meet
    assert {name.value for name in set(ServiceName) - elsewhere} <= {span["service"] for span in spans}
    assert names <= {span["name"] for span in spans}


def test_an_unsampled_caller_leaves_no_span_on_any_hop(stack: Stack) -> None:
    trace_id = stack.moderate("a quiet song", "--no-trace")["trace_id"]
    assert stack.run("trace", trace_id, "--wait", "3").returncode == 1


def test_health_and_reflection_answer_on_the_one_port(stack: Stack) -> None:
    assert serves(stack.address)
    with grpc.insecure_channel(stack.address) as channel:
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {"tidegate.api.moderation.v1.ModerationService", "grpc.health.v1.Health"} <= set(services)


def test_bad_input_is_named_through_the_proxy_and_nothing_is_recorded(stack: Stack) -> None:
    before = stack.json("ledger", "verify", "--json")["records"]
    avatar = ContentItem("c", "a", Surface.PROFILE, "SE", (image_part("avatar", b"nothing"),))
    with TidegateClient(stack.address) as client:
        with pytest.raises(ModerationError) as blank:
            client.moderate(_item(" "))
        with pytest.raises(ModerationError) as broken:
            client.moderate(avatar)
        with pytest.raises(ModerationError) as large:
            client.moderate(_item("x" * 17_000_000))
    assert [wrong.field for wrong in blank.value.fields] == ["item.parts[0].text.text"]
    assert [wrong.field for wrong in broken.value.fields] == ["item.parts[0].image.data"]
    assert large.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stack.json("ledger", "verify", "--json")["records"] == before


def test_garbage_on_the_wire_is_a_typed_refusal_and_the_service_goes_on(stack: Stack) -> None:
    with grpc.insecure_channel(stack.address) as channel:
        call = channel.unary_unary(
            "/tidegate.api.moderation.v1.ModerationService/Moderate",
            request_serializer=lambda data: data,
            response_deserializer=pb.ModerateResponse.FromString,
        )
        with pytest.raises(grpc.RpcError) as refused:
            call(b"\x0a\xff\xff\xff", timeout=5)
        answer = call(request().SerializeToString(), timeout=5)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "Traceback" not in str(refused.value)
    assert answer.decision.decision_id


def test_a_decision_can_be_read_again_and_a_key_gives_it_again(stack: Stack) -> None:
    with TidegateClient(stack.address) as client:
        first = client.moderate(_item("one more song"), idempotency_key="stack-key-1")
        second = client.moderate(_item("one more song"), idempotency_key="stack-key-1")
        again = client.get_decision(first.decision_id, explain=True)
        with pytest.raises(ModerationError) as reused:
            client.moderate(_item("another song"), idempotency_key="stack-key-1")
    assert second.decision_id == first.decision_id == again.decision_id
    assert second.from_idempotency_key
    assert again.evaluations
    assert reused.value.code is grpc.StatusCode.ALREADY_EXISTS


def test_a_file_streams_through_is_recorded_and_replays_without_difference(stack: Stack, comments: Path) -> None:
    done = stack.run("moderate", "--file", str(comments), "--json")
    assert done.returncode == 0, done.stderr
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    assert {decision["content_id"] for decision in decisions} == {f"c-{n}" for n in range(300)}
    assert {decision["completeness"] for decision in decisions} == {"COMPLETE"}
    replay = stack.json("replay", "--json")
    assert replay["differences"] == []
    assert replay["replayed"] >= 300
    assert stack.run("ledger", "verify").returncode == 0


def test_logs_of_replicas_are_written_line_by_line(stack: Stack) -> None:
    """Serve's throughput mode holds a thousand back: what runbooks send people to look for would not be there."""
    for deployment in ("ModerationRouter", "FeatureLookup", "TextDetectors"):
        assert "initializing replica" in stack.log_of(deployment), deployment


def test_lines_of_replicas_are_json_with_all_their_fields(stack: Stack) -> None:
    lines = [json.loads(line) for line in stack.log_of("ModerationRouter").splitlines() if line.startswith("{")]
    met = {line["stage"]: line for line in lines if line["event"] == "stage is reachable"}
    assert {"features", "text", "images", "speech", "signals"} <= met.keys()
    assert met["text"].items() >= {"level": "INFO", "deployment": "ModerationRouter"}.items()


def test_routers_go_before_stages_and_triton(stack: Stack) -> None:
    niceness: dict[object, set[int]] = {}
    for process in stack.processes():
        with suppress(psutil.NoSuchProcess):  # a command of the supervisor's that has ended
            niceness.setdefault(role_of(process), set()).add(process.nice())
    models = {process.nice() for server in stack.triton_servers() for process in server.children()}
    behind = [niceness[role] for role in (Role.STAGES, Role.SPEECH, Role.SIGNALS, Role.TRITON)]
    assert models, "each model computes in a process of its own"
    assert max(niceness[Role.ROUTER]) < min(models.union(*behind))


def test_triton_killed_gives_partial_decisions_that_hold_and_comes_back_by_itself(stack: Stack) -> None:
    with TidegateClient(stack.address) as client:
        for server in stack.triton_servers():
            server.kill()
            server.wait(5)
        during = client.moderate(_item("a song while Triton is away"))
    assert (during.action, during.completeness) == (Action.REVIEW, Completeness.PARTIAL)
    assert during.inputs.detectors[0].status in {DetectorStatus.FAILED, DetectorStatus.TIMED_OUT}
    assert eventually(lambda: stack.moderate(_new("is it back?"))["completeness"] == "COMPLETE", timeout_s=60)


def test_tritons_own_supervisor_killed_is_started_again(stack: Stack) -> None:
    killed = stack.part("triton")["pid"]
    psutil.Process(killed).kill()
    assert eventually(lambda: stack.part("triton")["pid"] != killed, timeout_s=30)
    assert eventually(lambda: stack.moderate(_new("is it back?"))["completeness"] == "COMPLETE", timeout_s=60)
    assert eventually(lambda: stack.part("triton")["state"] == "READY", timeout_s=20)


def test_triton_hung_costs_the_budget_and_no_more(stack: Stack) -> None:
    servers = stack.triton_servers()
    assert servers
    for server in servers:
        server.suspend()
    try:
        decision = stack.moderate("a song that waits", "--budget-ms", "300")
    finally:
        for server in servers:
            server.resume()
    assert decision["detectors"][0]["status"] == "TIMED_OUT"
    assert decision["completeness"] == "PARTIAL"
    assert decision["action"] == "REVIEW"
    assert eventually(lambda: stack.moderate(_new("and now?"))["completeness"] == "COMPLETE", timeout_s=60)


def test_an_online_store_that_is_gone_makes_signals_missing_and_heals(stack: Stack) -> None:
    features = stack.state_dir / "features"
    (store,) = (path for path in features.glob("*online*.db"))
    away = store.with_suffix(".away")
    store.rename(away)
    try:
        found = eventually(lambda: stack.moderate("a song")["account"]["status"] == "FAILED", timeout_s=20)
        decision = stack.moderate("a song", "--account", "acct-strikes")
    finally:
        away.rename(store)
    assert found
    assert decision["completeness"] == "PARTIAL"
    assert {value["freshness"] for value in decision["features"]} == {"MISSING"}
    assert eventually(lambda: stack.moderate("a song")["account"]["status"] == "OK", timeout_s=20)


def test_a_second_stack_in_the_same_place_is_refused_with_what_to_do(stack: Stack) -> None:
    done = stack.run("up", "--detach")
    assert done.returncode == 1
    assert "tidegate down" in done.stderr


def test_status_names_every_part_its_state_and_its_address(stack: Stack) -> None:
    status = stack.json("status", "--json")
    assert status["serving"] is True
    assert {part["name"] for part in status["parts"]} >= {"triton", "online-store", "router", "ledger", "otlp-receiver"}
    assert all(part["address"] for part in status["parts"])


def test_health_watch_and_check_agree(stack: Stack) -> None:
    with grpc.insecure_channel(stack.address) as channel:
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
