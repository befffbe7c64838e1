"""The contenders on one machine: all started, one at a time awake."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from loadtests.compare.contender import Contender
from loadtests.compare.contenders import Scene, launch_of
from loadtests.compare.shared_parts import Say
from loadtests.compare.sweeper import Sweeper


class Stage:
    """Starts contenders, lets them run in turn, and stops them."""

    def __init__(self, scene: Scene, names: Sequence[str], *, sweeper: Sweeper, say: Say) -> None:
        """Starts nothing yet.

        Args:
            scene: Where.
            names: Who.
            sweeper: Is told of every contender.
            say: Is told of progress.
        """
        self._scene, self._names, self._sweeper, self._say = scene, names, sweeper, say
        self._contenders: dict[str, Contender] = {}

    def __enter__(self) -> Self:
        try:
            for name in self._names:
                self._say(f"starting {name}")
                contender = Contender(launch_of(name, self._scene), parent=os.getpid())
                self._contenders[name] = contender
                self._sweeper.watch(contender.session)
                contender.wait_ready()
                contender.freeze()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say("stopping")
        self._stop()

    @contextmanager
    def turn(self, name: str) -> Iterator[Contender]:
        """Lets one contender run. Raises ContenderFailedError if it does not serve any more."""
        contender = self._contenders[name]
        contender.thaw()
        try:
            yield contender
        finally:
            contender.freeze()

    def _stop(self) -> None:
        for contender in reversed(self._contenders.values()):
            contender.stop()
