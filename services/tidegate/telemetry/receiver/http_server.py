"""OTLP over HTTP, in protobuf and in JSON, plain or gzipped.

Source for paths, statuses and bodies: OpenTelemetry protocol 1.x, "OTLP/HTTP".
"""

import zlib

from aiohttp import web
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tidegate.telemetry.receiver.exposition import exposition
from tidegate.telemetry.receiver.grpc_server import answer, metrics_answer
from tidegate.telemetry.receiver.intake import IntakeUnavailable, SpanIntake
from tidegate.telemetry.receiver.otlp_json import parse_json
from tidegate.telemetry.receiver.otlp_metrics import parse_metrics_json, parse_metrics_protobuf
from tidegate.telemetry.receiver.otlp_protobuf import parse_protobuf
from tidegate.telemetry.receiver.payload import MAX_MESSAGE_BYTES, MalformedPayload
from tidegate.telemetry.receiver.series import SeriesBoard

_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_PARSERS = {_PROTOBUF: parse_protobuf, _JSON: parse_json}
_METRIC_PARSERS = {_PROTOBUF: parse_metrics_protobuf, _JSON: parse_metrics_json}
_INVALID_ARGUMENT = 3
_UNAVAILABLE = 14
_GZIP = 16 + zlib.MAX_WBITS


def http_app(intake: SpanIntake, board: SeriesBoard) -> web.Application:
    """`POST /v1/traces`, `/v1/metrics` and `/v1/logs` (dropped), `GET /metrics` and `/healthz`."""

    async def take_traces(request: web.Request) -> web.Response:
        parse = _PARSERS.get(request.content_type)
        if parse is None:
            return web.Response(status=415, text=f"send {_PROTOBUF} or {_JSON}\n")
        try:
            payload = parse(_plain(await request.read(), request.headers.get("Content-Encoding", "identity")))
            await intake.take(payload.spans)
        except MalformedPayload as error:
            return _reply(request, Status(code=_INVALID_ARGUMENT, message=str(error)), status=400)
        except IntakeUnavailable:
            busy = Status(code=_UNAVAILABLE, message="the span store is busy or can't be written")
            return _reply(request, busy, status=503)
        return _reply(request, answer(payload.rejected))

    async def drop(request: web.Request) -> web.Response:
        if request.content_type not in _PARSERS:
            return web.Response(status=415, text=f"send {_PROTOBUF} or {_JSON}\n")
        await request.read()
        # The answer for logs is an empty message too, as is this one.
        return _reply(request, answer(rejected=0))

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app = web.Application(client_max_size=MAX_MESSAGE_BYTES)
    app.router.add_post("/v1/traces", take_traces)
    app.router.add_post("/v1/logs", drop)
    app.router.add_get("/healthz", healthy)
    _add_metrics(app, board)
    return app


def _add_metrics(app: web.Application, board: SeriesBoard) -> None:
    async def take_metrics(request: web.Request) -> web.Response:
        parse = _METRIC_PARSERS.get(request.content_type)
        if parse is None:
            return web.Response(status=415, text=f"send {_PROTOBUF} or {_JSON}\n")
        try:
            payload = parse(_plain(await request.read(), request.headers.get("Content-Encoding", "identity")))
        except MalformedPayload as error:
            return _reply(request, Status(code=_INVALID_ARGUMENT, message=str(error)), status=400)
        return _reply(request, metrics_answer(board.take(payload.points, malformed=payload.rejected)))

    async def show_metrics(request: web.Request) -> web.Response:
        body, content_type = exposition(board.families(), accept=request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    app.router.add_post("/v1/metrics", take_metrics)
    app.router.add_get("/metrics", show_metrics)


def _plain(body: bytes, encoding: str) -> bytes:
    """The body without its compression, within the limit that holds for plain ones too.

    aiohttp would do this by itself, but answers a broken stream with 500 and logs two stacks.
    """
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise web.HTTPUnsupportedMediaType(text="send gzip or no Content-Encoding\n")
    stream = zlib.decompressobj(wbits=_GZIP)
    try:
        plain = stream.decompress(body, MAX_MESSAGE_BYTES + 1)
    except zlib.error as error:
        raise MalformedPayload("not valid gzip") from error
    if len(plain) > MAX_MESSAGE_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_MESSAGE_BYTES)
    if not stream.eof:
        raise MalformedPayload("gzip that ends early")
    return plain


def _reply(request: web.Request, message: Message, *, status: int = 200) -> web.Response:
    """In the encoding in which it was asked."""
    if request.content_type == _JSON:
        return web.Response(status=status, text=MessageToJson(message, indent=None), content_type=_JSON)
    return web.Response(status=status, body=message.SerializeToString(), content_type=_PROTOBUF)
