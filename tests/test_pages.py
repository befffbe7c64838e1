"""Links between the pages of this repository lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {"build", "shared"}
"""Folders with pages that are not ours."""
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(
            page
            for folder in ROOT.iterdir()
            if folder.is_dir() and folder.name[0] != "." and folder.name not in ELSEWHERE
            for page in folder.rglob("*.md")
            if not any(part[0] == "." for part in page.relative_to(ROOT).parts)
        ),
    ]
)
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def targets(text: str) -> list[str]:
    """Where a page's links and pictures lead within the repository; not those that a template fills in."""
    prose = FENCED.sub("", text)
    found = re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)
    return [each.partition("#")[0] for each in found if not re.match(r"[a-z]+:|#|\$", each)]


def test_a_link_a_picture_and_what_is_no_link_are_told_apart() -> None:
    text = '[a](b/c.md#d) ![e](f.png) <img src="g.svg"> [h](https://i) [j](#k) [l]($m)\n```\n[n](o)\n```\n'
    assert targets(text) == ["b/c.md", "f.png", "g.svg"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [each for each in targets(page.read_text()) if not (page.parent / each).exists()] == []
