"""What the traffic consists of: surfaces and their shares, and the parts that an item of each carries.

Everything here is an assumption about a product, not a measurement: the defaults are a start, and every answer shows
which were used.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tidegate.capacity.problems import problems_of
from tidegate.moderation.item import Surface


class MixError(ValueError):
    """The mix can't be used. The message names every wrong field and what is allowed."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SurfaceMix(_Section):
    """Of one surface."""

    share: float = Field(ge=0, le=1)
    """Share of all items."""
    texts: float = Field(1.0, ge=0, le=16)
    """Text parts of an item, in the mean."""
    images: float = Field(0.0, ge=0, le=16)
    """Image parts of an item, in the mean."""
    audio: float = Field(0.0, ge=0, le=16)
    """Audio parts of an item, in the mean."""


def _surface(name: str) -> str:
    if name not in set(Surface):
        raise ValueError(f"{name!r} is no surface; allowed are {', '.join(Surface)}")
    return name


def _whole(surfaces: dict[str, SurfaceMix]) -> dict[str, SurfaceMix]:
    total = sum(each.share for each in surfaces.values())
    if abs(total - 1) > 1e-6:  # noqa: PLR2004 - what adding up decimal shares may lose
        raise ValueError(f"shares must add up to 1, these add up to {total:g}")
    return surfaces


_DEFAULT = {
    Surface.COMMENT: SurfaceMix(share=0.939),
    Surface.PROFILE: SurfaceMix(share=0.03, images=0.25),
    Surface.PLAYLIST: SurfaceMix(share=0.03, images=0.25),
    Surface.PODCAST_EPISODE: SurfaceMix(share=0.001, images=1, audio=1),
}


class Mix(_Section):
    """A product's traffic."""

    surfaces: Annotated[dict[Annotated[str, AfterValidator(_surface)], SurfaceMix], AfterValidator(_whole)] = {
        str(name): each for name, each in _DEFAULT.items()
    }
    """By name of the surface; shares add up to 1."""
    repeated_texts: float = Field(0.0, ge=0, lt=1)
    """Share of texts that a router's score cache answers. 0 is the careful choice: `make compare` never repeats one."""
    audio_seconds: float = Field(120.0, gt=0, le=7_200)
    """Mean length of an audio part."""
    words_per_audio_second: float = Field(2.5, ge=0, le=10)
    """Speech: about 150 words a minute. Transcripts are scored in pieces of about 400 characters."""
    image_kib: float = Field(200.0, gt=0, le=12_288)
    """Mean size of an image file."""
    audio_kbit_s: float = Field(128.0, gt=0, le=1_536)
    """Mean bit rate of audio files."""
    read_images: float = Field(1.0, ge=0, le=1)
    """Share of images whose words are read (`image_text`), the dearest thing that happens to an image."""
    known_pictures: float = Field(1_000_000, ge=0)
    """Hashes in the banks that every image is compared with."""
    events_per_item: float = Field(1.0, ge=0)
    """Account events that follow from an item; each decision is one, others are the product's."""

    @classmethod
    def of(cls, document: Any) -> "Mix":
        """From parsed YAML; what is left out has its default.

        Raises:
            MixError: Something in it is wrong.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise MixError(problems_of(error, cls)) from error


def mix_of_shares(text: str) -> Mix:
    """From `comment=0.9,profile=0.1`: relative weights, made shares; parts of an item by default.

    Raises:
        MixError: A surface that is not there, a weight that is no number, or none above 0.
    """
    weights: dict[str, float] = {}
    for pair in text.split(","):
        name, _, told = pair.strip().partition("=")
        try:
            _surface(name)
        except ValueError as wrong:
            raise MixError(str(wrong)) from wrong
        if name in weights:
            raise MixError(f"{name} is named twice; name each surface once")
        try:
            weights[name] = float(told)
        except ValueError as wrong:
            raise MixError(f"{name}: {told!r} is no number; write {name}=0.9") from wrong
    total = sum(weights.values())
    if not 0 < total < float("inf") or min(weights.values()) < 0:
        raise MixError(f"weights must be at least 0, and one of them above 0; got {text!r}")
    shares = {
        name: _DEFAULT[Surface(name)].model_copy(update={"share": weight / total}) for name, weight in weights.items()
    }
    return Mix(surfaces=shares)
