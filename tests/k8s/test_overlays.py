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


@pytest.mark.parametrize("readme", [OVERLAYS / "production/README.md", OVERLAYS.parents[1] / "observability/README.md"])
def test_readmes_name_the_share_of_requests_that_production_traces(readme: Path) -> None:
    ratio = settings_of(OVERLAYS / "production").telemetry.root_sampling_ratio
    told = " ".join(readme.read_text().split())
    assert re.search(rf"root_sampling_ratio` (is|traces\. The production overlay has) {ratio:g}\b", told)
