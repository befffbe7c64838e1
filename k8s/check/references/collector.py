"""A Collector's configuration ↔ its container: every variable that the file asks for is set, and none that it does not.

The Collector takes a variable that is not set for an empty text, and starts.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from k8s.check.findings import Finding
from k8s.check.objects import Container
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered

CHECK = "collector"

_ASKED = re.compile(r"(?<!\$)\$\{(?:env:)?(\w+)\}|node_from_env_var:\s*(\w+)")
"""Without those that bring a default: `${env:NAME:-text}`."""
_NAMED = re.compile(r"\$\{(?:env:)?(\w+)|node_from_env_var:\s*(\w+)")
_OF_GO = {"GOGC", "GOMAXPROCS", "GOMEMLIMIT"}
"""Read by the program itself."""


def collector_findings(rendered: Rendered) -> Iterator[Finding]:
    """Variables that are missing, and such that nothing reads."""
    files = {each.name: each.document.get("data") or {} for each in rendered.of("ConfigMap")}
    for pod in pods_of(rendered):
        for container in pod.containers():
            if "opentelemetry-collector" not in container.document.get("image", ""):
                continue
            owner, text = pod.owner.title, _configuration(container, files)
            if text is None:
                problem = "no ConfigMap that is mounted here holds the file that --config names"
                yield Finding(CHECK, rendered.name, owner, f"{container.path}.args", problem, "--config=MOUNT/KEY")
                continue
            given = {name for name, _ in container.environment()}
            asked, named = _variables(_ASKED, text), _variables(_NAMED, text)
            for name in sorted(asked - given):
                where, problem = f"{container.path}.env[{name}]", "is not set, and the configuration asks for it"
                yield Finding(CHECK, rendered.name, owner, where, problem, ", ".join(sorted(asked)))
            for name in sorted(given - named - _OF_GO):
                where, problem = f"{container.path}.env[{name}]", "is set, and nothing in the configuration asks for it"
                yield Finding(CHECK, rendered.name, owner, where, problem, ", ".join(sorted(named)))


def _configuration(container: Container, files: dict[str, dict[str, str]]) -> str | None:
    """The file that the container is started with."""
    told = (each.removeprefix("--config=") for each in container.document.get("args") or () if "--config=" in each)
    path = PurePosixPath(next(told, "/"))
    maps = {each["name"]: each["configMap"]["name"] for each in container.pod.spec["volumes"] if "configMap" in each}
    for mount in container.document.get("volumeMounts") or ():
        if PurePosixPath(mount["mountPath"]) == path.parent and mount["name"] in maps:
            return files.get(maps[mount["name"]], {}).get(path.name)
    return None


def _variables(pattern: re.Pattern[str], text: str) -> set[str]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    return {first or second for line in lines for first, second in pattern.findall(line)}
