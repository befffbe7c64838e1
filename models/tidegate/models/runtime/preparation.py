"""Everything Triton needs, made ready in order: its environment, the graphs, the model repository."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tidegate.models.catalogue import DetectorSpec, Engine
from tidegate.models.export.build import build
from tidegate.models.repository import ModelRepository, write_repository
from tidegate.models.runtime.environment import ensure_environment
from tidegate.models.runtime.installation import TritonInstallation
from tidegate.models.selection import Selection, select
from tidegate.models.serving_profile import PROFILES, ProfileName


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where the runtime keeps what it makes, below one root."""

    root: Path
    """The checkout, or wherever the product is installed."""

    @property
    def venv(self) -> Path:
        """Triton's environment."""
        return self.root / ".venv-triton"

    @property
    def requirements(self) -> Path:
        """Pinned requirements of Triton's environment."""
        return self.root / "requirements" / "triton.txt"

    @property
    def build(self) -> Path:
        """Built graphs, repositories and assembled backends."""
        return self.root / "build" / "models"

    def repository(self, profile: ProfileName, chosen: Selection) -> Path:
        """The model repository of a profile and a selection of versions.

        Each selection has its own, so that a server that starts again finds the versions that it served before.
        """
        versions = sorted((spec.name, spec.version) for spec in served(chosen))
        if versions == sorted((spec.name, spec.version) for spec in served(select())):
            return self.build / "repository" / profile
        digest = hashlib.sha256(repr(versions).encode()).hexdigest()
        return self.build / "repository" / f"{profile}-{digest[:12]}"

    @property
    def backends(self) -> Path:
        """Work folder of the server."""
        return self.build / "triton"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a server is started from."""

    installation: TritonInstallation
    repository: ModelRepository


def served(chosen: Selection) -> tuple[DetectorSpec, ...]:
    """The versions of a selection that run on Triton, those in shadow included."""
    return tuple(spec for spec in (*chosen.live.values(), *chosen.shadow) if spec.engine is Engine.TRITON)


def prepare(
    place: Workplace, profile: ProfileName, *, report: Callable[[str], None], chosen: Selection | None = None
) -> Prepared:
    """Makes everything ready; what is in place already is kept.

    Args:
        place: Where to.
        profile: Kind of machine.
        report: Told of each step.
        chosen: Versions to serve; the catalogue's own choice if not given.

    Raises:
        TritonUnavailableError: Triton's environment can't be built.
        CatalogueError, EncoderUnavailableError, ParityError: a model can't be built; see `export.build`.
    """
    installation = ensure_environment(place.venv, place.requirements, report=report)
    repository = prepare_repository(place, profile, report=report, chosen=chosen or select())
    return Prepared(installation, repository)


def prepare_repository(
    place: Workplace, name: ProfileName, *, report: Callable[[str], None], chosen: Selection
) -> ModelRepository:
    """Builds the graphs and writes the model repository of a profile; raises as `export.build.build` does."""
    profile = PROFILES[name]
    specs = served(chosen)
    graphs = {
        (spec.name, spec.version): build(spec, profile.precision, cache=place.build, report=report) for spec in specs
    }
    repository = write_repository(place.repository(name, chosen), specs, profile, graphs=graphs)
    report(f"model repository ({name}): {', '.join(f'{model} {version}' for model, version in repository.models)}")
    return repository
