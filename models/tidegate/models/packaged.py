"""Files that installed packages carry: weights and tokenizers, found through the package, checked by digest.

Nothing is downloaded and no path is configured.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 1 << 20


class PackagedFileError(RuntimeError):
    """The package is not installed, or its file is not the one that the catalogue names."""


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """One file of one pinned package."""

    package: str
    """As the package index calls it."""
    version: str
    """The pinned version."""
    file: str
    """Path inside the package's folder of installation."""
    sha256: str
    """Of the file, 64 hex digits."""
    licence: str
    """Of what the file holds, as far as is known."""

    def path(self) -> Path:
        """Returns where it is. Raises PackagedFileError."""
        return located(self.package, self.version, self.file)

    def verify(self) -> None:
        """Raises PackagedFileError unless the file has the catalogue's digest."""
        if sha256_of(self.path()) != self.sha256:
            raise PackagedFileError(f"{Path(self.file).name} of {self.package} {self.version} has another digest")


def located(package: str, version: str, file: str) -> Path:
    """Returns the path of a file inside an installed package. Raises PackagedFileError."""
    try:
        installed = distribution(package)
    except PackageNotFoundError as error:
        raise PackagedFileError(f"{package} is not installed") from error
    if installed.version != version:
        raise PackagedFileError(f"{package} {installed.version} is installed, not {version}")
    path = Path(str(installed.locate_file(file)))
    if not path.is_file():
        raise PackagedFileError(f"{package} {version} holds no {file}")
    return path


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
