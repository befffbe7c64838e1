"""What the settings choose of what is installed: versions of detectors, and policies."""

from collections.abc import Callable
from pathlib import Path

from tidegate.models.catalogue import CatalogueError, Modality
from tidegate.models.selection import Selection, select
from tidegate.policy.loader import PolicySet, load_policies
from tidegate.policy.problems import PolicyError, Problem
from tidegate.policy.vocabulary import installed_vocabulary
from tidegate.serving.settings import Settings, SettingsError

PACKAGED_POLICIES = Path(__file__).resolve().parent.parent / "policies"


def selection(settings: Settings) -> Selection:
    """Which version of each detector decides, and which are tried out.

    Raises:
        SettingsError: The settings name one that does not exist, or one that can't be tried out.
    """
    try:
        chosen = select(live=settings.detectors.live, shadow=settings.detectors.shadow)
    except CatalogueError as error:
        raise SettingsError(f"detectors: {error}") from error
    for spec in chosen.shadow:
        if spec.modality is not Modality.TEXT:
            raise SettingsError(f"detectors.shadow.{spec.name}: only text detectors can be tried out in shadow")
    return chosen


def versions_of(chosen: Selection) -> Callable[[str], str]:
    """The live version of a detector by name."""
    versions = {spec.name: spec.version for spec in chosen.live.values()}
    return lambda name: versions.get(name, "")


def policies(settings: Settings, chosen: Selection | None = None) -> PolicySet:
    """The policies in use.

    Args:
        settings: All settings.
        chosen: Detectors in place of those that the settings select.

    Raises:
        SettingsError: A detector version that the settings ask for does not exist.
        PolicyError: With every problem found; also if some surface has no live policy in some market.
    """
    directory = settings.policies_dir or PACKAGED_POLICIES
    loaded = load_policies(directory, vocabulary=installed_vocabulary((chosen or selection(settings)).live))
    gaps = loaded.gaps()
    if gaps:
        raise PolicyError([Problem(str(directory), "surfaces", f"content would be undecided: {gap}") for gap in gaps])
    return loaded
