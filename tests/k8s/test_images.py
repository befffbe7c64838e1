"""Dockerfiles install what the Makefile installs, copy what there is, and start what there is, as nobody special."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from k8s.check.dockerfiles import IMAGES, ROOT, environment, moved, steps
from k8s.check.image_steps import ASKED
from k8s.check.rendering import Rendered
from tidegate.models.runtime.command import server_environment
from tidegate.models.runtime.installation import TritonInstallation

DOCKERFILES = sorted(IMAGES.glob("*.Dockerfile"))
REQUIREMENTS = re.compile(r"-r (requirements/\S+)")


def _installs(lines: list[str]) -> set[tuple[str, bool, bool]]:
    """Requirement file, with hashes, without dependencies."""
    return {
        (match.group(1), "--require-hashes" in line or "$(INSTALL)" in line, "--no-deps" in line)
        for line in lines
        if (match := REQUIREMENTS.search(line))
    }


def _makefile() -> set[tuple[str, bool, bool]]:
    return _installs((ROOT / "Makefile").read_text().splitlines())


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_every_image_is_pinned_and_runs_as_nobody_special(dockerfile: Path) -> None:
    told = steps(dockerfile)
    for step in told:
        if step.name == "ARG":
            assert re.search(r"=\S+:\d", step.value), f"{step.value}: a version, not whatever is newest"
        if step.name == "FROM":
            assert step.value.startswith("${"), "the base image can be given by digest"
    (user,) = (step.value for step in told if step.name == "USER")
    assert user == "10001:10001", "as the manifests say"
    last = max(number for number, step in enumerate(told) if step.name == "FROM")
    assert not any(step.stage for step in told[last:])
    assert "latest" not in dockerfile.read_text()


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_everything_that_is_copied_from_the_checkout_is_there(dockerfile: Path) -> None:
    for step in steps(dockerfile):
        if step.name == "COPY" and not step.value.startswith("--from"):
            *origins, _ = step.value.split()
            for origin in origins:
                assert (ROOT / origin).exists(), origin


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("services", {"requirements/uv.txt", "requirements/services.txt", "requirements/encoders.txt"}),
        ("models", {"requirements/uv.txt", "requirements/services.txt", "requirements/encoders.txt"}),
        ("triton-cpu", {"requirements/uv.txt", "requirements/triton.txt"}),
    ],
)
def test_an_image_installs_the_same_files_in_the_same_way_as_the_makefile(image: str, wanted: set[str]) -> None:
    found = _installs([step.value for step in steps(IMAGES / f"{image}.Dockerfile") if step.name == "RUN"])
    assert {name for name, _, _ in found} == wanted
    # Triton's environment is installed by tidegate.models.runtime.environment, which `make test` calls.
    assert found - {("requirements/triton.txt", True, False)} <= _makefile()
    assert all(hashes for _, hashes, _ in found)


def test_triton_on_cpu_has_the_environment_that_it_is_measured_in() -> None:
    ours = environment(IMAGES / "triton-cpu.Dockerfile")
    installed = TritonInstallation(Path("/opt/tidegate/triton"))
    wanted = server_environment(installed)
    assert {name: ours[name] for name in ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")} == {
        name: wanted[name] for name in ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    }
    site = "/opt/tidegate/triton/lib/python3.11/site-packages"
    assert ours["PYTHONPATH"] == site
    assert ours["LD_LIBRARY_PATH"].split(":") == [f"{site}/nvidia_pytriton.libs", "/usr/local/lib"]


def test_triton_on_cpu_starts_a_program_that_its_environment_holds() -> None:
    (entrypoint,) = (step.value for step in steps(IMAGES / "triton-cpu.Dockerfile") if step.name == "ENTRYPOINT")
    (program,) = json.loads(entrypoint)
    here = Path(program.replace("/opt/tidegate/triton", str(ROOT / ".venv-triton")))
    if not here.parents[6].exists():
        pytest.skip("Triton's environment is not prepared: `python -m tidegate.models.runtime prepare`")
    assert here.is_file()


@pytest.mark.parametrize("image", sorted(ASKED))
def test_build_steps_that_are_run_without_docker_name_no_folder_of_the_machine(image: str, tmp_path: Path) -> None:
    for step in steps(IMAGES / f"{image}.Dockerfile"):
        if step.stage == "build" and step.name in {"ENV", "RUN"}:
            for absolute in re.findall(r"(?<![\w./$])/\w\S*", moved(step.value, tmp_path)):
                assert absolute.startswith(str(tmp_path)), step.value


@pytest.mark.parametrize(("overlay_name", "profile"), [("local", "cpu"), ("production", "gpu")])
def test_the_image_of_models_is_asked_what_tritons_pod_starts_with(
    overlay: Callable[[str], Rendered], overlay_name: str, profile: str
) -> None:
    (triton,) = (each for each in overlay(overlay_name).of("Deployment") if each.name == "tidegate-triton")
    (first,) = (each.document for pod in triton.pods() for each in pod.containers() if each.first)
    asked = [list(each) for each in ASKED["models"] if f"/models/{profile} " in each[-1]]
    assert [["sh", "-c", *first["args"]]] == asked
    assert first["command"] == ["/bin/sh", "-c"]


def test_build_steps_are_commands_that_a_shell_can_read() -> None:
    for dockerfile in DOCKERFILES:
        for step in steps(dockerfile):
            if step.name == "RUN":
                assert shlex.split(step.value), step.value
