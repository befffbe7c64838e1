"""Settings: file and environment, unknown keys refused, safe defaults."""

import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tidegate.policy.problems import PolicyError
from tidegate.serving import composition
from tidegate.serving.settings import Settings, SettingsError, Topology, TritonSettings, load_settings


def _file(directory: Path, text: str) -> Path:
    path = directory / "tidegate.yaml"
    path.write_text(text)
    return path


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def test_defaults_need_no_file_and_no_environment() -> None:
    settings = load_settings()
    assert (settings.grpc.port, settings.topology) == (9000, Topology.DISTRIBUTED)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    settings = load_settings(_file(tmp_path, "grpc: {port: 9100}\ntopology: colocated\n"))
    assert (settings.grpc.port, settings.topology, settings.grpc.reflection) == (9100, Topology.COLOCATED, True)


def test_the_environment_is_stronger_than_the_file_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_GRPC__PORT", "9200")
    settings = load_settings(_file(tmp_path, "grpc: {port: 9100, reflection: false}\n"))
    assert (settings.grpc.port, settings.grpc.reflection) == (9200, False)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("grcp: {}", "grcp"),
        ("grpc: {prot: 1}", "grpc.prot"),
        ("grpc: {port: 0}", "grpc.port"),
        ("topology: sideways", "topology"),
        ("- a list", "mapping"),
        ("a: [", "YAML"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load_settings(_file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("signals: {keep_event_days: 402}", "signals.keep_event_days: unknown key; did you mean keep_events_days?"),
        ("grcp: {}", "grcp: unknown key; did you mean grpc?"),
        ("signals: {xyz: 1}", "signals.xyz: unknown key; allowed here: keep_events_days, max_ahead_s, "),
        ("signals: {keep_events_days: 30}", "signals.keep_events_days: must be at least 402 days, is 30"),
        ("ledger: {dsn: postgresql://u:secret@h/d}", "ledger.dsn: unknown key: a secret is no setting; put it into"),
    ],
)
def test_a_mistake_is_told_in_words_of_ours(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(_file(tmp_path, text))
    assert str(refused.value).startswith(told)
    assert "secret@" not in str(refused.value)


@pytest.mark.parametrize("section", [name for name, field in Settings.model_fields.items() if _is_section(field)])
def test_every_section_names_its_keys_to_who_writes_none_of_them(tmp_path: Path, section: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(_file(tmp_path, f"{section}: {{qqqqqqqqqqqq: 1}}"))
    keys = sorted(Settings.model_fields[section].annotation.model_fields)  # type: ignore[union-attr]  # a section
    assert str(refused.value) == f"{section}.qqqqqqqqqqqq: unknown key; allowed here: {', '.join(keys)}"


LIVE_SHAPE = 'must be names with one version each, such as {"text_harm": "3"}'
SHADOW_SHAPE = 'must be names with lists of versions, such as {"text_harm": ["4"]}'


@pytest.mark.parametrize(
    ("key", "shape", "value"),
    [
        ("shadow", SHADOW_SHAPE, '{"text_harm": "4"}'),
        ("shadow", SHADOW_SHAPE, '{"text_harm": 4}'),
        ("shadow", SHADOW_SHAPE, '{"text_harm": [4]}'),
        ("shadow", SHADOW_SHAPE, '{"text_harm": {"4": 1}}'),
        ("shadow", SHADOW_SHAPE, '["text_harm 2"]'),
        ("shadow", SHADOW_SHAPE, '"text_harm 2"'),
        ("live", LIVE_SHAPE, '{"text_harm": 3}'),
        ("live", LIVE_SHAPE, '{"text_harm": ["3"]}'),
        ("live", LIVE_SHAPE, '["text_harm 3"]'),
        ("live", LIVE_SHAPE, "3"),
    ],
)
def test_versions_of_a_wrong_shape_are_told_the_right_one(
    key: str, shape: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as from_file:
        load_settings(_file(tmp_path, f"detectors: {{{key}: {value}}}\n"))  # JSON is YAML
    monkeypatch.setenv(f"TIDEGATE_DETECTORS__{key.upper()}", value)
    with pytest.raises(SettingsError) as from_environment:
        load_settings()
    for refused in (str(from_file.value), str(from_environment.value)):
        assert refused.startswith(f"detectors.{key}")
        assert refused.endswith(f": {shape}")
        assert "tuple" not in refused


def test_the_shapes_that_are_told_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, shape in (("LIVE", LIVE_SHAPE), ("SHADOW", SHADOW_SHAPE)):
        monkeypatch.setenv(f"TIDEGATE_DETECTORS__{key}", shape.split("such as ")[1])
    detectors = load_settings().detectors
    assert (detectors.live, detectors.shadow) == ({"text_harm": "3"}, {"text_harm": ("4",)})
    monkeypatch.setenv("TIDEGATE_DETECTORS__SHADOW", "text_harm 4")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert """TIDEGATE_DETECTORS__SHADOW='{"text_harm": ["4"]}'""" in str(refused.value)
    assert """TIDEGATE_DETECTORS__LIVE='{"text_harm": "3"}'""" in str(refused.value)


def test_the_standard_otlp_variable_sends_everything_there_triton_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    settings = load_settings()
    assert settings.telemetry.endpoint == "http://collector:4317"
    assert settings.triton_trace_url() == "http://collector:4318/v1/traces"


def test_a_payload_travels_unchanged_and_ignores_the_receivers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(grpc={"port": 9300})
    monkeypatch.setenv("TIDEGATE_GRPC__PORT", "1")
    assert Settings.from_payload(settings.payload()) == settings


def test_what_a_payload_leaves_out_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A RayService that was deployed for an older version does not name what is new."""
    monkeypatch.setenv("TIDEGATE_GRPC__PORT", "1")
    assert Settings.from_payload({"topology": "colocated", "triton": {"managed": False}}) == Settings.from_payload(
        Settings.model_construct().payload()
    ).model_copy(update={"topology": Topology.COLOCATED, "triton": TritonSettings(managed=False)})


def test_a_variable_that_is_not_json_and_a_file_that_is_not_utf8_are_settings_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tidegate.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(path)
    monkeypatch.setenv("TIDEGATE_FEATURES", "{bad")
    with pytest.raises(SettingsError, match="features"):
        load_settings()


def test_policies_that_leave_a_surface_undecided_stop_the_start(tmp_path: Path) -> None:
    shutil.copy(composition.PACKAGED_POLICIES / "comments.yaml", tmp_path)
    with pytest.raises(PolicyError, match="profile"):
        composition.policies(load_settings(policies_dir=tmp_path))


def test_postgres_needs_a_database_and_says_where_to_name_it() -> None:
    settings = load_settings(ledger={"store": "postgres"})
    with pytest.raises(SettingsError, match=r"TIDEGATE_LEDGER_DSN.*ledger\.dsn_file"):
        settings.ledger_dsn()


def test_the_database_is_named_by_a_file_and_the_environment_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "dsn"
    secret.write_text(" postgresql://file/db\n")
    settings = load_settings(ledger={"store": "postgres", "dsn_file": secret})
    assert settings.ledger_dsn() == "postgresql://file/db"
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", "postgresql://environment/db")
    assert settings.ledger_dsn() == "postgresql://environment/db"
    assert "postgresql" not in str(settings.payload())


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), (b"\xff", "UTF-8"), (b" \n", "is empty")])
def test_a_file_that_names_no_database_is_told(tmp_path: Path, content: bytes | None, why: str) -> None:
    secret = tmp_path / "dsn"
    if content is not None:
        secret.write_bytes(content)
    settings = load_settings(ledger={"store": "postgres", "dsn_file": secret})
    with pytest.raises(SettingsError, match=why):
        settings.ledger_dsn()


def test_a_secret_among_the_settings_is_refused_with_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ledger\.dsn: .*TIDEGATE_LEDGER_DSN") as refused:
        load_settings(_file(tmp_path, "ledger: {dsn: 'postgresql://u:hush@h/d'}\n"))
    assert "hush" not in str(refused.value)


def test_the_production_settings_are_valid_and_name_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", "postgresql://somewhere/decisions")
    settings = load_settings(Path(composition.__file__).with_name("production.yaml"))
    assert (settings.features.online_store, settings.ledger.store) == ("redis", "postgres")
    assert settings.ledger_dsn() == "postgresql://somewhere/decisions"
