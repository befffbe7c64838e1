"""The comparison itself, top to bottom: start everybody, see that they agree, measure in turns, stop."""

from pathlib import Path

from loadtests.baselines.account_read import policy_features
from loadtests.compare import contenders as who
from loadtests.compare import equality
from loadtests.compare.bare_triton import BareTriton, best_rows
from loadtests.compare.contender import Contender
from loadtests.compare.contenders import Scene
from loadtests.compare.findings import SHARED, Findings
from loadtests.compare.generator import Generator
from loadtests.compare.measuring import measured
from loadtests.compare.policy_cost import policy_cost
from loadtests.compare.processes import memory_of
from loadtests.compare.schedule import Detector, Pace, Turn, contenders, load_plan, turns
from loadtests.compare.shared_parts import Say, SharedParts
from loadtests.compare.stage import Stage
from loadtests.compare.sweeper import Sweeper
from tidegate.policy.loader import load_policies

_REFERENCE = who.DISTRIBUTED


class Comparison:
    """One run."""

    def __init__(self, checkout: Path, work: Path, *, pace: Pace, say: Say) -> None:
        """Starts nothing yet.

        Args:
            checkout: Of this code.
            work: A folder of its own, emptied.
            pace: How much is measured.
            say: Is told of progress.
        """
        self._checkout, self._work, self._pace, self._say = checkout, work, pace, say
        self._found = Findings()
        self._seed = 0

    def run(self) -> Findings:
        """Measures everything.

        Raises:
            ContenderFailedError: A contender did not start, or stopped serving.
            GeneratorFailedError: A load generator ended early.
        """
        pace, checkout = self._pace, self._checkout
        self._say("policy of a thousand rules")
        self._found.policy = policy_cost()
        with SharedParts(checkout, self._work, accounts=pace.accounts, say=self._say) as shared:
            scene = Scene(checkout, self._work, shared.addresses)
            with (
                Sweeper(checkout) as sweeper,
                Stage(scene, contenders(pace), sweeper=sweeper, say=self._say) as stage,
                BareTriton(shared.addresses.triton, checkout=checkout, accounts=pace.accounts) as bare,
                Generator("loadtests.compare.load", checkout=checkout) as generator,
            ):
                self._agree(stage)
                for repeat in range(1, pace.repeats + 1):
                    self._bare(bare, repeat)
                    for turn in turns(pace, repeat=repeat):
                        with stage.turn(turn.contender) as contender:
                            self._turn(turn, contender, shared, generator, repeat=repeat)
        return self._found

    def _agree(self, stage: Stage) -> None:
        self._say("asking all the same items")
        told = {}
        for name in (_REFERENCE, who.COLOCATED, who.HANDWRITTEN, who.NAIVE):
            with stage.turn(name) as contender:
                told[name] = equality.answers(contender.address, accounts=self._pace.accounts)
        ours = told.pop(_REFERENCE)
        read = policy_features(load_policies(who.POLICIES))
        self._found.agreement = {name: equality.agreement(ours, theirs, read=read) for name, theirs in told.items()}
        for name, agreed in self._found.agreement.items():
            self._say(f"  {name}: {agreed.equal} of {agreed.compared} equal {agreed.difference}".rstrip())

    def _bare(self, bare: BareTriton, repeat: int) -> None:
        """The first repeat looks for the best size of batch, the others take it."""
        for detector in Detector:
            sizes = self._pace.bare_rows if repeat == 1 else (best_rows(self._found.bare, detector),)
            for rows in sizes:
                sample = bare.measured(detector, rows=rows, repeat=repeat, seconds=self._pace.seconds)
                self._found.bare.append(sample)
                self._say(f"  bare Triton, {detector}, batches of {rows}: {sample.texts_per_s:,.0f} texts/s")

    def _turn(
        self, turn: Turn, contender: Contender, shared: SharedParts, generator: Generator, *, repeat: int
    ) -> None:
        for cell in turn.cells:
            self._seed += 1
            plan = load_plan(cell, self._pace, address=contender.address, seed=self._seed)
            processes = [*contender.processes(), *shared.processes()]
            cell_found = measured(cell, plan, repeat=repeat, generator=generator, processes=processes)
            self._found.cells.append(cell_found)
            sample = cell_found.sample
            what = f"{cell.contender}, {cell.detector}, {cell.shape.in_flight} {cell.shape.kind} {cell.note}".rstrip()
            self._say(
                f"  {repeat}/{self._pace.repeats} {what}: {sample.items_per_s:,.0f} items/s, p50 {sample.p50_ms:.1f} ms"
                f", p99 {sample.p99_ms:.1f} ms{_oddities(sample.errors, sample.thin_share, sample.repeated)}"
            )
        if repeat == 1:
            self._found.memory[contender.name] = memory_of(contender.processes())
            self._found.memory[SHARED] = memory_of(shared.processes())


def _oddities(errors: int, thin_share: float, repeated: int) -> str:
    odd = [f"{errors} errors"] if errors else []
    odd += [f"{thin_share:.0%} thin answers"] if thin_share else []
    odd += [f"{repeated} items twice"] if repeated else []
    return f"; {', '.join(odd)}" if odd else ""
