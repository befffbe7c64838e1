"""Dockerfiles as data, and their install steps run in a folder: `python -m k8s.check.image_steps [IMAGE…]`.

There is no Docker on the machines that this is tested on. The steps of the stage `build` are run as they stand, with
`/opt/tidegate`, `/models` and `/src` moved into a folder of their own and with the package cache, but for the
compilation to bytecode, which takes minutes; then the image's commands are asked for what they can do. What this can't
show: the base images (busybox's own commands among them), users, the size of layers.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "k8s/images"

CHECKED_COPY = "cd /models/{profile} && sha256sum -c SHA256SUMS && cp -r . /repository"
"""What Triton's init container runs, with the image `models`."""

ASKED = {
    "models": tuple(("sh", "-c", CHECKED_COPY.format(profile=profile)) for profile in ("cpu", "gpu")),
    "services": (
        ("tidegate", "--version"),
        ("tidegate", "check-config"),
        ("tidegate", "policy", "check"),
        ("tidegate", "serve-config"),
        ("ray", "--version"),
        ("serve", "--help"),
        ("python", "-c", "import tidegate.serving.app, tidegate.serving.deployments, tidegate.features.pipeline"),
    ),
    # The server itself is started by tests/k8s/test_triton_process.py: it has no option that only tells something.
    "triton-cpu": (("python", "-c", "import numpy, onnxruntime; assert numpy.__version__ < '2', numpy.__version__"),),
}
"""What an image must be able to answer, by image."""

_FOLDERS = re.compile(r"(?<![\w./])/(?:opt/tidegate|models|src)(?![\w])")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction."""

    stage: str
    """`build`, or empty for the last one."""
    name: str
    """RUN, COPY, ENV, …"""
    value: str
    """The rest of it, on one line."""


def steps(dockerfile: Path) -> list[Step]:
    """All instructions of a Dockerfile."""
    stage, found = "", []
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        name, _, value = line.partition(" ")
        if name == "FROM":
            _, _, stage = value.partition(" AS ")
        found.append(Step(stage, name, value.strip()))
    return found


def environment(dockerfile: Path) -> dict[str, str]:
    """The variables of the last stage."""
    told: dict[str, str] = {}
    for step in steps(dockerfile):
        if step.name == "ENV" and not step.stage:
            told |= dict(each.split("=", 1) for each in step.value.split())
    return told


def build(image: str, into: Path) -> Iterator[tuple[str, float]]:
    """Runs the build steps of an image below a folder. Yields each command with the seconds that it took.

    Raises:
        subprocess.CalledProcessError: One failed.
    """
    source = into / "src"
    for folder in (source, into / "opt/tidegate"):
        folder.mkdir(parents=True)
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for step in steps(IMAGES / f"{image}.Dockerfile"):
        if step.stage != "build":
            continue
        started = time.monotonic()
        if step.name == "COPY":
            _copy(step.value, source)
        elif step.name == "ENV":
            variables |= {
                name: moved(value, into) for name, value in (each.split("=", 1) for each in step.value.split())
            }
        elif step.name == "RUN" and "compileall" not in step.value:
            command = moved(step.value, into).replace(" --no-cache ", " ")
            subprocess.run(["/bin/sh", "-ec", command], check=True, cwd=source, env=variables)
            yield step.value, time.monotonic() - started


def _copy(value: str, source: Path) -> None:
    *origins, target = value.split()
    for origin in origins:
        found = ROOT / origin
        aim = source / target
        if found.is_dir():
            shutil.copytree(found, aim, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            aim = aim / found.name if target.endswith("/") else aim
            aim.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, aim)


def moved(text: str, into: Path) -> str:
    """The same with the folders of an image below `into`."""
    return _FOLDERS.sub(lambda found: f"{into}{found.group()}", text)


def kept(image: str, into: Path) -> list[Path]:
    """What the last stage takes from the stage `build`, where `build` has put it."""
    copies = (step.value.split() for step in steps(IMAGES / f"{image}.Dockerfile") if step.name == "COPY")
    return [Path(moved(each[-2], into)) for each in copies if each[0] == "--from=build"]


def ask(image: str, into: Path) -> Iterator[tuple[str, int, str]]:
    """Asks the built image's commands. Yields each with its exit status and the end of what it said."""
    told = {name: moved(value, into) for name, value in environment(IMAGES / f"{image}.Dockerfile").items()}
    told.setdefault("PATH", "/usr/bin:/bin")  # busybox sets it by itself
    for command in ASKED.get(image, ()):
        with tempfile.TemporaryDirectory() as home:
            program = _program(command[0], told["PATH"], into / "opt/tidegate")
            done = subprocess.run(
                [program, *(moved(each, into).replace("/repository", home) for each in command[1:])],
                check=False,
                capture_output=True,
                text=True,
                cwd=home,
                env={**told, "HOME": home},
                timeout=300,
            )
            yield " ".join(command), done.returncode, (done.stdout + done.stderr)[-2000:]


def _program(name: str, path: str, target: Path) -> str:
    found = shutil.which(name, path=path)
    if found is None:
        found = next((str(each) for each in target.rglob(name) if each.is_file()), name)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds and asks; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m k8s.check.image_steps", description=__doc__)
    parser.add_argument("images", nargs="*", default=sorted(ASKED), help=f"default: {' '.join(sorted(ASKED))}")
    parser.add_argument("--keep", type=Path, help="an empty folder to build in and to keep")
    options = parser.parse_args(arguments)
    failed = 0
    for image in options.images:
        into = Path(tempfile.mkdtemp(prefix="image-")) if options.keep is None else options.keep / image
        try:
            for command, seconds in build(image, into):
                _say(f"{image}: {seconds:5.1f} s  {command}")
            for command, status, said in ask(image, into):
                _say(f"{image}: {'ok' if status == 0 else f'exit {status}'}  {command}")
                failed += status != 0
                if status:
                    _say(said)
            for folder in kept(image, into):
                size = sum(each.lstat().st_size for each in folder.rglob("*") if each.is_file())
                _say(f"{image}: {size / 2**20:.0f} MiB in {folder.relative_to(into)}")
        finally:
            if options.keep is None:
                shutil.rmtree(into, ignore_errors=True)
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
