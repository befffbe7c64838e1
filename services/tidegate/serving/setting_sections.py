"""The sections of the settings, with their defaults. `settings.py` reads them from file and environment."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tidegate.features.retention.period import require_days

CHECKOUT = Path(__file__).resolve().parents[3]
"""The folder with `requirements/`, where this is installed from a checkout."""


class Topology(StrEnum):
    """How the stages are laid out over processes."""

    DISTRIBUTED = "distributed"
    """Account lookup, text, images and speech are Serve deployments of their own."""
    COLOCATED = "colocated"
    """All stages inside the router's replica."""


class OnlineStore(StrEnum):
    """Where Feast keeps online features."""

    SQLITE = "sqlite"
    REDIS = "redis"


class LedgerStore(StrEnum):
    """Where decisions are recorded."""

    SQLITE = "sqlite"
    """A file, for the routers of one machine."""
    POSTGRES = "postgres"
    """A PostgreSQL database, for routers on many machines."""


class BankStore(StrEnum):
    """Where hash banks are kept."""

    SQLITE = "sqlite"
    """A file, for the processes of one machine."""
    POSTGRES = "postgres"
    """A PostgreSQL database, for routers and image stages on many machines."""


class Section(BaseModel):
    """A part of the settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class GrpcSettings(Section):
    """The public gRPC endpoint."""

    port: int = Field(9000, ge=1, le=65535)
    """The one stable port."""
    reflection: bool = True
    """Answers gRPC server reflection, for grpcurl and the like. Switch it off where the contract is not public."""
    max_request_bytes: int = Field(16 * 1024 * 1024, ge=1024)
    """Largest request; more is refused with RESOURCE_EXHAUSTED."""
    stream_in_flight: int = Field(64, ge=1)
    """Most items of one stream under way; beyond it the stream is not read, which slows the sender."""
    max_under_way: int = Field(48, ge=1)
    """Most requests that one router works on at a time, unary calls and items of streams together; fewer, while work
    takes too much of budgets and fewer at a time make it quicker."""
    max_waiting: int = Field(128, ge=0)
    """Most unary calls that wait for one of these places; more are refused with RESOURCE_EXHAUSTED and a retry hint."""
    draining_s: float = Field(30, ge=0)
    """Seconds for which a router that is stopped goes on taking requests, while every proxy takes it out. Ray must be
    told the same by `RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S`; `tidegate up` does so, and takes 1 s."""


class LimitSettings(Section):
    """What one request may hold."""

    max_text_characters: int = Field(20_000, ge=1)
    """Longest text of a part, and of all segments of a transcript together."""
    max_image_bytes: int = Field(12 * 1024 * 1024, ge=1)
    """Largest image file."""
    max_image_pixels: int = Field(40_000_000, ge=1)
    """Largest image, width times height."""
    max_audio_bytes: int = Field(15 * 1024 * 1024, ge=1)
    """Largest audio file. `grpc.max_request_bytes` bounds it too."""
    max_audio_seconds: float = Field(7_200, gt=0)
    """Longest audio that is transcribed; longer is UNREADABLE, which no policy takes for clean."""


class BudgetSettings(Section):
    """Time, in milliseconds."""

    default_ms: float = Field(1_000, gt=0)
    """A request's budget if it names none."""
    max_ms: float = Field(30_000, gt=0)
    """The most a request gets."""
    features_share: float = Field(0.5, gt=0, le=1)
    """Share of the budget that the lookup of account signals may take: a store that hangs must not cost all of it."""
    reading_share: float = Field(0.8, gt=0, le=1)
    """Share of the budget that images and speech may take where their words are scored afterwards."""
    settling_share: float = Field(0.3, gt=0, le=1)
    """Share of the budget that is waited for detectors that may settle an item, before dearer ones start anyway."""
    reserve_ms: float = Field(10, ge=0)
    """Kept back from the budget for deciding and recording."""
    shadow_grace_ms: float = Field(20, ge=0)
    """The longest that a decision waits for detector versions in shadow, once everything else is there."""


class BatchingSettings(Section):
    """Greedy micro-batching in front of each stage."""

    text_max_batch: int = Field(32, ge=1)
    """Most texts in a batch."""
    text_in_flight: int = Field(2, ge=1)
    """Most text batches under way for one router replica."""
    text_cache_entries: int = Field(20_000, ge=0)
    """Texts whose scores a router remembers, as digests, about 1 KiB each; 0 remembers none."""
    images_max_batch: int = Field(8, ge=1)
    """Most images in a batch."""
    images_in_flight: int = Field(2, ge=1)
    """Most image batches under way for one router replica."""
    speech_in_flight: int = Field(8, ge=1)
    """Most clips under way for one router replica."""
    features_max_batch: int = Field(64, ge=1)
    """Most lookups in a batch."""
    features_in_flight: int = Field(2, ge=1)
    """Most lookup batches under way for one router replica."""


class DetectorSettings(Section):
    """Which versions of detectors decide, and which are tried out beside them."""

    live: dict[str, str] = {}
    """Version by name; the catalogue's own choice where not named."""
    shadow: dict[str, tuple[str, ...]] = {}
    """Versions by name, of text detectors. They are recorded, and invisible to policies."""

    def runtime_arguments(self) -> list[str]:
        """The same for the command that prepares and runs Triton."""
        live = [f"--live={name}={version}" for name, version in self.live.items()]
        return live + [f"--shadow={name}={version}" for name, versions in self.shadow.items() for version in versions]


class TritonSettings(Section):
    """The Triton server that runs the models."""

    address: str = "127.0.0.1:8001"
    """host:port of its gRPC endpoint. `tidegate up` starts one and overrides this, unless `managed` is false."""
    managed: bool = True
    """Whether `tidegate up` starts and watches a Triton of its own."""
    root: Path = CHECKOUT
    """Where Triton's environment and the model repository are built; by default the checkout."""


class SignalsKept(StrEnum):
    """Which account signals an item is decided, recorded and answered with."""

    POLICIES = "policies"
    """Those that its policies read, live and shadow."""
    ALL = "all"
    """Every declared one: for trying out policies that read others on recorded decisions, at twice the cost."""


class FeatureSettings(Section):
    """The Feast online store."""

    online_store: OnlineStore = OnlineStore.SQLITE
    """SQLite for one machine, Redis for several."""
    redis_address: str = "127.0.0.1:6379"
    """host:port, if Redis is the store; after it what else Feast's `connection_string` takes, such as
    `,ssl=true,ssl_ca_certs=FILE`."""
    demo_accounts: int = Field(2_000, ge=0)
    """Accounts that `tidegate up` generates if the store holds none; 0 generates none."""
    kept: SignalsKept = SignalsKept.POLICIES
    """Which signals are read, decided with, recorded and answered."""


class SignalSettings(Section):
    """Events of accounts, from which their signals are computed."""

    max_lateness_days: float = Field(7, gt=0, le=365)
    """What happened longer ago is refused, unless the call says that it is a backfill."""
    max_ahead_s: float = Field(300, ge=0, le=3_600)
    """How far a sender's clock may be ahead; further is refused."""
    timeout_ms: float = Field(5_000, gt=0)
    """Longest wait for another process that writes the event log."""
    keep_events_days: Annotated[int, Field(le=365_000), AfterValidator(require_days)] | None = None
    """Days that events are kept which signals read furthest back; others go that much earlier (`features/retention`).
    None keeps all."""


class LedgerSettings(Section):
    """The decision ledger."""

    store: LedgerStore = LedgerStore.SQLITE
    """SQLite for one machine, PostgreSQL for several."""
    dsn_file: Path | None = None
    """File that holds PostgreSQL's connection URI, such as a mounted secret. The variable `TIDEGATE_LEDGER_DSN` goes
    before it. The URI is no setting itself: settings are printed, kept and handed on, and it may hold a password."""
    timeout_ms: float = Field(2_000, gt=0)
    """Longest wait until a decision is durable; past it the request ends UNAVAILABLE."""


class BankSettings(Section):
    """The banks of known pictures that `image_match` compares with."""

    store: BankStore = BankStore.SQLITE
    """SQLite for one machine, PostgreSQL for several."""
    dsn_file: Path | None = None
    """File that holds PostgreSQL's connection URI, such as a mounted secret. The variable `TIDEGATE_BANKS_DSN` goes
    before it. Without both, the banks are in the ledger's database, where one is named (`ledger.dsn_file`)."""
    timeout_ms: float = Field(2_000, gt=0)
    """Longest wait for PostgreSQL, for each step of a call. Pictures wait a quarter of a second at most."""
    max_age_s: float = Field(60, ge=0)
    """How long pictures are compared with what was read while PostgreSQL does not answer. Past it, `image_match` is
    FAILED, which no policy takes for clean. 0 is at once, as with SQLite."""


class TelemetrySettings(Section):
    """Traces and metrics."""

    endpoint: str | None = None
    """OTLP gRPC endpoint, for example `http://collector:4317`. None means the built-in receiver."""
    triton_endpoint: str | None = None
    """OTLP over HTTP for Triton, which speaks nothing else: `http://collector:4318/v1/traces`. None means port 4318 of
    `endpoint`'s host."""
    metrics_port: int = Field(0, ge=0, le=65535)
    """Port of 127.0.0.1 on which the built-in receiver shows metrics at `/metrics`; 0 takes a free one, which
    `tidegate status` names. Unused with an `endpoint`."""
    root_sampling_ratio: float = Field(1.0, ge=0, le=1)
    """Share of requests without a `traceparent` that are traced. A caller's own flag is always kept."""


class ReplicaSettings(Section):
    """Serve replicas by deployment."""

    router: int = Field(1, ge=1)
    """ModerationRouter. If colocated, as many as it may use cores, since an interpreter uses one; each transcribes for
    itself then, so audio that is asked for again may be PENDING again."""
    features: int = Field(1, ge=1)
    """FeatureLookup; unused if colocated."""
    text: int = Field(1, ge=1)
    """TextDetectors; unused if colocated."""
    images: int = Field(1, ge=1)
    """ImageDetectors; unused if colocated."""
    speech: int = Field(1, ge=1)
    """SpeechDetectors; unused if colocated. Each keeps its own results of audio that is still being transcribed."""
