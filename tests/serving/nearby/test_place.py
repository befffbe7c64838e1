"""The folder of the sockets is this user's alone, or is not used."""

import os
import socket
from pathlib import Path

import pytest

from tidegate.serving.nearby.place import SUFFIX, UnsafePlace, private_folder, sweep
from tidegate.serving.nearby.replica import door_of, nearest, stage_folder


def test_folders_are_made_for_this_user_alone(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "root", "app", "Stage")
    assert made == tmp_path / "root" / "app" / "Stage"
    assert {path.stat().st_mode & 0o777 for path in (made, *made.parents[:2])} == {0o700}
    assert private_folder(tmp_path / "root", "app", "Stage") == made


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_reach_is_not_used(tmp_path: Path, mode: int) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root").chmod(mode)
    with pytest.raises(UnsafePlace, match=r"root: must belong to this user alone, with mode 0700; remove it$"):
        private_folder(tmp_path / "root", "app")


def test_what_is_no_folder_is_not_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "root").symlink_to(elsewhere)
    with pytest.raises(UnsafePlace, match="is not a folder"):
        private_folder(tmp_path / "root", "app")


def test_outside_of_serve_there_is_no_place_and_all_goes_as_it_did() -> None:
    handle = object()
    assert stage_folder("TextDetectors") is None
    assert door_of("TextDetectors", wanted=True) is None
    assert nearest(None, wanted=True) is None
    assert nearest(handle, wanted=False) is handle


def test_a_handle_outside_of_serve_stays_as_it_is() -> None:
    class Handle:
        deployment_name = "TextDetectors"

    handle = Handle()
    assert nearest(handle, wanted=True) is handle


def test_what_killed_replicas_left_is_swept_and_what_is_open_stays(tmp_path: Path) -> None:
    died, lives = (private_folder(tmp_path, name, "Stage") / f"1{SUFFIX}" for name in ("died", "lives"))
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(died))  # closed without leaving the folder, as by a kill
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(lives))
        listening.listen()
        sweep(tmp_path)
        assert not died.exists()
        assert died.parent.exists()  # someone may be about to use it
        for folder in (died.parent, died.parent.parent):
            os.utime(folder, (0, 0))
        sweep(tmp_path)
        assert not died.parent.exists()
        assert lives.exists()
