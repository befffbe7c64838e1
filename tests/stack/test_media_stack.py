"""Images and audio through a whole running stack: real decoders, real models on Triton and beside it."""

from pathlib import Path
from typing import Any

import pytest

from tests.detectors.image_samples import encoded, lettering, picture
from tests.detectors.spoken import spoken
from tests.stack.running import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # whole stacks start within

_PATIENT = ("--account", "acct-trusted", "--budget-ms", "30000", "--json")


def _runs(decision: dict[str, Any], part: str) -> dict[str, dict[str, Any]]:
    return {run["name"]: run for run in decision["detectors"] if run["part"] == part}


def test_an_ordinary_picture_without_words_is_looked_at_and_published(stack: Stack, tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    cover.write_bytes(encoded(picture()))
    decision = stack.json("moderate", "--image", str(cover), "--surface", "playlist", *_PATIENT)
    runs = _runs(decision, "image")
    assert (decision["action"], decision["completeness"]) == ("ALLOW", "COMPLETE")
    assert runs["image_unsafe"]["status"] == "OK"
    assert 0 <= runs["image_unsafe"]["scores"]["adult"] < 0.5
    assert runs["text_harm"]["status"] == "NO_CONTENT"
    assert "images" in decision["hops"]


def test_words_in_a_picture_are_decided_on(stack: Stack, tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.jpg"
    first.write_bytes(encoded(lettering("a lovely song")))
    second.write_bytes(encoded(lettering("I will find\nyou and hurt\nyou"), "JPEG"))
    decision = stack.json("moderate", "--image", str(first), "--image", str(second), *_PATIENT)
    assert decision["action"] == "BLOCK"
    assert {violation["part"] for violation in decision["violations"] if violation["value"] == "TRUE"} == {"image-2"}
    assert _runs(decision, "image")["text_harm"]["scores"]["threat"] < 0.5


def test_a_clip_is_heard_within_its_budget_or_found_done_when_asked_again(stack: Stack, tmp_path: Path) -> None:
    clip = tmp_path / "clip.flac"
    clip.write_bytes(spoken("flac"))
    found: list[dict[str, Any]] = []

    def heard() -> bool:
        found.append(stack.json("moderate", "--audio", str(clip), "--surface", "podcast_episode", *_PATIENT))
        return bool(_runs(found[-1], "audio")["audio_speech"]["status"] != "PENDING")

    assert eventually(heard, timeout_s=200)
    runs = _runs(found[-1], "audio")
    assert (runs["audio_speech"]["status"], runs["text_harm"]["status"]) == ("OK", "OK")
    moment = runs["text_harm"]["moments"]["hate"]
    assert 0 <= moment["start_ms"] < moment["end_ms"] <= 11_000
    assert found[-1]["completeness"] == "COMPLETE"
    earlier = [run["status"] for one in found[:-1] for run in one["detectors"]]
    assert set(earlier) <= {"PENDING"}


def test_decisions_on_images_and_audio_replay_without_difference(stack: Stack) -> None:
    assert stack.json("replay", "--json")["differences"] == []


def test_a_picture_put_into_a_bank_is_blocked_from_then_on_and_spares_dear_detectors(
    stack: Stack, tmp_path: Path
) -> None:
    cover = tmp_path / "cover.png"
    cover.write_bytes(encoded(picture(seed=77)))
    arguments = ("moderate", "--image", str(cover), "--text", "a lovely song", "--surface", "playlist", *_PATIENT)
    before = stack.json(*arguments)
    added = stack.run("banks", "add", "known_violations", "--id", "item-7", str(cover))
    assert added.returncode == 0, added.stderr
    found: list[dict[str, Any]] = []

    def blocked() -> bool:
        found.append(stack.json(*arguments))
        return bool(found[-1]["action"] == "BLOCK")

    assert before["action"] == "ALLOW"
    assert eventually(blocked, timeout_s=60)
    runs = _runs(found[-1], "image")
    assert [violation["rule"] for violation in found[-1]["violations"]] == ["known_picture"]
    assert (runs["image_match"]["matches"][0]["entry"], runs["image_match"]["matches"][0]["distance"]) == ("item-7", 0)
    assert {runs[name]["status"] for name in ("image_unsafe", "image_text", "text_harm")} == {"SKIPPED"}
    assert found[-1]["completeness"] == "COMPLETE"
    assert stack.json("replay", "--json")["differences"] == []
