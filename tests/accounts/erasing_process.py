"""Erases an account in a process of its own that kills itself with SIGKILL at a named place.

A place is `module:function`, killed in front of it, or `module:function!`, killed when it is done.
"""

import functools
import importlib
import multiprocessing
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.accounts.deployment import Deployment
from tidegate.accounts.erasure import AccountEraser


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(place: str, call: int) -> None:
    """Puts death into the place."""
    module_name, _, path = place.removesuffix("!").partition(":")
    owner: Any = importlib.import_module(module_name)
    *steps, name = path.split(".")
    for step in steps:
        owner = getattr(owner, step)
    real, calls = getattr(owner, name), 0

    @functools.wraps(real)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not place.endswith("!"):
            die()
        result = real(*arguments, **options)
        if calls == call:
            die()
        return result

    setattr(owner, name, wrapped)


def erase(state: Path, account_id: str, place: str, call: int) -> None:
    """The how manieth call of the place does not return."""
    deadly(place, call)
    eraser = AccountEraser(Deployment(state).places, clock=lambda: datetime.now(UTC), round_s=0)
    eraser.erase(account_id, kept=eraser.look(account_id).kept, say=lambda _: None)


def killed_at(place: str, call: int, *, state: Path, account_id: str) -> int | None:
    """Erases until it is killed; the exit code. Forked from a process that has imported Feast, which takes seconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=erase, args=(state, account_id, place, call))
    process.start()
    process.join(120)
    return process.exitcode
