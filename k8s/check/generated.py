"""Generated files are what `python -m k8s.generate` would write today."""

from collections.abc import Iterator

from k8s.check.findings import Finding
from k8s.check.rendering import Rendered
from k8s.generate import COMPONENTS, GENERATED, patch, shared
from tidegate.serving.settings import SettingsError


def generated_findings(rendered: Rendered) -> Iterator[Finding]:
    """Says which are not."""
    try:
        wanted = patch(rendered.directory)
    except SettingsError as error:
        told = f"`tidegate --config {rendered.directory / 'settings.yaml'} check-config` shows every key"
        yield Finding("generated", rendered.name, "settings.yaml", "settings", str(error), told)
        return
    path = rendered.directory / GENERATED
    if not path.is_file() or path.read_text() != wanted:
        yield Finding(
            "generated",
            rendered.name,
            GENERATED,
            "serveConfigV2",
            "is not what settings.yaml and deployments.yaml give",
            "run `python -m k8s.generate` and commit what it writes",
        )
    for path, content in shared().items():
        if not path.is_file() or path.read_text() != content:
            problem, told = "is not what k8s/ gives", "run `python -m k8s.generate` and commit what it writes"
            yield Finding("generated", rendered.name, path.name, str(path.relative_to(COMPONENTS)), problem, told)
