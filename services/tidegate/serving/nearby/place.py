"""Folders that are this user's alone."""

import contextlib
import errno
import os
import socket
import stat
import time
from pathlib import Path

SUFFIX = ".sock"
"""Of a socket that is open. Before it is, its name has none, so that nobody takes it for a dead one."""


class UnsafePlace(Exception):
    """Others could reach the folder, or made it. The message says which and what is wrong."""


_EMPTY_S = 3_600
"""Seconds that a folder must have been empty: a younger one is about to be used."""


def private_folder(root: Path, *names: str) -> Path:
    """A folder beneath `root`, both made with mode 0700 if they are missing.

    Raises:
        UnsafePlace: One of them is no folder, of another user, or open to others.
        OSError: One can't be made.
    """
    folder = root
    _make_private(folder)
    for name in names:
        folder /= name
        _make_private(folder)
    return folder


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafePlace(f"{folder}: is not a folder")
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnsafePlace(f"{folder}: must belong to this user alone, with mode 0700; remove it")


def sweep(root: Path) -> None:
    """Removes sockets beneath `root` whose processes have died, and folders that have been empty for an hour."""
    for path in root.glob(f"*/*/*{SUFFIX}"):
        with socket.socket(socket.AF_UNIX) as asked, contextlib.suppress(OSError):
            asked.settimeout(0)  # an open one answers at once, or is busy, which is an answer
            if asked.connect_ex(str(path)) == errno.ECONNREFUSED:
                path.unlink()
    for folder in (*root.glob("*/*"), *root.glob("*")):
        with contextlib.suppress(OSError):  # in use, or gone
            if time.time() - folder.stat().st_mtime > _EMPTY_S:
                folder.rmdir()
