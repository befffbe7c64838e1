"""What the frames of an animation come to: the highest score, every known picture, and what was not looked at."""

import pytest

from tests.detectors.image_samples import animation, asking
from tests.detectors.image_stage import NAMES, stage
from tests.detectors.scripted_images import KnownColours, ScriptedTensorServer, redness
from tidegate.detectors.images.decoding import Pixels
from tidegate.detectors.images.limits import ImageLimits
from tidegate.moderation.detection import DetectorScores, DetectorStatus


async def test_of_an_animation_the_highest_frame_counts() -> None:
    server = ScriptedTensorServer(redness)
    calm, alarming = ["#000000", "#000010", "#000020"], ["#000000", "#ff0000", "#000020"]
    banks = KnownColours({"red": (254, 0, 0)})
    still, moving = await stage(server, matcher=banks).inspect(
        [asking(animation(calm), *NAMES), asking(animation(alarming), *NAMES)]
    )
    assert moving.scores[0].scores["adult"] > still.scores[0].scores["adult"]
    assert [one.bank for one in moving.scores[1].matches] == ["red"]
    assert not still.scores[1].matches
    assert {call.tensors[0].shape for call in server.calls} == {(3, 224, 224, 3)}


class FailingOnce(KnownColours):
    """Banks that can't be read while one frame is compared."""

    failing_at: int = 0
    compared: int = 0

    def answer(self, pixels: Pixels) -> DetectorScores:
        self.compared += 1
        if self.compared - 1 == self.failing_at:
            return DetectorScores("image_match", "1", DetectorStatus.FAILED)
        return super().answer(pixels)


@pytest.mark.parametrize("failing_at", [0, 1, 2])
async def test_a_frame_that_was_not_compared_is_told_beside_those_that_were(failing_at: int) -> None:
    """The frame that was missed may be the known one, whatever the others are."""
    banks = FailingOnce({"blue": (0, 0, 254)})
    banks.failing_at = failing_at
    calm = animation(["#000000", "#400000", "#004000"])
    (found,) = await stage(matcher=banks).inspect([asking(calm, "image_match")])
    assert [one.status for one in found.scores] == [DetectorStatus.OK, DetectorStatus.FAILED]
    assert found.scores[0].scores == {"blue": 0.0}
    assert not found.scores[1].scores


async def test_a_known_frame_counts_although_another_was_not_compared() -> None:
    banks = FailingOnce({"blue": (0, 0, 254)})
    (found,) = await stage(matcher=banks).inspect([asking(animation(["#000000", "#0000ff"]), "image_match")])
    assert [(one.status, dict(one.scores)) for one in found.scores] == [
        (DetectorStatus.OK, {"blue": 1.0}),
        (DetectorStatus.FAILED, {}),
    ]


async def test_if_no_frame_was_compared_there_is_one_outage_and_no_score() -> None:
    banks = FailingOnce({"blue": (0, 0, 254)})
    (found,) = await stage(matcher=banks).inspect([asking(animation(["#0000ff"]), "image_match")])
    assert [one.status for one in found.scores] == [DetectorStatus.FAILED]


async def test_frames_known_to_different_banks_count_for_each_of_them() -> None:
    banks = KnownColours({"red": (254, 0, 0), "blue": (0, 0, 254), "green": (0, 254, 0)})
    (found,) = await stage(matcher=banks).inspect([asking(animation(["#ff0000", "#0000ff"]), "image_match")])
    (scores,) = found.scores
    assert scores.scores == {"red": 1.0, "blue": 1.0, "green": 0.0}
    assert scores.severities == {"red": 7, "blue": 7, "green": 0}
    assert {one.bank for one in scores.matches} == {"red", "blue"}


async def test_what_is_beyond_the_bound_of_an_animation_is_unreadable_beside_what_was_seen() -> None:
    colours, within = ["#000000", "#000040", "#ff0000"], ImageLimits(max_animation_pixels=2 * 60 * 50)
    banks = KnownColours({"red": (254, 0, 0)})
    names = (*NAMES, "image_text")
    (whole,) = await stage(matcher=banks).inspect([asking(animation(colours), *names)])
    (cut,) = await stage(matcher=banks, limits=within).inspect([asking(animation(colours), *names)])
    ok, nothing, unreadable = DetectorStatus.OK, DetectorStatus.NO_CONTENT, DetectorStatus.UNREADABLE
    assert [one.status for one in whole.scores] == [ok, ok, nothing]
    assert [(one.detector, one.status) for one in cut.scores] == [
        ("image_unsafe", ok),
        ("image_unsafe", unreadable),
        ("image_match", ok),
        ("image_match", unreadable),
        ("image_text", nothing),
        ("image_text", unreadable),
    ]
    assert cut.scores[2].scores == {"red": 0.0}
