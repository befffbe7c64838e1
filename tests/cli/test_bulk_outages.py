"""A file of items through a server that is killed: it is finished on the next one, each item recorded once."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.item_lines import line, lines
from tests.cli.processes import started
from tests.client.serving_process import ServingProcess
from tests.client.waiting import eventually
from tidegate.cli.bulk import moderate_lines
from tidegate.cli.bulk_report import BulkReport
from tidegate.cli.line_reader import Line
from tidegate.client import RetryPolicy, TidegateClient

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServingProcess]:
    made = ServingProcess.on_a_free_port(tmp_path / "ledger.db", delay_s=0.01)
    made.start()
    yield made
    made.kill()


def test_a_file_is_finished_over_a_killed_server(server: ServingProcess, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(lines(1_500) + "nonsense\n")
    process = started(tmp_path, "moderate", "--file", str(file), "--json", "--address", server.address)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(100)]
    server.kill()
    server.start()
    rest, said = process.communicate(timeout=120)
    told += rest.splitlines()
    assert (process.returncode, said) == (1, b"")
    answers = Counter(json.loads(each)["content_id"] for each in told)
    assert answers.pop(None) == 1
    assert answers == Counter(str(number) for number in range(1_500))
    assert server.recorded() == {str(number): 1 for number in range(1_500)}


def _decide(server: ServingProcess, source: Iterator[str], report: BulkReport) -> int:
    """In this process, with less patience than the command has."""
    quick = RetryPolicy(attempts=3, first_delay_ms=1.0, longest_delay_ms=2.0)
    numbered = (Line(number, text.encode()) for number, text in enumerate(source, start=1))
    with TidegateClient(server.address, retry=quick) as client:
        return moderate_lines(client, numbered, report, base=Path(), budget_ms=None, explain=False)


def test_a_server_that_never_comes_back_answers_every_item_with_unavailable(
    server: ServingProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    def source() -> Iterator[str]:
        for number in range(1_000):
            if number == 400:
                server.kill()
            yield line(str(number))

    status = _decide(server, source(), BulkReport(as_json=True, total=None))
    answers = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert Counter(answer["content_id"] for answer in answers) == Counter(str(number) for number in range(1_000))
    codes = Counter(answer["error"]["code"] for answer in answers if "error" in answer)
    assert codes.keys() == {"UNAVAILABLE"}
    assert codes["UNAVAILABLE"] >= 600
    assert status == 250


def test_a_server_that_comes_back_too_late_for_some_items_decides_on_the_next_ones(
    server: ServingProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    report = BulkReport(as_json=True, total=None)

    def source() -> Iterator[str]:
        server.kill()
        yield line("too early")
        assert eventually(lambda: report.failures == 1)
        server.start()
        for number in itertools.count():
            if "ALLOW" in capsys.readouterr().out:
                return
            yield line(str(number))
            time.sleep(0.05)

    status = _decide(server, source(), report)
    assert status == report.failures >= 1
    assert server.recorded()
