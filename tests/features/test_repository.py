import stat
from pathlib import Path

import pytest

from tidegate.features.online import CONFIGURATION, OnlineChoice, OnlineKind
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.repository import RepositoryMissingError, open_repository, write_configuration


def ignore(_: str) -> None:
    pass


def test_a_repository_keeps_everything_in_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Feast resolves some relative paths against the working directory."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    apply(tmp_path / "state", OnlineChoice(), progress=ignore)
    assert not [*elsewhere.iterdir()]
    assert {path.name for path in (tmp_path / "state").iterdir()} >= {CONFIGURATION, "registry.db", "online.db"}


def test_what_is_registered_is_what_is_declared(tmp_path: Path) -> None:
    apply(tmp_path, OnlineChoice(), progress=ignore)
    store = open_repository(tmp_path)
    for view in ACCOUNT_SIGNALS_V2.views:
        applied = store.get_feature_view(view.name)
        assert applied.ttl == view.ttl
        assert applied.join_keys == ["account_id"]
        assert {field.name: field.tags["missing"] for field in applied.features} == {
            feature.name: feature.missing for feature in view.stored()
        }
    projections = store.get_feature_service("account_signals_v2").feature_view_projections
    assert [projection.name for projection in projections] == [
        "account_profile",
        "account_activity",
        "account_enforcement",
        "account_risk",
    ]


def test_applying_twice_changes_nothing(tmp_path: Path) -> None:
    apply(tmp_path, OnlineChoice(), progress=ignore)
    apply(tmp_path, OnlineChoice(), progress=ignore)
    store = open_repository(tmp_path)
    assert len(store.list_feature_views()) == 4
    assert len(store.list_entities()) == 1


def test_only_the_owner_may_read_the_configuration(tmp_path: Path) -> None:
    """A Redis address may hold a password."""
    write_configuration(tmp_path, OnlineChoice(OnlineKind.REDIS, "redis.example:6379,password=x"))
    assert stat.S_IMODE((tmp_path / CONFIGURATION).stat().st_mode) == 0o600


def test_a_password_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "abc")
    write_configuration(tmp_path, OnlineChoice(OnlineKind.REDIS, "redis.example:6379,password=${REDIS_PASSWORD}"))
    assert ",password=abc" in open_repository(tmp_path).config.online_store.connection_string
    assert "abc" not in (tmp_path / CONFIGURATION).read_text()


def test_every_call_to_redis_has_a_timeout(tmp_path: Path) -> None:
    write_configuration(tmp_path, OnlineChoice(OnlineKind.REDIS, "redis.example:6379"))
    connection = open_repository(tmp_path, redis_timeout_ms=250).config.online_store.connection_string
    assert connection == "redis.example:6379,socket_timeout=0.25,socket_connect_timeout=0.25"


def test_a_timeout_in_the_configuration_is_kept(tmp_path: Path) -> None:
    write_configuration(tmp_path, OnlineChoice(OnlineKind.REDIS, "redis.example:6379,socket_timeout=2"))
    connection = open_repository(tmp_path, redis_timeout_ms=250).config.online_store.connection_string
    assert connection == "redis.example:6379,socket_timeout=2,socket_connect_timeout=0.25"


@pytest.mark.parametrize("address", ["", "redis.example"])
def test_redis_without_an_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        OnlineChoice(OnlineKind.REDIS, address)


def test_a_directory_without_configuration_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(RepositoryMissingError):
        open_repository(tmp_path)
