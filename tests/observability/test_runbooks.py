"""Runbooks, as whoever is woken by an alert uses them: what they tell people to type, click and look for exists."""

import logging
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tests.observability.test_rules import ROOT, RUNBOOKS
from tidegate.cli.main import main
from tidegate.telemetry.log_lines import JsonLines
from tidegate.telemetry.monitoring.files import BOARDS

PAGES = sorted(RUNBOOKS.glob("*.md"))
_QUOTED = re.compile(r"`([^`]+)`")
_SOURCES = ("services", "features")
_NOT_A_LOG_LINE = re.compile(r"\.(?:log|md|py|yaml|json)$|^(?:detectors|grpc|telemetry)\.|^tidegate_")
"""Names with dots that are files, settings or metrics."""


def quoted(path: Path) -> list[str]:
    """What is in backquotes."""
    return _QUOTED.findall(path.read_text())


def commands(path: Path) -> Iterator[list[str]]:
    """Arguments of every call of `tidegate`, those within pods included."""
    for text in quoted(path):
        if text.startswith("tidegate ") or " -- tidegate " in text:
            yield shlex.split(text.rpartition(" -- ")[2])[1:]


def documents() -> list[Any]:
    """Manifests as they are written."""
    return [
        document
        for path in sorted((ROOT / "k8s").glob("**/*.yaml"))
        if "schemas" not in path.parts
        for document in yaml.safe_load_all(path.read_text())
    ]


def found(key: str, within: Any) -> Iterator[Any]:
    """Every value of a key, at any depth."""
    if isinstance(within, dict):
        yield from (value for name, value in within.items() if name == key)
        within = list(within.values())
    if isinstance(within, list):
        yield from chain.from_iterable(found(key, each) for each in within)


def parsed(arguments: list[str]) -> str:
    """The command that the arguments reach; its options and the number of its arguments are checked, files are not."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        assert arguments, f"{command.name} needs a command"
        inner = command.get_command(context, arguments[0])
        assert inner is not None, f"there is no command {arguments[0]}"
        command, arguments = inner, arguments[1:]
        context = click.Context(command, parent=context)
    values, left, _ = command.make_parser(context).parse_args(list(arguments))
    assert left == [], f"{command.name} does not take {left}"
    required = [each.name for each in command.params if isinstance(each, click.Argument) and each.required]
    missing = [name for name in required if not isinstance(values.get(str(name)), str | tuple)]
    assert missing == [], f"{command.name} needs {missing}"
    return str(command.name)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_parse(path: Path) -> None:
    for arguments in commands(path):
        try:
            parsed(arguments)
        except click.UsageError as error:
            pytest.fail(f"tidegate {' '.join(arguments)}: {error.format_message()}")


def test_what_is_no_command_or_lacks_an_argument_is_noticed() -> None:
    assert parsed(["trace", "ID"]) == "trace"
    with pytest.raises(AssertionError, match="no command verfiy"):
        parsed(["ledger", "verfiy"])
    with pytest.raises(click.NoSuchOption):
        parsed(["moderate", "--txt", "hello"])
    with pytest.raises(AssertionError, match="needs"):
        parsed(["features", "show"])


def test_labels_containers_and_names_are_in_the_manifests() -> None:
    manifests = documents()
    components = set(found("app.kubernetes.io/component", manifests))
    containers = {each["name"] for listed in found("containers", manifests) for each in listed or ()}
    containers |= {each["name"] for listed in found("initContainers", manifests) for each in listed or ()}
    names = {(str(each["kind"]).lower(), each["metadata"]["name"]) for each in manifests if each and "metadata" in each}
    asked = [text for path in PAGES for text in quoted(path) if "kubectl" in text or "app.kubernetes.io" in text]
    assert len(asked) > 10
    for text in asked:
        assert set(re.findall(r"app\.kubernetes\.io/component=([\w-]+)", text)) <= components, text
        assert set(re.findall(r" -c ([a-z-]+)(?= --| \||$)", text)) <= containers, text
        named = re.findall(r"(rayservice|cronjob|deployment)[ /]([a-z-]+)", text)
        assert set(named) <= names, text
        assert " -k " in text or "kubectl" not in text or "kubectl -n tidegate " in text, f"{text}: which namespace?"


def test_dashboards_and_rows_are_called_as_they_are() -> None:
    titles = {board.title for board in BOARDS}
    rows = {row.title for board in BOARDS for row in board.rows}
    for path in PAGES:
        text = path.read_text()
        dashboards = re.findall(r"[Dd]ashboard \*([^*]+)\*", text)
        assert set(dashboards) <= titles, path
        assert set(re.findall(r"row \*([^*]+)\*", text)) <= rows, path


def test_lines_of_logs_are_written_by_somebody() -> None:
    source = "\n".join(path.read_text() for folder in _SOURCES for path in (ROOT / folder).glob("**/*.py"))
    lines = [
        text
        for path in PAGES
        for text in quoted(path)
        if re.fullmatch(r"[a-z]+\.[a-z_]+|metric_export_\w+", text) and not _NOT_A_LOG_LINE.search(text)
    ]
    assert {"ledger.commit_failed", "metric_export_failed"} <= set(lines)
    assert [line for line in lines if f'"{line}"' not in source] == []


def test_the_ledgers_lines_are_found_as_pages_say(tmp_path: Path) -> None:
    """By the very expression, among lines as replicas write them."""
    record = logging.LogRecord("tidegate.ledger", logging.ERROR, "", 0, "ledger.commit_failed", None, None)
    record.cause = "disk full"
    other = logging.LogRecord("tidegate.ledger", logging.INFO, "", 0, "banks.loaded", None, None)
    log = tmp_path / "replica_1.log"
    log.write_text(
        "".join(f"{line}\n" for line in (JsonLines().format(record), JsonLines().format(other), "INFO ledger."))
    )
    searches = {path.stem: re.findall(r"grep (?:-h )?'([^']+)'", path.read_text()) for path in PAGES}
    assert {name for name, found in searches.items() if found} >= {
        "README",
        "TidegateLedgerFails",
        "TidegateLedgerLost",
    }
    for expression in {each for found in searches.values() for each in found}:
        done = subprocess.run(["grep", "-h", expression, str(log)], capture_output=True, text=True, check=True)
        [line] = done.stdout.splitlines()
        assert '"cause": "disk full"' in line


def test_links_lead_somewhere() -> None:
    for path in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
        for target in re.findall(r"`((?:features|services|k8s|tests|observability)/[\w/.-]+)`", path.read_text()):
            assert (ROOT / target).exists(), f"{path.name}: {target}"
