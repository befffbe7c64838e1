"""The folder that a run writes its results into: one run at a time, and nothing left of the run before."""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

_LOCK = ".lock"


class ResultsFolderError(Exception):
    """The folder can't be written into, or another run does. The message says which, and what to do."""


class ResultsFolder:
    """Held from its claim until its release or the end of the process: two runs would overwrite each other."""

    def __init__(self, path: Path) -> None:
        """Makes the folder where there is none, and claims it.

        Raises:
            ResultsFolderError: Another process holds it, or it can't be written into.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise ResultsFolderError(
                f"{path}: another load test is writing its results there; give this one a folder of its own with --out"
            ) from error
        except OSError as error:
            raise ResultsFolderError(f"{path}: {error.strerror}; give another folder with --out") from error

    def __enter__(self) -> "ResultsFolder":
        """Held already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lets others have it."""
        self.release()

    def clear(self, names: Iterable[str]) -> None:
        """Removes these files of an earlier run: beside a run that failed they would be taken for its results."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def release(self) -> None:
        """Lets others have it."""
        os.close(self._lock)
