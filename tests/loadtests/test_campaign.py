"""A campaign that can't be made says why, and leaves nothing that could be taken for its results."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.locust import campaign
from loadtests.locust.gate import UNUSABLE
from loadtests.locust.results_folder import ResultsFolder
from loadtests.locust.run_record import RunRecord
from loadtests.locust.steps import KneeNotFoundError, Steps
from tests.loadtests.locust_process import LOCUST
from tests.loadtests.samples import level
from tests.loadtests.test_gate import record


def earlier(out: Path) -> None:
    """What a campaign leaves, and something of somebody else's."""
    for name in ("half-knee", "spike"):
        folder = out / "load" / name
        folder.mkdir(parents=True)
        record(level(name)).write(folder)
        (folder / "locust.log").write_text("")
    (out / "load/notes").mkdir()
    (out / "load.html").write_text("<p>earlier</p>")
    (out / "load.json").write_text("[]")


@pytest.mark.integration
def test_a_service_that_does_not_answer_is_named_and_nothing_of_an_earlier_campaign_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = Path(LOCUST).absolute().with_name("python")
    if not python.exists():
        pytest.skip("no .venv-load; `make load-environment` makes it")
    monkeypatch.setattr(sys, "executable", str(python))
    earlier(tmp_path)
    assert campaign.main(["--quick", "--host", "127.0.0.1:1", "--out", str(tmp_path)]) == UNUSABLE
    assert "probe: nothing was measured: 127.0.0.1:1: no connection within" in capsys.readouterr().err
    assert not list(tmp_path.glob("load.*"))
    assert sorted(each.name for each in (tmp_path / "load").iterdir()) == [".lock", "notes", "probe"]


def test_what_was_measured_before_it_failed_is_on_a_page_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: Steps) -> Iterator[tuple[str, RunRecord]]:
        yield "ramp", record(level("ramp-01"), level("ramp-02", offered=20.0))
        raise KneeNotFoundError("no limit was reached")

    monkeypatch.setattr(Steps, "run", run)
    assert campaign.main(["--host", "service:9000", "--out", str(tmp_path)]) == UNUSABLE
    page = (tmp_path / "load.html").read_text()
    assert "Not the whole campaign: no limit was reached" in page
    assert "ramp-02" in page
    assert "load.html" in capsys.readouterr().err
    assert not (tmp_path / "load.json").exists(), "there is nothing to judge"


def test_two_campaigns_do_not_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    earlier(tmp_path)
    with ResultsFolder(tmp_path / "load"):
        assert campaign.main(["--host", "service:9000", "--out", str(tmp_path)]) == UNUSABLE
    assert "another load test" in capsys.readouterr().err
    assert (tmp_path / "load.html").exists()


@pytest.mark.parametrize(("option", "value"), [("--budget-ms", "-1"), ("--processes", "0")])
def test_values_that_make_no_campaign_are_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        campaign.main([option, value])
    assert option in capsys.readouterr().err
