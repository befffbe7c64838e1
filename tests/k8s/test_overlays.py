"""The shipped overlays are right, and the command says so."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from k8s.check.__main__ import main
from k8s.check.rendering import Rendered, render
from k8s.generate import GENERATED, OVERLAYS, overlays, settings_of
from k8s.generate import main as generate
from tidegate.capacity.costs_file import SHIPPED, read_costs
from tidegate.capacity.demand import Demand
from tidegate.capacity.mix import mix_of_shares
from tidegate.capacity.plan import planned

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


def test_an_overlay_that_there_is_not_is_told_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["productoin"]) == 1
    assert capsys.readouterr().err == "error: productoin: no such overlay; there are local, production\n"


def test_wrong_settings_are_told_by_overlay_and_key_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One overlay's settings are wrong: the other's files, and what belongs to none, stay as they are, too."""
    root = shutil.copytree(OVERLAYS, tmp_path / "overlays")
    for serve in root.glob(f"*/{GENERATED}"):
        serve.write_text("as before")
    (root / "production/settings.yaml").write_text("signals: {keep_events_days: 30}\n")
    assert generate([], root=root) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: overlays/production/settings.yaml: signals.keep_events_days: must be at least 402")
    assert {serve.read_text() for serve in root.glob(f"*/{GENERATED}")} == {"as before"}


@pytest.mark.parametrize(("argument", "status"), [("--help", 0), ("production", 2)])
def test_generate_takes_no_arguments_and_help_writes_nothing(argument: str, status: int, tmp_path: Path) -> None:
    root = shutil.copytree(OVERLAYS, tmp_path / "overlays")
    for serve in root.glob(f"*/{GENERATED}"):
        serve.write_text("as before")
    with pytest.raises(SystemExit) as ended:
        generate([argument], root=root)
    assert ended.value.code == status
    assert {serve.read_text() for serve in root.glob(f"*/{GENERATED}")} == {"as before"}


def test_rendering_gives_the_services_their_settings() -> None:
    rendered: Rendered = render(OVERLAYS / "local")
    (settings,) = (each for each in rendered.of("ConfigMap") if each.name == "tidegate-settings")
    assert settings.document["data"]["settings.yaml"] == (OVERLAYS / "local/settings.yaml").read_text()


@pytest.mark.parametrize("folder", overlays(), ids=lambda path: path.name)
def test_who_owns_the_event_log_has_sqlites_temporary_files_on_its_volume(folder: Path) -> None:
    """An erasure writes the log anew, by way of a copy that /tmp has no room for."""
    rendered = render(folder)
    (ray,) = rendered.of("RayService")
    owners = [
        (pod.main().document, volume["name"])
        for pod in ray.pods()
        for volume in pod.spec["volumes"]
        if volume.get("persistentVolumeClaim") == {"claimName": "tidegate-state"}
    ]
    assert owners
    for container, volume in owners:
        (mount,) = (each["mountPath"] for each in container["volumeMounts"] if each["name"] == volume)
        assert {"name": "SQLITE_TMPDIR", "value": mount} in container["env"]


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


def test_production_begins_with_what_the_plan_asks_for_its_load(overlay: Callable[[str], Rendered]) -> None:
    """The load is the one that the overlay's own words name; a router's core carries the HAProxy of its pod, too."""
    told = (OVERLAYS / "production/deployments.yaml").read_text()
    (asked,) = re.findall(r"`tidegate capacity --items-per-second (\d+) --mix (comment=1)`", told)
    demand = Demand.of(items_per_second=float(asked[0]), mix=mix_of_shares(asked[1]))
    planned_for = {each.name: each for each in planned(demand, read_costs(SHIPPED)).deployments}
    (ray,) = overlay("production").of("RayService")
    fewest = {
        each["name"]: each.get("num_replicas") or each["autoscaling_config"]["min_replicas"]
        for each in yaml.safe_load(ray.spec["serveConfigV2"])["applications"][0]["deployments"]
    }
    ours = planned_for.keys() & fewest
    assert ours == {"ModerationRouter", "FeatureLookup", "TextDetectors", "AccountSignals"}
    assert {name: fewest[name] for name in ours if fewest[name] < planned_for[name].replicas} == {}
    beside = planned_for["HAProxy"].busy_cores + planned_for["ModerationRouter"].busy_cores
    assert beside / demand.utilisation <= fewest["ModerationRouter"]
