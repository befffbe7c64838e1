"""The composition root: the only place where adapters are chosen and wired to ports."""

from collections.abc import Callable
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Tracer

from tidegate.detectors.port import TextDetectors
from tidegate.enrichment.port import AccountFeatures
from tidegate.ledger.port import DecisionLedger
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.models.catalogue import Modality, catalogue, select
from tidegate.pipeline.archive import PolicyArchive
from tidegate.pipeline.gather import Gatherer
from tidegate.pipeline.moderate import ModerationPipeline
from tidegate.pipeline.recording import RecordMaker
from tidegate.pipeline.stages import BatchedSignalsStage, BatchedTextStage
from tidegate.policy.loader import PolicySet, compile_document, load_policies
from tidegate.policy.markets import MARKETS
from tidegate.policy.problems import PolicyError, Problem
from tidegate.policy.vocabulary import installed_vocabulary
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.health import Readiness
from tidegate.serving.router import RouterParts
from tidegate.serving.servicer import ModerationServicer
from tidegate.serving.settings import Settings
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.setup import configure_tracing, tracer_of

PACKAGED_POLICIES = Path(__file__).resolve().parent.parent / "policies"


def tracing(settings: Settings, *, service: ServiceName) -> TracerProvider:
    """This process's tracing."""
    return configure_tracing(
        service_name=service,
        endpoint=settings.telemetry.endpoint,
        root_ratio=settings.telemetry.root_sampling_ratio,
    )


def policies(settings: Settings) -> PolicySet:
    """The policies in use.

    Raises:
        PolicyError: With every problem found; also if some surface has no live policy in some market.
    """
    directory = settings.policies_dir or PACKAGED_POLICIES
    loaded = load_policies(directory, vocabulary=installed_vocabulary())
    gaps = loaded.gaps()
    if gaps:
        raise PolicyError([Problem(str(directory), "surfaces", f"content would be undecided: {gap}") for gap in gaps])
    return loaded


def ledger(settings: Settings) -> DecisionLedger:
    """The decision ledger."""
    return SqliteLedger(settings.ledger_path, timeout_s=settings.ledger.timeout_ms / 1000.0)


def account_features(settings: Settings, tracer: Tracer) -> AccountFeatures:
    """The Feast online store. Imports Feast, which takes seconds, only where it is used."""
    from tidegate.enrichment.feast_adapter import FeastAccountFeatures  # noqa: PLC0415 - see the docstring
    from tidegate.enrichment.feast_reader import FeastReader  # noqa: PLC0415 - as above

    return FeastAccountFeatures(FeastReader(settings.features_dir), tracer=tracer)


def text_detectors(settings: Settings, tracer: Tracer) -> TextDetectors:
    """The text detectors on Triton."""
    from tidegate.detectors.triton_adapter import TritonTextDetectors  # noqa: PLC0415 - only where it is used

    return TritonTextDetectors(settings.triton.address, specs=select().of(modality=Modality.TEXT), tracer=tracer)


def detector_versions() -> Callable[[str], str]:
    """The live version of a detector by name."""
    versions = {spec.name: spec.version for spec in catalogue().values()}
    return lambda name: versions.get(name, "")


def router(
    settings: Settings,
    provider: TracerProvider,
    *,
    features: AccountFeatures,
    text: TextDetectors,
    records: DecisionLedger,
) -> RouterParts:
    """A router over these stages, local or remote, and this ledger."""
    tracer = tracer_of(provider)
    active = policies(settings)
    archive = PolicyArchive(records, active=active.documents(), compile_document=compile_document)
    batching = settings.batching
    gatherer = Gatherer(
        text=BatchedTextStage(text, max_batch=batching.text_max_batch, in_flight=batching.text_in_flight),
        signals=BatchedSignalsStage(
            features, max_batch=batching.features_max_batch, in_flight=batching.features_in_flight
        ),
        versions=detector_versions(),
        features_share=settings.budget.features_share,
        reserve_ms=settings.budget.reserve_ms,
    )
    pipeline = ModerationPipeline(
        policies=active,
        live_detectors=frozenset(catalogue()),
        gatherer=gatherer,
        ledger=records,
        archive=archive,
        records=RecordMaker(),
        tracer=tracer,
    )
    decoder = RequestDecoder(
        limits=settings.limits,
        budget=settings.budget,
        max_request_bytes=settings.grpc.max_request_bytes,
        markets=MARKETS,
    )
    servicer = ModerationServicer(
        pipeline=pipeline,
        ledger=records,
        archive=archive,
        decoder=decoder,
        tracer=tracer,
        stream_in_flight=settings.grpc.stream_in_flight,
    )
    readiness = Readiness(stages={"text": text.ready, "features": features.ready}, ledger=records.ready)
    return RouterParts(
        servicer=servicer, readiness=readiness, ledger=records, features=features, text=text, tracing=provider
    )
