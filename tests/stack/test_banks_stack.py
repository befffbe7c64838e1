"""A known picture in a whole running stack: added by command, blocked by policy, and no more once it is removed."""

from pathlib import Path

import pytest
from PIL import Image

from tests.detectors.bank_pictures import picture
from tests.stack.running import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # whole stacks start within

_BANK = "known_violations"
_SEEN_WITHIN_S = 30.0
"""Every process follows a change within a second; a moderation on a busy machine takes longer than that."""


def test_a_picture_is_blocked_from_when_it_is_known_until_it_is_not(stack: Stack, tmp_path: Path) -> None:
    cover, copy = tmp_path / "cover.png", tmp_path / "copy.jpg"
    known = Image.fromarray(picture(7))
    known.save(cover)
    known.resize((200, 150)).rotate(90, expand=True).save(copy, quality=60)

    def matched() -> bool:
        decision = stack.json(
            "moderate", "--image", str(copy), "--account", "acct-trusted", "--budget-ms", "30000", "--json"
        )
        (run,) = [run for run in decision["detectors"] if run["name"] == "image_match"]
        assert (run["status"], list(run["scores"])) == ("OK", [_BANK])
        blocked: bool = decision["action"] == "BLOCK"
        assert blocked == bool(run["matches"]) == (run["scores"][_BANK] == 1.0)
        return blocked

    assert not matched()
    assert stack.json("banks", "add", _BANK, str(cover), "--json")["added"] == 1
    try:
        assert eventually(matched, timeout_s=_SEEN_WITHIN_S)
        assert stack.json("banks", "match", str(copy), "--json")["matched_banks"] == [_BANK]
    finally:
        assert stack.json("banks", "remove", _BANK, "cover.png", "--json")["removed"] == 1
    assert eventually(lambda: not matched(), timeout_s=_SEEN_WITHIN_S)
