"""Which detector versions decide and which are tried out, as settings."""

import pytest

from tidegate.models.selection import select
from tidegate.serving import composition
from tidegate.serving.app import application
from tidegate.serving.settings import SettingsError, load_settings

LIVE = select().live["text_harm"].version


@pytest.mark.parametrize(
    ("detectors", "problem"),
    [
        ({"live": {"text_harm": "77"}}, "there is no text_harm 77; known: "),
        ({"shadow": {"text_nonesuch": ["1"]}}, "there is no text_nonesuch 1"),
        ({"shadow": {"text_harm": [LIVE]}}, "both live and in shadow"),
    ],
)
def test_versions_that_do_not_exist_or_decide_already_are_refused_before_anything_starts(
    detectors: dict[str, object], problem: str
) -> None:
    settings = load_settings(detectors=detectors)
    for start in (composition.selection, composition.policies, application):
        with pytest.raises(SettingsError, match=problem):
            start(settings)


def test_without_a_word_the_catalogue_decides() -> None:
    chosen = composition.selection(load_settings())
    assert dict(chosen.live) == dict(select().live)
    assert chosen.shadow == ()


def test_the_settings_name_the_versions_that_triton_has_to_serve() -> None:
    settings = load_settings(detectors={"live": {"text_harm": "1"}, "shadow": {"text_harm": ["2", "3"]}})
    assert settings.detectors.runtime_arguments() == [
        "--live=text_harm=1",
        "--shadow=text_harm=2",
        "--shadow=text_harm=3",
    ]


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_DETECTORS__LIVE", '{"text_harm": "1"}')
    assert load_settings().detectors.live == {"text_harm": "1"}
