"""Everything Triton needs, made ready in order: its environment, the graphs, the model repository."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tidegate.models.catalogue import Engine, catalogue
from tidegate.models.export.build import build
from tidegate.models.repository import ModelRepository, write_repository
from tidegate.models.runtime.environment import ensure_environment
from tidegate.models.runtime.installation import TritonInstallation
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

    def repository(self, profile: ProfileName) -> Path:
        """The model repository of a profile."""
        return self.build / "repository" / profile

    @property
    def backends(self) -> Path:
        """Work folder of the server."""
        return self.build / "triton"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a server is started from."""

    installation: TritonInstallation
    repository: ModelRepository


def prepare(place: Workplace, profile: ProfileName, *, report: Callable[[str], None]) -> Prepared:
    """Makes everything ready; what is in place already is kept.

    Raises:
        TritonUnavailableError: Triton's environment can't be built.
        CatalogueError, EncoderUnavailableError, ParityError: a model can't be built; see `export.build`.
    """
    installation = ensure_environment(place.venv, place.requirements, report=report)
    repository = prepare_repository(place, profile, report=report)
    return Prepared(installation, repository)


def prepare_repository(place: Workplace, name: ProfileName, *, report: Callable[[str], None]) -> ModelRepository:
    """Builds the graphs and writes the model repository of a profile; raises as `export.build.build` does."""
    profile = PROFILES[name]
    specs = [spec for spec in catalogue().values() if spec.engine is Engine.TRITON]
    graphs = {
        (spec.name, spec.version): build(spec, profile.precision, cache=place.build, report=report) for spec in specs
    }
    repository = write_repository(place.repository(name), specs, profile, graphs=graphs)
    report(f"model repository ({name}): {', '.join(f'{model} {version}' for model, version in repository.models)}")
    return repository
