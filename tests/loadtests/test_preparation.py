"""What a run is refused for before anything is sent."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import pytest

from loadtests.locust.options import add_options
from loadtests.locust.preparation import RefusedError, prepared
from loadtests.locust.results_folder import ResultsFolder, ResultsFolderError
from loadtests.locust.thresholds import ThresholdsError

LOCUST = {"headless": True, "host": "service:9000", "exit_code_on_error": 1}
"""Of Locust's own options."""


def parsed(out: Path, *options: str, **of_locust: Any) -> Namespace:
    parser = ArgumentParser()
    add_options(parser)
    return Namespace(**{**vars(parser.parse_args(["--out", str(out), *options])), **LOCUST, **of_locust})


def test_a_run_that_can_be_made_has_its_limits_and_its_folder(tmp_path: Path) -> None:
    limits = str(Path("loadtests/thresholds.yaml"))
    found = prepared(parsed(tmp_path / "out", "--thresholds", limits, "--burst-mean", "3"), loop="open")
    assert found.thresholds is not None
    assert found.folder.path.is_dir()
    found.folder.release()


@pytest.mark.parametrize(
    ("loop", "options", "of_locust", "said"),
    [
        ("open", ("--deadline-ms", "100"), {}, "--deadline-ms 100 is below --budget-ms 500"),
        ("closed", ("--stream-share", "1"), {}, "--stream-share has no effect in closed.py"),
        ("closed", ("--burst-mean", "3"), {}, "--burst-mean has no effect in closed.py"),
        ("open", ("--window", "8"), {}, "--window has no effect in open.py"),
        ("open", (), {"run_time": 3}, "--run-time has no effect: --level and --seconds"),
        ("closed", (), {"num_users": 3}, "--users has no effect"),
        ("open", (), {"host": None}, "--host is missing; write --host HOST:PORT"),
    ],
)
def test_what_would_not_be_what_was_asked_for_is_refused(
    tmp_path: Path, loop: str, options: tuple[str, ...], of_locust: dict[str, object], said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        prepared(parsed(tmp_path / "out", *options, **of_locust), loop=loop)


def test_a_host_that_is_typed_into_the_page_of_locust_may_be_missing(tmp_path: Path) -> None:
    found = prepared(parsed(tmp_path, host=None, headless=False), loop="open")
    assert found.thresholds is None
    found.folder.release()


def test_limits_that_can_not_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError, match=r"nope\.yaml"):
        prepared(parsed(tmp_path / "out", "--thresholds", str(tmp_path / "nope.yaml")), loop="open")


def test_a_folder_takes_one_run_at_a_time(tmp_path: Path) -> None:
    held = ResultsFolder(tmp_path / "out")
    with pytest.raises(ResultsFolderError, match=r"another load test .* --out"):
        ResultsFolder(tmp_path / "out")
    held.release()
    ResultsFolder(tmp_path / "out").release()


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsFolderError, match=r"file: .*--out"):
        ResultsFolder(tmp_path / "file")
