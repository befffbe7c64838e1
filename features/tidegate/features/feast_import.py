"""Imports Feast with 3 s of CPU time where 8.5 s were, on a slow machine of two cores.

Feast 0.67 decorates its classes with typeguard's `typechecked`, which reads, parses and compiles a whole module again
for every method that it checks, in each process that imports Feast: three of a running stack do. The checks are for
wrong types in definitions; ours are applied in tests.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")


def import_feast() -> None:
    """Imports Feast without the checks. Call it before what imports Feast; left out, nothing is lost but time."""
    if "feast" not in sys.modules:
        with unchecked():
            importlib.import_module("feast")


@contextmanager
def unchecked() -> Iterator[None]:
    """What is imported within is without typeguard's checks. What is imported later has them."""
    import typeguard  # noqa: PLC0415 - it comes with Feast, and takes a while itself

    checking = typeguard.typechecked
    typeguard.typechecked = _as_it_is  # type: ignore[assignment]  # Feast uses it as a plain decorator
    try:
        yield
    finally:
        typeguard.typechecked = checking


def _as_it_is(target: _T) -> _T:
    return target
