"""Errors as callers get them, whoever sent them."""

import pickle

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import status_pb2

from tests.client.sample_items import comment
from tests.client.scripted_service import Context, ScriptedService, scripted
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import ModerationError, TidegateClient, WrongField


def answered(detail: bytes | None) -> ModerationError:
    """What the client makes of a refusal with these status details."""

    def refuses(_: pb.ModerateRequest, context: Context) -> pb.ModerateResponse:
        if detail is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", detail),))
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")

    with (
        scripted(ScriptedService(unary=refuses)) as address,
        TidegateClient(address) as client,
        pytest.raises(ModerationError) as refused,
    ):
        client.moderate(comment())
    return refused.value


def test_a_status_without_details_gives_code_and_message() -> None:
    error = answered(None)
    assert (error.code, error.message) == (grpc.StatusCode.PERMISSION_DENIED, "not for you")
    assert (error.reason, error.fields) == ("", ())


def test_details_that_are_not_a_status_are_passed_over() -> None:
    error = answered(b"\xff\xff\xff")
    assert (error.code, error.message) == (grpc.StatusCode.PERMISSION_DENIED, "not for you")


def test_a_detail_of_a_kind_nobody_knows_is_passed_over() -> None:
    unknown = AnyMessage(type_url="type.googleapis.com/somebody.elses.Detail", value=b"\x01")
    error = answered(status_pb2.Status(code=7, message="no", details=[unknown]).SerializeToString())
    assert (error.code, error.message, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "no", "")


def test_a_code_that_grpc_does_not_know_is_unknown() -> None:
    assert ModerationError.from_status(status_pb2.Status(code=99, message="?")).code is grpc.StatusCode.UNKNOWN


def test_it_survives_pickling() -> None:
    error = ModerationError(
        grpc.StatusCode.INVALID_ARGUMENT,
        "no",
        reason="INVALID_REQUEST",
        fields=(WrongField("item.market", "is wrong"),),
    )
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.message, again.reason, again.fields, str(again)) == (
        error.code,
        error.message,
        error.reason,
        error.fields,
        str(error),
    )
