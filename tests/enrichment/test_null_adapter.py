from tidegate.enrichment.null_adapter import NullAccountFeatures
from tidegate.enrichment.port import AccountFeatures, SignalsRequest
from tidegate.features.refs import ACCOUNT_FEATURES
from tidegate.moderation.signals import Freshness, LookupStatus
from tidegate.moderation.tracing import TraceContext


async def test_every_account_is_unknown_and_every_value_missing() -> None:
    features: AccountFeatures = NullAccountFeatures()
    trace = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)
    answers = await features.lookup([SignalsRequest(name, 100, trace) for name in ("x", "y")])
    assert len(answers) == 2
    for signals in answers:
        assert (signals.status, signals.known) == (LookupStatus.OK, False)
        assert [value.name for value in signals.values] == [*ACCOUNT_FEATURES]
        assert {value.freshness for value in signals.values} == {Freshness.MISSING}
    assert await features.ready()
