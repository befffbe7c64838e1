"""Models are copied into a pod, and again when its sandbox is made anew: the manifests' command, on read-only files."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from k8s.check.rendering import Rendered

USER = 10_001


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the pod's user reaches, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)
        for folder in (each for each in Path(made).rglob("*") if each.is_dir()):
            folder.chmod(0o755)


@pytest.fixture(params=["sh", "busybox"])
def shell(request: pytest.FixtureRequest, place: Path) -> tuple[str, str]:
    """The shell, and where its commands are: this machine's, and those of the image."""
    if request.param == "sh":
        return "/bin/sh", os.environ["PATH"]
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("there is no busybox here, which the image has; `sh` runs the same command")
    tools = place / "bin"
    tools.mkdir()
    for each in ("sh", "sha256sum", "chmod", "rm", "cp"):
        (tools / each).symlink_to(busybox)
    return str(tools / "sh"), str(tools)


@pytest.mark.parametrize(("name", "profile"), [("local", "cpu"), ("production", "gpu")])
def test_models_are_copied_again_and_again(
    overlay: Callable[[str], Rendered], place: Path, shell: tuple[str, str], name: str, profile: str
) -> None:
    repository = place / "repository"
    _image(place / "models" / profile)
    repository.mkdir()
    repository.chmod(0o2777)  # an emptyDir: root's, and everybody may write
    command = _command(overlay(name), place)
    for before in ("nothing", "its own copy", "another model, too"):
        if before == "another model, too":
            _left_over(repository / "other_model/1/model.onnx")
        done = _as_the_pods_user(shell, command)
        assert done.returncode == 0, f"over {before}: {done.stderr}"
        there = {str(each.relative_to(repository)) for each in repository.rglob("*") if each.is_file()}
        assert there == {"SHA256SUMS", "text_harm/1/model.py", "text_harm/config.pbtxt"}, f"over {before}"
        assert (repository / "text_harm/1/model.py").read_text() == "the model"


def test_a_file_that_differs_from_its_sum_is_not_copied(
    overlay: Callable[[str], Rendered], place: Path, shell: tuple[str, str]
) -> None:
    repository = place / "repository"
    _image(place / "models/cpu")
    repository.mkdir()
    repository.chmod(0o2777)
    changed = place / "models/cpu/text_harm/1/model.py"
    changed.chmod(0o755)
    changed.write_text("another")
    assert _as_the_pods_user(shell, _command(overlay("local"), place)).returncode != 0
    assert list(repository.iterdir()) == []


def _command(rendered: Rendered, place: Path) -> str:
    """What the container does, in folders of this test."""
    triton = next(each for each in rendered.of("Deployment") if each.name == "tidegate-triton")
    (first,) = (each.document for each in next(triton.pods()).containers() if each.first)
    assert first["command"] == ["/bin/sh", "-c"]
    (command,) = first["args"]
    return str(command).replace("/models/", f"{place}/models/").replace("/repository", f"{place}/repository")


def _as_the_pods_user(shell: tuple[str, str], command: str) -> "subprocess.CompletedProcess[str]":
    """Not as root, who may write anything."""
    path, tools = shell
    root = os.geteuid() == 0
    return subprocess.run(
        [path, "-c", command],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": tools},
        user=USER if root else None,
        group=USER if root else None,
        extra_groups=() if root else None,
    )


def _left_over(file: Path) -> None:
    """What is not in the image, as the pod's user would have copied it."""
    file.parent.mkdir(parents=True)
    file.write_text("of another image")
    _read_only(file.parent.parent)
    if os.geteuid() == 0:
        for each in (file, file.parent, file.parent.parent):
            os.chown(each, USER, USER)


def _image(folder: Path) -> None:
    """As models.Dockerfile makes it: sums beside the files, and nothing that may be written."""
    for name, text in {"text_harm/config.pbtxt": "its shape", "text_harm/1/model.py": "the model"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    sums = "find . -type f ! -name SHA256SUMS -exec sha256sum {} + | sort -k 2 > SHA256SUMS"
    subprocess.run(["/bin/sh", "-c", sums], cwd=folder, check=True)
    _read_only(folder)


def _read_only(folder: Path) -> None:
    for each in (*folder.rglob("*"), folder):
        each.chmod(0o555)
