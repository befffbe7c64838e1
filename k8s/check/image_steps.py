"""The install steps of images, run in a folder: `python -m k8s.check.image_steps [IMAGE…]`. A part of `make test`.

There is no Docker on the machines that this is tested on. The steps of the stage `build` are run as they stand, with
`/opt/tidegate`, `/models` and `/src` moved into a folder below `build/`, where the package cache can be linked from,
and with no program but those of the base image: the system's, Python and its pip. Left out is the compilation to
bytecode, which takes minutes. Then the image's commands are asked for what they can do, in the image's own
environment. What this can't show: the base images (busybox's own commands among them), users, the size of layers.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from k8s.check.dockerfiles import IMAGES, ROOT, build_steps, environment, kept, moved, variables
from k8s.check.layers import Layers

WORK = ROOT / "build/images"

CHECKED_COPY = (
    "cd /models/{profile} && sha256sum -c SHA256SUMS "
    "&& {{ chmod -R u+w /repository/* 2>/dev/null; rm -rf /repository/*; }} && cp -r . /repository"
)
"""What Triton's init container runs, with the image `models`: again, where a pod's sandbox is made anew."""

IMPORTS = (
    "from tidegate.features.feast_import import import_feast; import_feast(); "
    "import tidegate.serving.app, tidegate.serving.deployments, tidegate.features.pipeline"
)

ASKED = {
    "models": tuple(("sh", "-c", CHECKED_COPY.format(profile=profile)) for profile in ("cpu", "gpu")),
    "services": (
        ("python", "-c", IMPORTS),
        ("tidegate", "--version"),
        ("tidegate", "check-config"),
        ("tidegate", "policy", "check"),
        ("tidegate", "serve-config"),
        ("ray", "--version"),
        ("serve", "--help"),
    ),
    # The server itself is started by tests/k8s/test_triton_process.py: it has no option that only tells something.
    "triton-cpu": (("python", "-c", "import numpy, onnxruntime; assert numpy.__version__ < '2', numpy.__version__"),),
}
"""What an image must be able to answer, by image."""

_SYSTEM = "/usr/local/bin:/usr/bin:/bin"
_LATER = ("compileall",)
"""Steps that are not run."""


def build(image: str, into: Path, layers: Layers | None = None) -> Iterator[tuple[str, float]]:
    """Runs the build steps of an image below an empty folder. Yields each command with the seconds of CPU time it took.

    Raises:
        subprocess.CalledProcessError: One failed.
    """
    plan = build_steps(image)
    begun = layers.restore(plan, into) if layers else 0
    source = into / "src"
    for folder in (source, into / "opt/tidegate"):
        folder.mkdir(parents=True, exist_ok=True)
    told = _base_environment(into / "base")
    for number, step in enumerate(plan, start=1):
        if step.name == "ENV":
            told |= {name: moved(value, into) for name, value in variables(step).items()}
        if number <= begun:
            continue
        if step.name == "COPY":
            _copy(step.value, source)
        elif step.name == "RUN" and not any(each in step.value for each in _LATER):
            before = _cpu()
            command = moved(step.value, into).replace(" --no-cache-dir ", " ").replace(" --no-cache ", " ")
            subprocess.run(["/bin/sh", "-ec", command], check=True, cwd=source, env=told)
            yield step.value, _cpu() - before
        if layers:
            layers.keep(plan[:number], into)


def _base_environment(programs: Path) -> dict[str, str]:
    """What a step finds in the base image: Python without packages, pip, and nothing of this checkout's environment.

    Everything else is kept: it may say where packages come from.
    """
    if not programs.exists():
        programs.mkdir()
        for name in ("python", "python3", "python3.11"):
            (programs / name).symlink_to(getattr(sys, "_base_executable", sys.executable))
        (programs / "pip").symlink_to(Path(sys.executable).parent / "pip")
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    return {name: value for name, value in os.environ.items() if name not in ours} | {"PATH": f"{programs}:{_SYSTEM}"}


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


def ask(image: str, into: Path) -> Iterator[tuple[str, int, str]]:
    """Asks the built image's commands. Yields each with its exit status and the end of what it said."""
    told = {name: moved(value, into) for name, value in environment(IMAGES / f"{image}.Dockerfile").items()}
    told.setdefault("PATH", "/usr/bin:/bin")  # busybox sets it by itself
    # An image brings its bytecode, so here the first command writes what the next ones read.
    told.pop("PYTHONDONTWRITEBYTECODE", None)
    for command in ASKED.get(image, ()):
        with tempfile.TemporaryDirectory() as home:
            program = _program(command[0], told["PATH"], into / "opt/tidegate")
            if program is None:
                yield " ".join(command), 127, f"the image has no {command[0]}"
                continue
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


def _program(name: str, path: str, target: Path) -> str | None:
    found = shutil.which(name, path=path)
    return found or next((str(each) for each in target.rglob(name) if each.is_file()), None)


def check(image: str, into: Path, layers: Layers | None = None) -> list[str]:
    """Builds one image and asks it, and says so. Returns what failed, a line each."""
    failed = []
    try:
        for command, seconds in build(image, into, layers):
            _say(f"{image}: {seconds:5.1f} s  {command}")
    except subprocess.CalledProcessError as error:
        _say(f"{image}: exit {error.returncode}  {error.cmd[-1]}")
        return [f"{image}: a step of its Dockerfile failed with {error.returncode}: {error.cmd[-1]}"]
    before = _cpu()
    for command, status, said in ask(image, into):
        _say(f"{image}: {_cpu() - before:5.1f} s  {command}")
        before = _cpu()
        if status:
            _say(f"{said}\nexit {status}")
            failed.append(f"{image}: a command failed with {status}: {command}")
    for folder in kept(image, into):
        size = sum(each.lstat().st_size for each in folder.rglob("*") if each.is_file())
        _say(f"{image}: {size / 2**20:.0f} MiB in {folder.relative_to(into)}")
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds and asks; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m k8s.check.image_steps", description=__doc__)
    parser.add_argument("images", nargs="*", default=sorted(ASKED), help=f"default: {' '.join(sorted(ASKED))}")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="empty; where one image is built, and stays")
    options = parser.parse_args(arguments)
    if options.keep is not None:
        if len(options.images) != 1:
            parser.error("--keep is for one image: name it")
        failed = check(options.images[0], options.keep.resolve())
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # which removes the folder
        failed = _check_all(options.images)
    for line in failed:
        _say(f"FAILED {line}")
    return 1 if failed else 0


def _check_all(images: Sequence[str]) -> list[str]:
    WORK.mkdir(parents=True, exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory(dir=WORK) as place:
        states, into = Path(place) / "states", Path(place) / "image"
        states.mkdir()
        layers = Layers([build_steps(image) for image in images], states)
        for image in images:
            into.mkdir()
            failed += check(image, into, layers)
            shutil.rmtree(into)
    return failed


def _cpu() -> float:
    """CPU time of the processes that were waited for, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
