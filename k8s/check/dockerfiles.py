"""Dockerfiles as data: their instructions, and where their folders are when the steps run below another one."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "k8s/images"

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


def build_steps(image: str) -> tuple[Step, ...]:
    """What the stage `build` of an image does, in its base image."""
    return tuple(
        step
        for step in steps(IMAGES / f"{image}.Dockerfile")
        if step.stage == "build" and step.name in {"COPY", "ENV", "RUN"}
    )


def environment(dockerfile: Path) -> dict[str, str]:
    """The variables of the last stage."""
    told: dict[str, str] = {}
    for step in steps(dockerfile):
        if step.name == "ENV" and not step.stage:
            told |= variables(step)
    return told


def variables(step: Step) -> dict[str, str]:
    """What an ENV sets."""
    return dict(each.split("=", 1) for each in step.value.split())


def moved(text: str, into: Path) -> str:
    """The same with the folders of an image below `into`."""
    return _FOLDERS.sub(lambda found: f"{into}{found.group()}", text)


def kept(image: str, into: Path) -> list[Path]:
    """What the last stage takes from the stage `build`, where that has put it below `into`."""
    copies = (step.value.split() for step in steps(IMAGES / f"{image}.Dockerfile") if step.name == "COPY")
    return [Path(moved(each[-2], into)) for each in copies if each[0] == "--from=build"]
