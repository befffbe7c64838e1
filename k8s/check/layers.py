"""What several images begin with is built once, as by Docker's own cache of layers."""

import shutil
import subprocess
from collections.abc import Sequence
from itertools import combinations, takewhile
from pathlib import Path

from k8s.check.dockerfiles import Step


class Layers:
    """States of a folder after the steps with which several images begin.

    All are built in the same folder, since environments know where they are. States are made of hard links: a step
    that wrote into a file, rather than putting another in its place, would change them. Installers don't.
    """

    def __init__(self, plans: Sequence[tuple[Step, ...]], store: Path) -> None:
        """Takes the steps of all images that will be built, and an empty folder on the file system of the builds."""
        self._wanted = {_beginning(one, other) for one, other in combinations(plans, 2)} - {()}
        self._store = store
        self._states: dict[tuple[Step, ...], Path] = {}

    def restore(self, plan: tuple[Step, ...], into: Path) -> int:
        """Puts the longest known beginning of `plan` into an empty folder, and says how many steps that saves."""
        for number in range(len(plan), 0, -1):
            if state := self._states.get(plan[:number]):
                _link(state, into)
                return number
        return 0

    def keep(self, done: tuple[Step, ...], folder: Path) -> None:
        """Told after each step: keeps the folder if another image begins with the same ones."""
        if done in self._wanted and done not in self._states:
            state = self._store / str(len(self._states))
            state.mkdir()
            _link(folder, state)
            self._states[done] = state


def _beginning(one: tuple[Step, ...], other: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(step for step, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _link(origin: Path, target: Path) -> None:
    subprocess.run([shutil.which("cp") or "cp", "-al", f"{origin}/.", str(target)], check=True)
