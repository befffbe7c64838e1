"""Doors and handles of replicas of Serve's: where their sockets lie, and when there are none."""

import asyncio
import hashlib
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve.exceptions import RayServeException

from tidegate.serving.nearby.door import Method, StageDoor
from tidegate.serving.nearby.handle import NearbyHandle
from tidegate.serving.nearby.place import UnsafePlace, private_folder, sweep
from tidegate.serving.nearby.replicas import NearbyReplicas

logger = logging.getLogger(__name__)


def stage_folder(deployment: str) -> Path | None:
    """The folder of a deployment's sockets, made if it is missing; None outside of a replica of Serve's.

    On the way, what replicas left behind that were killed is removed.

    Raises:
        UnsafePlace: See there.
        OSError: It can't be made.
    """
    try:
        app = serve.get_replica_context().app_name
    except RayServeException:
        return None
    cluster = ray.get_runtime_context().gcs_address
    told = hashlib.sha256(f"{cluster}\0{app}".encode()).hexdigest()[:16]
    root = private_folder(Path(tempfile.gettempdir()) / f"tidegate-{os.getuid()}")
    sweep(root)
    return private_folder(root, told, deployment)


def door_of(deployment: str, *, wanted: bool, **methods: Method) -> StageDoor | None:
    """A door for this replica of Serve's, which opens as soon as the event loop gets to it.

    Args:
        deployment: Name of the deployment.
        wanted: False makes none.
        methods: What can be called, by name.

    Returns:
        None if none is wanted, or if there is no place for one: then all calls come by way of Serve.
    """
    if not wanted:
        return None
    try:
        folder = stage_folder(deployment)
    except (UnsafePlace, OSError) as error:
        logger.warning("nearby.no_place", extra={"cause": str(error)})
        return None
    if folder is None:
        return None
    door = StageDoor(folder, methods)
    _opening.add(opening := asyncio.get_running_loop().create_task(_open(door)))
    opening.add_done_callback(_opening.discard)
    return door


_opening: set[asyncio.Task[None]] = set()
"""Kept, since the event loop holds tasks weakly."""


async def _open(door: StageDoor) -> None:
    try:
        await door.open()
    except (UnsafePlace, OSError) as error:
        logger.warning("nearby.no_door", extra={"cause": str(error)})


async def closed(door: StageDoor | None) -> None:
    """Closes a door, if there is one."""
    if door is not None:
        await door.close()


def nearest(handle: Any, *, wanted: bool) -> Any:
    """The handle, or a `NearbyHandle` over it in a replica of Serve's that has a place for sockets.

    Args:
        handle: Of a deployment; None, for a stage that there is not, comes back.
        wanted: False gives the handle back.
    """
    if handle is None or not wanted:
        return handle
    try:
        folder = stage_folder(handle.deployment_name)
    except (UnsafePlace, OSError) as error:
        logger.warning("nearby.no_place", extra={"cause": str(error)})
        return handle
    return handle if folder is None else NearbyHandle(handle, NearbyReplicas(folder))
