"""`image_match` in the image stage: encoded files in, a store that another adapter writes to, answers out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from tests.detectors.bank_pictures import Pixels, featureless, picture
from tests.detectors.image_samples import asking, encoded
from tests.detectors.scripted_images import ScriptedTensorServer
from tidegate.detectors.banks.bank import DEFAULT_BANK, Entry
from tidegate.detectors.banks.matcher import DETECTOR, VERSION, BankMatcher
from tidegate.detectors.banks.pdq import orientations
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.detectors.images.adapter import TritonImageDetectors
from tidegate.models.catalogue import LatencyClass, catalogue
from tidegate.moderation.detection import BankMatch, DetectorScores, DetectorStatus
from tidegate.telemetry.recorder import Recorder

BANK = DEFAULT_BANK.id
SPEC = catalogue()[DETECTOR]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "banks.db"


@pytest.fixture
async def stage(path: Path) -> AsyncIterator[TritonImageDetectors]:
    detectors = TritonImageDetectors(
        "127.0.0.1:1",
        specs=[SPEC],
        tracer=Recorder(),
        matcher=BankMatcher(SqliteBanks(path, timeout_s=0.2), poll_s=0.0),
        server=ScriptedTensorServer(),
    )
    yield detectors
    await detectors.close()


def png(pixels: Pixels) -> bytes:
    return encoded(Image.fromarray(pixels))


async def answer(stage: TritonImageDetectors, data: bytes) -> DetectorScores:
    (findings,) = await stage.inspect([asking(data, DETECTOR)])
    (scores,) = findings.scores
    return scores


def test_the_catalogue_knows_the_detector_as_it_answers() -> None:
    assert (SPEC.version, SPEC.labels, SPEC.open_labels, SPEC.latency_class) == (VERSION, (), True, LatencyClass.CHEAP)


async def test_a_file_is_matched_from_when_its_picture_is_known_until_it_is_not(
    stage: TritonImageDetectors, path: Path
) -> None:
    """The writer has an adapter of its own, as the router has, in another process."""
    writer = SqliteBanks(path)
    data = png(picture(1))
    assert (await answer(stage, data)).scores == {BANK: 0.0}
    writer.add(BANK, [Entry("k", orientations(picture(1)))])
    known = await answer(stage, data)
    assert (known.status, known.scores, known.severities) == (DetectorStatus.OK, {BANK: 1.0}, {BANK: 7})
    assert known.matches == (BankMatch(BANK, "k", 0, allowed=False),)
    assert (await answer(stage, png(picture(2)))).scores == {BANK: 0.0}
    assert (await answer(stage, png(featureless()))).scores == {BANK: 0.0}
    writer.remove(BANK, ["k"])
    assert (await answer(stage, data)).scores == {BANK: 0.0}


async def test_a_damaged_store_is_failed_and_not_clean(stage: TritonImageDetectors, path: Path) -> None:
    SqliteBanks(path).banks()
    _damage(path)
    assert (await answer(stage, png(picture(1)))).status is DetectorStatus.FAILED


def _damage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
