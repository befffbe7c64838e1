"""What is measured, and in which order: each contender has its turn in each repeat, forwards and backwards in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadtests.compare import contenders as who
from loadtests.compare.corpus import CHEAP, REAL
from loadtests.compare.load_plan import Kind, LoadPlan, Shape
from loadtests.compare.measuring import Cell

CALLERS = 32
"""At which most ratios are taken."""
MAIN = (who.HANDWRITTEN, who.NAIVE, who.DISTRIBUTED, who.COLOCATED)
"""Contenders that all cells are for; the others differ from one of them in one thing."""
STREAMS, WINDOW = 4, 32
"""How streams are driven."""


class Detector(StrEnum):
    """Which detector the items' policy asks."""

    CHEAP = "text_spam"
    REAL = "text_harm"

    @property
    def surface(self) -> int:
        """Of items that go to it."""
        return CHEAP if self is Detector.CHEAP else REAL


class Tracing(StrEnum):
    """Notes of cells about tracing."""

    OFF = "tracing off"
    SOME = "1 % traced"
    ALL = "100 % traced"


_BUILT_PER_S = {Kind.UNARY: 2_000, Kind.STREAM: 4_000}
"""More than any contender answers: so many items are built for each second of load."""
_SHARES = {Tracing.OFF: 0.0, Tracing.SOME: 0.01, Tracing.ALL: 1.0}
_SHORTER = 0.6
"""Length of a cell that is measured twice in a turn, there and back."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is measured."""

    repeats: int
    """Turns of each contender."""
    callers: tuple[int, ...]
    """Calls under way, in turn."""
    warm_up_s: float
    """Of each cell."""
    seconds: float
    """Of each cell that count."""
    accounts: int
    """In the online store."""
    memory_gib: int
    """What all contenders together take, frozen or not."""
    extras: bool
    """Whether tracing, ledger and the reading of all features are measured."""
    bare_rows: tuple[int, ...]
    """Sizes of batch tried on bare Triton."""


FULL = Pace(
    repeats=3,
    callers=(1, 8, CALLERS, 128),
    warm_up_s=0.7,
    seconds=2.5,
    accounts=2_000,
    memory_gib=8,
    extras=True,
    bare_rows=(1, 8, 32, 64),
)
QUICK = Pace(
    repeats=1,
    callers=(1, CALLERS),
    warm_up_s=0.5,
    seconds=1.5,
    accounts=200,
    memory_gib=6,
    extras=False,
    bare_rows=(32,),
)
"""For a look whether everything runs: its figures mean little."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One contender's time on the processors."""

    contender: str
    """Who."""
    cells: tuple[Cell, ...]
    """What."""


def contenders(pace: Pace) -> tuple[str, ...]:
    """Who takes part, in starting order."""
    variants = (who.HANDWRITTEN_UNRECORDED, who.HANDWRITTEN_WHOLE, who.DISTRIBUTED_UNRECORDED)
    return (*MAIN, *variants) if pace.extras else MAIN


def turns(pace: Pace, *, repeat: int) -> Sequence[Turn]:
    """All turns of one repeat, counting from 1."""
    made = [Turn(name, tuple(_cells(name, pace))) for name in contenders(pace)]
    return made if repeat % 2 else made[::-1]


def load_plan(cell: Cell, pace: Pace, *, address: str, seed: int) -> LoadPlan:
    """How a cell is loaded."""
    return LoadPlan(
        address=address,
        shape=cell.shape,
        surface=Detector(cell.detector).surface,
        warm_up_s=pace.warm_up_s,
        seconds=pace.seconds * (_SHORTER if cell.note else 1.0),
        items=round(_BUILT_PER_S[cell.shape.kind] * (pace.warm_up_s + pace.seconds)),
        seed=seed,
        accounts=pace.accounts,
    )


def _cells(name: str, pace: Pace) -> Iterator[Cell]:
    if name not in MAIN:
        yield Cell(name, Detector.CHEAP, Shape(Kind.UNARY, CALLERS))
        return
    for detector in Detector:
        for callers in pace.callers:
            if name == who.NAIVE and detector is Detector.REAL and callers > CALLERS:
                continue  # it answers ten a second by then: a quarter of a minute only to come to the end
            yield Cell(name, detector, Shape(Kind.UNARY, callers))
        if name in {who.DISTRIBUTED, who.COLOCATED}:
            yield Cell(name, detector, Shape(Kind.STREAM, STREAMS, WINDOW))
    if name == who.DISTRIBUTED and pace.extras:
        for note, share in (*_SHARES.items(), *reversed(_SHARES.items())):  # else what drifts would be one's alone
            yield Cell(name, Detector.CHEAP, Shape(Kind.UNARY, CALLERS, sampled_share=share), note)
