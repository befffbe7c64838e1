"""A program for tests: erases an account, and kills itself with SIGKILL at a named place.

Arguments: state directory, account, place, and the how manieth call of it does not return ("" and 0: none).
A place is `module:function`, killed in front of it, or `module:function!`, killed when it is done.
"""

import functools
import importlib
import os
import signal
import sys
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


if __name__ == "__main__":
    state, account_id, place, call = sys.argv[1:]
    if place:
        deadly(place, int(call))
    eraser = AccountEraser(Deployment(Path(state)).places, clock=lambda: datetime.now(UTC), round_s=0)
    eraser.erase(account_id, kept=eraser.look(account_id).kept, say=lambda _: None)
