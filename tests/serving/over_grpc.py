"""A router's parts behind a real gRPC server on a free port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from tidegate.serving.router import RouterMethods, RouterParts
from tidegate.serving.wire import add_moderation_service


@asynccontextmanager
async def over_grpc(parts: RouterParts) -> AsyncIterator[grpc.aio.Channel]:
    """Serves until the block ends, then closes the parts."""
    methods = RouterMethods(parts)
    server = grpc.aio.server()
    add_moderation_service(methods, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(0)
        await methods.close()
