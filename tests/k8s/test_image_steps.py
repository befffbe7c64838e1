"""Build steps that run in a folder: what fails is told, and what images begin with alike is done once."""

import sys
from pathlib import Path

import pytest

from k8s.check import dockerfiles, image_steps
from k8s.check.dockerfiles import Step, build_steps
from k8s.check.image_steps import check
from k8s.check.layers import Layers


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for Dockerfiles of the test's own, each of whose images is asked for `greet`."""
    folder = tmp_path / "images"
    folder.mkdir()
    monkeypatch.setattr(dockerfiles, "IMAGES", folder)
    monkeypatch.setattr(image_steps, "IMAGES", folder)
    monkeypatch.setattr(image_steps, "ASKED", dict.fromkeys(("one", "other"), (("greet",),)))
    return folder


def _write(images: Path, name: str, *build: str) -> None:
    lines = ["FROM base AS build", "WORKDIR /src", *build, "FROM base", "ENV PATH=/opt/tidegate/bin:/usr/bin:/bin"]
    (images / f"{name}.Dockerfile").write_text("\n".join(lines))


def _program(text: str) -> str:
    """A step that makes `greet` of one line of shell."""
    written = f"printf '#!/bin/sh\\n{text}\\n' > /opt/tidegate/bin/greet"
    return f"RUN mkdir -p /opt/tidegate/bin && {written} && chmod +x /opt/tidegate/bin/greet"


def test_an_image_whose_steps_run_and_whose_command_answers_is_fine(images: Path, tmp_path: Path) -> None:
    _write(images, "one", _program("echo hello"))
    assert check("one", tmp_path / "built") == []


def test_a_step_that_fails_is_told_with_its_command_and_status(images: Path, tmp_path: Path) -> None:
    _write(images, "one", "RUN exit 7", _program("echo hello"))
    (told,) = check("one", tmp_path / "built")
    assert told == "one: a step of its Dockerfile failed with 7: exit 7"


@pytest.mark.parametrize(("steps", "status"), [((_program("exit 3"),), 3), (("RUN true",), 127)])
def test_a_command_that_fails_or_is_not_there_is_told(
    images: Path, tmp_path: Path, steps: tuple[str, ...], status: int
) -> None:
    _write(images, "one", *steps)
    assert check("one", tmp_path / "built") == [f"one: a command failed with {status}: greet"]


def test_a_step_finds_python_and_pip_and_nothing_of_the_environment_that_tests_run_in(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    _write(
        images,
        "one",
        "RUN pip --version && for each in python python3 python3.11; do "
        "$each -c 'import sys; assert sys.prefix == sys.base_prefix, sys.prefix' || exit 1; done",
        f'RUN test -z "$PYTHONPATH$VIRTUAL_ENV" && case "$PATH" in *{sys.prefix}*) exit 1;; esac',
        _program("echo hello"),
    )
    assert check("one", tmp_path / "built") == []


def test_what_two_images_begin_with_is_done_once_and_not_changed_by_the_first_of_them(
    images: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    begin = (f"RUN echo begun >> {runs}", _program("echo hello"))
    _write(images, "one", *begin, "RUN rm /opt/tidegate/bin/greet")
    _write(images, "other", *begin, "ENV WHOM=you", 'RUN test "$WHOM" = you && test -x /opt/tidegate/bin/greet')
    states, into = tmp_path / "states", tmp_path / "built"
    states.mkdir()
    into.mkdir()
    layers = Layers([build_steps("one"), build_steps("other")], states)
    assert check("one", into, layers) == ["one: a command failed with 127: greet"]
    into.rename(tmp_path / "first")
    into.mkdir()
    assert check("other", into, layers) == []
    assert runs.read_text() == "begun\n"


def test_the_longest_beginning_that_is_known_is_restored(tmp_path: Path) -> None:
    a, b, c, d = (Step("build", "RUN", name) for name in "abcd")
    states, folder = tmp_path / "states", tmp_path / "folder"
    states.mkdir()
    folder.mkdir()
    layers = Layers([(a, b, c), (a, b, d), (a, d)], states)
    for number, step in enumerate((a, b, c), start=1):
        (folder / step.value).touch()
        layers.keep((a, b, c)[:number], folder)
    found = []
    for plan in ((a, b, d), (a, d), (d, a)):
        again = tmp_path / "-".join(step.value for step in plan)
        again.mkdir()
        found.append((layers.restore(plan, again), sorted(path.name for path in again.iterdir())))
    assert found == [(2, ["a", "b"]), (1, ["a"]), (0, [])]


def test_images_begin_alike_so_that_the_largest_installation_is_done_once() -> None:
    services, models, triton = (build_steps(name) for name in ("services", "models", "triton-cpu"))
    last = next(number for number, step in enumerate(services) if step.value.endswith("requirements/encoders.txt"))
    assert services[: last + 1] == models[: last + 1]
    assert services[:2] == triton[:2]
