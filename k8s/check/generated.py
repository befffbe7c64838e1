"""Generated files are what `python -m k8s.generate` would write today."""

from collections.abc import Iterator

from k8s.check.findings import Finding
from k8s.check.rendering import Rendered
from k8s.generate import GENERATED, patch
from tidegate.serving.settings import SettingsError


def generated_findings(rendered: Rendered) -> Iterator[Finding]:
    """Says which are not."""
    try:
        wanted = patch(rendered.directory)
    except SettingsError as error:
        yield Finding("generated", rendered.name, "settings.yaml", "settings", str(error), "`tidegate check-config`")
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
