"""Imports Feast with 3 s of CPU time where 8.5 s were, on a slow machine of two cores.

Feast 0.67 decorates its classes with typeguard's `typechecked`, which reads, parses and compiles a whole module again
for every method that it checks, in each process that imports Feast: three of a running stack do. The checks are for
wrong types in definitions; tests import Feast as it comes, with them.
"""

import importlib
import sys
from typing import TypeVar

_T = TypeVar("_T")


def import_feast() -> None:
    """Imports Feast without the checks. Call it before what imports Feast; left out, nothing is lost but time.

    Other users of typeguard keep theirs.
    """
    if "feast" in sys.modules:
        return
    import typeguard  # noqa: PLC0415 - it comes with Feast, and takes a while itself

    checking = typeguard.typechecked
    typeguard.typechecked = _unchecked  # type: ignore[assignment]  # Feast uses it as a plain decorator
    try:
        importlib.import_module("feast")
    finally:
        typeguard.typechecked = checking


def _unchecked(target: _T) -> _T:
    return target
