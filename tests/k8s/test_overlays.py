"""The shipped overlays are right, and the command says so."""

import json
import re
from pathlib import Path

import pytest

from k8s.check.__main__ import main
from k8s.check.rendering import Rendered, render
from k8s.generate import OVERLAYS, overlays, settings_of

pytestmark = pytest.mark.usefixtures("overlay")


def test_nothing_is_wrong_with_any_overlay(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["findings"] == []
    assert [each["overlay"] for each in told["overlays"]] == [path.name for path in overlays()]
    assert all(each["objects"] for each in told["overlays"])
    assert status == 0


def test_an_overlay_that_can_not_be_rendered_is_an_error_in_kustomizes_words(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert main([str(empty)]) == 1
    assert "kustomization" in capsys.readouterr().err


def test_rendering_gives_the_services_their_settings() -> None:
    rendered: Rendered = render(OVERLAYS / "local")
    (settings,) = (each for each in rendered.of("ConfigMap") if each.name == "tidegate-settings")
    assert settings.document["data"]["settings.yaml"] == (OVERLAYS / "local/settings.yaml").read_text()


def test_no_decision_is_deleted_until_operators_say_for_how_long_they_are_kept() -> None:
    """Suspended, and even if somebody resumes it, a hundred years are kept; a day goes only with its export."""
    production = render(OVERLAYS / "production").of("CronJob")
    jobs = {each.name.removeprefix("tidegate-ledger-"): each for each in production if "ledger" in each.name}
    retention, export = (
        list(map(str, next(iter(jobs[name].pods())).main().document["args"])) for name in ("retention", "export")
    )
    assert jobs["retention"].spec["suspend"] is True
    assert int(retention[retention.index("--keep-days") + 1]) >= 36_500
    assert retention[retention.index("--exported-to") + 1] == export[export.index("--out") + 1]


@pytest.mark.parametrize("readme", [OVERLAYS / "production/README.md", OVERLAYS.parents[1] / "observability/README.md"])
def test_readmes_name_the_share_of_requests_that_production_traces(readme: Path) -> None:
    ratio = settings_of(OVERLAYS / "production").telemetry.root_sampling_ratio
    told = " ".join(readme.read_text().split())
    assert re.search(rf"root_sampling_ratio` (is|traces\. The production overlay has) {ratio:g}\b", told)
