"""All settings, and the only place where environment variables are read.

From mild to strong: the defaults here, a YAML file (`--config` or `TIDEGATE_CONFIG`), environment variables
(`TIDEGATE_GRPC__PORT=9100`). Unknown keys are refused. `tidegate check-config` checks without starting anything.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from tidegate.policy.wrong_fields import wrong_fields
from tidegate.serving.setting_sections import (
    BankSettings,
    BankStore,
    BatchingSettings,
    BudgetSettings,
    DetectorSettings,
    FeatureSettings,
    GrpcSettings,
    LedgerSettings,
    LedgerStore,
    LimitSettings,
    OnlineStore,
    ReplicaSettings,
    SignalSettings,
    SignalsKept,
    TelemetrySettings,
    Topology,
    TritonSettings,
)
from tidegate.serving.settings_file import SettingsError, from_file

__all__ = [
    "BankSettings",
    "BankStore",
    "BatchingSettings",
    "BudgetSettings",
    "DetectorSettings",
    "FeatureSettings",
    "GrpcSettings",
    "LedgerSettings",
    "LedgerStore",
    "LimitSettings",
    "OnlineStore",
    "ReplicaSettings",
    "Settings",
    "SettingsError",
    "SignalSettings",
    "SignalsKept",
    "TelemetrySettings",
    "Topology",
    "TritonSettings",
    "load_settings",
]

LEDGER_DSN = "TIDEGATE_LEDGER_DSN"
"""Variable with PostgreSQL's connection URI. Every process reads it for itself: it never travels with the settings."""
BANKS_DSN = "TIDEGATE_BANKS_DSN"
"""The same for the hash banks, where they are not in the ledger's database."""

OTLP_HTTP_PORT = 4318
"""OTLP over HTTP, as registered (OTLP specification, "Default Port")."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="TIDEGATE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        nested_model_default_partial_update=True,
    )

    state_dir: Path = Path(".tidegate")
    """Where the embedded stack keeps the ledger, the online store, traces, logs and its own state."""
    topology: Topology = Topology.DISTRIBUTED
    """How the stages are laid out over processes."""
    nearby_calls: bool = True
    """Whether routers ask stages of the same machine over Unix sockets, which costs less than by way of Serve. Serve
    does not count these calls: switch it off where Serve scales stages that share a machine with routers."""
    policies_dir: Path | None = None
    """Policy documents; None means those that come with Tidegate."""
    grpc: GrpcSettings = GrpcSettings()
    limits: LimitSettings = LimitSettings()
    budget: BudgetSettings = BudgetSettings()
    batching: BatchingSettings = BatchingSettings()
    detectors: DetectorSettings = DetectorSettings()
    triton: TritonSettings = TritonSettings()
    features: FeatureSettings = FeatureSettings()
    signals: SignalSettings = SignalSettings()
    ledger: LedgerSettings = LedgerSettings()
    banks: BankSettings = BankSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    replicas: ReplicaSettings = ReplicaSettings()

    def triton_trace_url(self) -> str | None:
        """Where Triton sends its spans, or None if nothing is traced."""
        if self.telemetry.triton_endpoint or not self.telemetry.endpoint:
            return self.telemetry.triton_endpoint
        target = urlsplit(self.telemetry.endpoint)
        return f"http://{target.hostname}:{OTLP_HTTP_PORT}/v1/traces"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: the file's values come in as init arguments."""
        return env_settings, init_settings

    @property
    def ledger_path(self) -> Path:
        """The SQLite ledger."""
        return self.state_dir / "ledger.db"

    @property
    def banks_path(self) -> Path:
        """The SQLite store of hash banks."""
        return self.state_dir / "banks.db"

    @property
    def features_dir(self) -> Path:
        """Feast's registry, SQLite online store and Parquet files."""
        return self.state_dir / "features"

    @property
    def events_path(self) -> Path:
        """The SQLite log of account events."""
        return self.state_dir / "events.db"

    @property
    def erasures_dir(self) -> Path:
        """Receipts of erased accounts."""
        return self.state_dir / "erasures"

    @property
    def reference_path(self) -> Path:
        """The distribution of account signals in training (`tidegate features reference`)."""
        return self.features_dir / "reference.json"

    @property
    def traces_path(self) -> Path:
        """Spans kept by the built-in receiver."""
        return self.state_dir / "traces.sqlite"

    def ledger_dsn(self) -> str:
        """PostgreSQL's connection URI: a secret.

        Raises:
            SettingsError: There is none, or its file can't be read.
        """
        found = _secret(LEDGER_DSN, self.ledger.dsn_file, key="ledger.dsn_file")
        if found is None:
            raise SettingsError(
                f"ledger.store is postgres, and no database is named: put its connection URI into {LEDGER_DSN}, or into"
                " a file that ledger.dsn_file names"
            )
        return found

    def banks_dsn(self) -> str:
        """The same for the hash banks: their own database, or else the ledger's.

        Raises:
            SettingsError: There is none, or its file can't be read.
        """
        own = _secret(BANKS_DSN, self.banks.dsn_file, key="banks.dsn_file")
        found = own or _secret(LEDGER_DSN, self.ledger.dsn_file, key="ledger.dsn_file")
        if found is None:
            raise SettingsError(
                f"banks.store is postgres, and no database is named: put its connection URI into {BANKS_DSN}, or into a"
                f" file that banks.dsn_file names; or name the ledger's ({LEDGER_DSN}, ledger.dsn_file) for both"
            )
        return found

    def payload(self) -> dict[str, Any]:
        """As plain data, to travel to Serve replicas."""
        return self.model_dump(mode="json")

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> "Settings":
        """From `payload()`, without reading the environment of the receiving process again.

        What it leaves out has its default: a payload may be written by hand, or by an older version.
        """
        defaults = cls.model_construct().payload()
        return cls.model_construct(**_Plain.model_validate(defaults | payload).__dict__)


class _Plain(BaseModel):
    """`Settings` without sources, to validate a payload as it is."""

    model_config = ConfigDict(extra="forbid")

    state_dir: Path
    topology: Topology
    nearby_calls: bool
    policies_dir: Path | None
    grpc: GrpcSettings
    limits: LimitSettings
    budget: BudgetSettings
    batching: BatchingSettings
    detectors: DetectorSettings
    triton: TritonSettings
    features: FeatureSettings
    signals: SignalSettings
    ledger: LedgerSettings
    banks: BankSettings
    telemetry: TelemetrySettings
    replicas: ReplicaSettings


def _secret(variable: str, path: Path | None, *, key: str) -> str | None:
    """A connection URI from the environment, or from a file; None if neither is there. Raises SettingsError."""
    if found := os.environ.get(variable, "").strip():
        return found
    if path is None:
        return None
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise SettingsError(f"{key}: {path}: can't be read: {told}") from error
    if not found:
        raise SettingsError(f"{key}: {path}: is empty; it must hold PostgreSQL's connection URI")
    return found


_SHAPES: dict[tuple[int | str, ...], str] = {
    ("detectors", "live"): 'must be names with one version each, such as {"text_harm": "3"}',
    ("detectors", "shadow"): 'must be names with lists of versions, such as {"text_harm": ["4"]}',
}
"""What a mapping must look like, in place of pydantic's words for anything wrong within it."""
_HINTS_AT: dict[tuple[int | str, ...], str] = {
    ("ledger", "dsn"): f": a secret is no setting; put it into {LEDGER_DSN}, or into a file that ledger.dsn_file names",
    ("banks", "dsn"): f": a secret is no setting; put it into {BANKS_DSN}, or into a file that banks.dsn_file names",
}
"""What to write instead, by key."""


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Reads file and environment.

    Args:
        config: YAML file; None means `TIDEGATE_CONFIG`, or no file.
        overrides: Values stronger than the file, by top-level key.

    Raises:
        SettingsError: With every wrong key and what is allowed.
    """
    path = config or (Path(os.environ["TIDEGATE_CONFIG"]) if os.environ.get("TIDEGATE_CONFIG") else None)
    try:
        settings = Settings(**{**from_file(path), **overrides})
    except SourceError as error:
        raise SettingsError(
            f"environment: {error}; a TIDEGATE_ variable that holds a list or a mapping is JSON, such as "
            """TIDEGATE_DETECTORS__LIVE='{"text_harm": "3"}' or TIDEGATE_DETECTORS__SHADOW='{"text_harm": ["4"]}'"""
        ) from error
    except ValidationError as error:
        problems = "; ".join(_told(key, message) for key, message in wrong_fields(error, Settings))
        raise SettingsError(problems) from error
    standard = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if standard and settings.telemetry.endpoint is None:
        telemetry = settings.telemetry.model_copy(update={"endpoint": standard})
        return settings.model_copy(update={"telemetry": telemetry})
    return settings


def _told(key: tuple[int | str, ...], message: str) -> str:
    """One mistake: which key, and what is allowed there."""
    said = f"unknown key{_HINTS_AT[key]}" if key in _HINTS_AT else _SHAPES.get(key[:2], message)
    return f"{'.'.join(map(str, key))}: {said}"
