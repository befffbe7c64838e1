"""The adapter over scripted stand-ins, and pictures to ask it about."""

from dataclasses import replace

from tests.detectors.image_samples import encoded, picture
from tests.detectors.scripted_images import KnownColours, ScriptedTensorServer
from tidegate.detectors.images.adapter import TritonImageDetectors
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.images.matching import ImageMatcher
from tidegate.models.catalogue import DetectorSpec, Engine, specification
from tidegate.telemetry.recorder import Recorder

UNSAFE = specification("image_unsafe", "1")
TEXT = specification("image_text", "1")
MATCH = replace(
    UNSAFE, name="image_match", engine=Engine.PROCESS, labels=(), open_labels=True, inputs=(), output=None, packages=()
)
PICTURE = encoded(picture())
NAMES = ("image_unsafe", "image_match")


def stage(
    server: ScriptedTensorServer | None = None,
    *,
    specs: tuple[DetectorSpec, ...] = (UNSAFE, MATCH, TEXT),
    limits: ImageLimits | None = None,
    matcher: ImageMatcher | None = None,
    tracer: Recorder | None = None,
) -> TritonImageDetectors:
    return TritonImageDetectors(
        "127.0.0.1:1",
        specs=specs,
        tracer=tracer or Recorder(),
        limits=limits,
        matcher=matcher or KnownColours({"bank": (0, 0, 0)}),
        server=server or ScriptedTensorServer(),
    )
