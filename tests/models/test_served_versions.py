"""Which detector versions Triton is told to serve."""

from dataclasses import replace
from pathlib import Path

import pytest

from tidegate.models.catalogue import Engine
from tidegate.models.runtime.__main__ import main
from tidegate.models.runtime.preparation import Workplace, served
from tidegate.models.selection import Selection, select
from tidegate.models.serving_profile import ProfileName

HARM = select().live["text_harm"]
TRIED = replace(HARM, version="99")
PLACE = Workplace(Path("/nowhere"))


def test_shadows_are_served_beside_what_is_live_and_what_runs_elsewhere_is_not() -> None:
    here = replace(HARM, name="text_here", engine=Engine.PROCESS)
    chosen = Selection({"text_harm": HARM, "text_here": here}, (TRIED,))
    assert [(spec.name, spec.version) for spec in served(chosen)] == [("text_harm", HARM.version), ("text_harm", "99")]


def test_each_selection_has_a_repository_of_its_own_so_that_a_restart_finds_it() -> None:
    usual = PLACE.repository(ProfileName.CPU, select())
    with_shadow = PLACE.repository(ProfileName.CPU, Selection(select().live, (TRIED,)))
    assert usual.name == "cpu"
    assert with_shadow != usual
    assert with_shadow == PLACE.repository(ProfileName.CPU, Selection(select().live, (TRIED,)))


@pytest.mark.parametrize("flag", ["--live", "--shadow"])
def test_a_version_that_does_not_exist_ends_the_command_with_those_that_do(
    flag: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["--root", str(tmp_path), "prepare", f"{flag}=text_harm=77"]) == 1
    assert "there is no text_harm 77; known: text_harm" in capsys.readouterr().out
