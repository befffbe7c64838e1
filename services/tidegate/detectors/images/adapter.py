"""Image detectors: the real adapter behind `ImageDetectors`.

Stands in the gather step, in front of the text detectors, which get the words that are found. Per image: decode once,
then every asked detector at the same time. An outage is data, and so is a file that can't be decoded.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.images.classifying import FrameClassifier
from tidegate.detectors.images.decoding import DecodedImage, UnreadableImageError, decode
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.images.looking import Finding, ImageDetector
from tidegate.detectors.images.matching import BankMatching, ImageMatcher
from tidegate.detectors.images.places import PatientThreads, Places
from tidegate.detectors.images.words import Reading, WordReader
from tidegate.detectors.inference import InferenceError, InferenceTimeoutError, ModelMismatchError, TensorServer
from tidegate.detectors.scoring import outage_of
from tidegate.detectors.triton_server import TritonModelServer
from tidegate.models.catalogue import DetectorSpec, Engine
from tidegate.models.packaged import PackagedFileError
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.recorder import Recorder
from tidegate.telemetry.spans import span

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Equal files of a batch, looked at once."""

    data: bytes
    detectors: tuple[str, ...]
    budget: Budget


class TritonImageDetectors:
    """Looks at images in batches: classifiers on a Triton server, words and known items in this process."""

    def __init__(
        self,
        address: str,
        *,
        specs: Sequence[DetectorSpec],
        tracer: Recorder,
        limits: ImageLimits | None = None,
        matcher: ImageMatcher | None = None,
        server: TensorServer | None = None,
    ) -> None:
        """Wires the adapter; connects to nothing and loads nothing yet.

        Args:
            address: Host and port of Triton's gRPC.
            specs: The live image detectors.
            tracer: Of this process.
            limits: What bounds memory and time.
            matcher: The banks of known items. Without it, `image_match` is not live here: who asks for it gets FAILED.
            server: In place of Triton, for tests.
        """
        self._limits = limits or ImageLimits()
        self._server = server or TritonModelServer(address)
        self._tracer = tracer
        self._decoding = PatientThreads("tidegate-image", threads=self._limits.decoding_threads)
        self._reading = PatientThreads("tidegate-words", threads=self._limits.reading_threads)
        self._held = Places(self._limits.images_at_a_time)
        made = (self._detector(spec, matcher) for spec in specs)
        self._detectors: dict[str, ImageDetector] = {one.spec.name: one for one in made if one is not None}
        self._failures: dict[str, str] = {}

    async def verify(self) -> None:
        """Checks that the server serves exactly the catalogue's models, and that packaged models are the catalogue's.

        Raises:
            ModelMismatchError: The server serves another model, version, tensor contract or other weights.
            InferenceError: It does not answer.
            PackagedFileError: A package is missing, or its file is another.
        """
        for detector in self._detectors.values():
            await detector.prepare()

    async def ready(self) -> bool:
        """See `ImageDetectors`. A server with other models than the catalogue's is not ready, and the log says why."""
        try:
            await self.verify()
        except (ModelMismatchError, PackagedFileError) as error:
            logger.error("image models do not match the catalogue", extra={"difference": str(error)})  # noqa: TRY400 - no stack
            return False
        except (InferenceError, TimeoutError, OSError) as error:
            logger.info("image detectors are not ready", extra={"error": str(error)})
            return False
        return True

    async def close(self) -> None:
        """See `ImageDetectors`."""
        self._decoding.close()
        self._reading.close()
        await self._server.close()

    async def inspect(self, batch: Sequence[ImageRequest]) -> Sequence[ImageFindings]:
        """See `ImageDetectors`. Equal files in a batch are looked at once, within the largest of their budgets."""
        if not batch:
            return []
        size = sum(len(request.data) for request in batch)
        with batch_span(
            self._tracer,
            SpanName.IMAGE_INSPECT,
            [request.trace for request in batch],
            attributes={Attribute.IMAGE_BYTES: size},
        ):
            asked = self._asked(batch)
            looks = await asyncio.gather(*(self._look(one) for one in asked))
            found = {one.data: look for one, look in zip(asked, looks, strict=True)}
        return [_findings(request, found[request.data]) for request in batch]

    def _asked(self, batch: Sequence[ImageRequest]) -> list[_Asked]:
        equal: dict[bytes, list[ImageRequest]] = {}
        for request in batch:
            equal.setdefault(request.data, []).append(request)
        return [
            _Asked(
                data,
                tuple(name for name in self._detectors if any(name in request.detectors for request in requests)),
                Budget.of_ms(max(request.budget_ms for request in requests)),
            )
            for data, requests in equal.items()
        ]

    async def _look(self, asked: _Asked) -> dict[str, Finding]:
        """Each asked detector's finding in one image."""
        if not asked.detectors:
            return {}
        try:
            async with self._held.one(asked.budget):
                with span(self._tracer, SpanName.IMAGE_DECODE):
                    image = await self._decoding.run(partial(decode, asked.data, self._limits), asked.budget)
                self._note("decoding", "")
                runs = (self._run(self._detectors[name], image, asked.budget) for name in asked.detectors)
                return dict(zip(asked.detectors, await asyncio.gather(*runs), strict=True))
        except TimeoutError:
            return self._outage(asked, DetectorStatus.TIMED_OUT)
        except UnreadableImageError:
            return self._outage(asked, DetectorStatus.UNREADABLE)
        except Exception as error:  # noqa: BLE001 - fan-out: one file must not spoil the batch, whatever a decoder does
            self._note("decoding", type(error).__name__)
            return self._outage(asked, DetectorStatus.FAILED)

    async def _run(self, detector: ImageDetector, image: DecodedImage, budget: Budget) -> Finding:
        spec = detector.spec
        try:
            finding = await detector.look(image, budget)
        except (TimeoutError, InferenceTimeoutError):
            return Finding(outage_of(spec, DetectorStatus.TIMED_OUT))
        except InferenceError as error:
            self._note(spec.name, str(error))
            return Finding(outage_of(spec, DetectorStatus.FAILED))
        except Exception as error:  # noqa: BLE001 - fan-out: one detector's failure is not the others'
            self._note(spec.name, type(error).__name__)
            return Finding(outage_of(spec, DetectorStatus.FAILED))
        self._note(spec.name, "")
        return finding if image.whole else finding.besides(DetectorStatus.UNREADABLE)

    def _outage(self, asked: _Asked, status: DetectorStatus) -> dict[str, Finding]:
        return {name: Finding(outage_of(self._detectors[name].spec, status)) for name in asked.detectors}

    def _detector(self, spec: DetectorSpec, matcher: ImageMatcher | None) -> ImageDetector | None:
        """What runs a detector: a model on the server, the banks, or the reader. None if it can't be run here."""
        if spec.engine is Engine.TRITON:
            return FrameClassifier(
                spec,
                server=self._server,
                threads=self._decoding,
                calls_at_a_time=self._limits.calls_at_a_time,
                tracer=self._tracer,
            )
        if not spec.open_labels:
            return Reading(spec, reader=WordReader(spec), threads=self._reading, tracer=self._tracer)
        if matcher is None:
            return None
        return BankMatching(spec, matcher=matcher, threads=self._decoding, tracer=self._tracer)

    def _note(self, what: str, failure: str) -> None:
        """Logs an outage when it begins, changes or ends, and not once per image."""
        former = self._failures.get(what, "")
        if failure == former:
            return
        self._failures[what] = failure
        if failure:
            logger.warning("image detector fails", extra={"detector": what, "error": failure})
        else:
            logger.warning("image detector works again", extra={"detector": what, "error": former})


def _findings(request: ImageRequest, found: dict[str, Finding]) -> ImageFindings:
    """The answer, with FAILED for a detector that is not live: asked for something unknown is an outage."""
    asked = [found.get(name) or Finding(DetectorScores(name, "", DetectorStatus.FAILED)) for name in request.detectors]
    scores = tuple(answer for finding in asked for answer in finding.answers())
    words = [found[name].words for name in request.detectors if name in found and found[name].words is not None]
    return ImageFindings(scores, words[0] if words else None)
