"""Logs of replicas, under the logging that Serve sets up in each."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tidegate.serving.ray_environment import IN_PODS, STABLE
from tidegate.serving.replica_logs import OURS, log_as_replica


class Written(NamedTuple):
    """What a process as a replica's wrote."""

    file: list[str]
    stderr: list[str]
    without: list[str]
    """Bodies of deployments that did not set up their logs."""


def written(folder: Path, **environment: str) -> Written:
    cleared = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.serving.as_replica", str(folder)],
        env={**cleared, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    return Written(Path(told["log"]).read_text().splitlines(), done.stderr.splitlines(), told["without"])


def objects(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


def check(lines: list[str]) -> None:
    """Ours with their fields and levels, Serve's as it writes them."""
    failed, created = objects(lines)
    assert failed["event"] == "ledger.commit_failed"
    assert failed["level"] == "ERROR"
    assert failed["cause"] == "disk full"
    assert failed["logger"] == "tidegate.ledger.group_commit"
    assert (failed["deployment"], failed["replica"]) == ("ModerationRouter", "abc123")
    assert created["level"] == "INFO"
    assert created["bank"] == "covers"
    (serves,) = [line for line in lines if line.endswith("-- in Serve's own words")]
    assert serves.startswith("INFO ")


def test_embedded_replicas_write_our_lines_with_their_fields_into_serves_file(tmp_path: Path) -> None:
    told = written(tmp_path, **STABLE)
    check(told.file)
    assert objects(told.stderr) == []
    assert told.without == [], "bodies of deployments that do not call log_as_replica first"


def test_in_pods_the_same_lines_go_to_standard_error_too(tmp_path: Path) -> None:
    told = written(tmp_path, **STABLE, **IN_PODS)
    check(told.file)
    check(told.stderr)
    assert objects(told.stderr) == objects(told.file)


def test_outside_a_replica_nothing_changes() -> None:
    ours = logging.getLogger(OURS)
    before = (ours.level, ours.propagate, list(ours.handlers))
    log_as_replica()
    assert (ours.level, ours.propagate, list(ours.handlers)) == before
