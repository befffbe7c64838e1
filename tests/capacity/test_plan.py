"""The plan: by hand for one demand, by laws for any."""

import inspect
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.capacity.connections import READERS
from tidegate.capacity.costs import REQUIRED, Calls, Topology
from tidegate.capacity.costs_file import SHIPPED, read_costs
from tidegate.capacity.demand import Demand, DemandError
from tidegate.capacity.mix import Mix, SurfaceMix
from tidegate.capacity.need import DeploymentNeed, Need, Plan
from tidegate.capacity.plan import planned
from tidegate.capacity.storage import EVENT, EXPORTED, GAPS, GIB, REWRITTEN, REWRITTEN_BYTES_PER_S
from tidegate.ledger.postgres_adapter import PostgresLedger

CHECKOUT = Path(__file__).parents[2]
COSTS = read_costs(SHIPPED)
TEXTS = Mix(surfaces={"comment": SurfaceMix(share=1)})


def plan(items_per_second: float, **asked: object) -> Plan:
    return planned(Demand.of(items_per_second=items_per_second, **({"mix": TEXTS} | asked)), COSTS)


def deployment(made: Plan, name: str) -> DeploymentNeed:
    return next(each for each in made.deployments if each.name == name)


def need(made: Plan, section: str, what: str) -> Need:
    return next(each for each in made.needs if (each.section, each.what) == (section, what))


def value(name: str) -> float:
    return COSTS[name].value


def test_routers_by_hand() -> None:
    """1,000 items/s of so many ms keep so many cores busy; at 50 % twice as many are needed."""
    cores = 1_000 * value("distributed.unary.router_ms") / 1e3
    made = deployment(plan(1_000, utilisation=0.5), "ModerationRouter")
    assert made.busy_cores == pytest.approx(cores)
    assert made.replicas == math.ceil(2 * cores)


def test_every_text_passes_every_detector_unless_it_was_scored_before() -> None:
    both = value("distributed.unary.triton.text_harm_ms") + value("distributed.unary.triton.text_spam_ms")
    assert deployment(plan(2_000), "Triton on CPU").busy_cores == pytest.approx(2 * both)
    half = TEXTS.model_copy(update={"repeated_texts": 0.5})
    assert deployment(plan(2_000, mix=half), "Triton on CPU").busy_cores == pytest.approx(both)


def test_audio_by_hand() -> None:
    """10 clips of 60 s a second; their words are pieces of 400 characters for the text detectors."""
    clips = Mix(surfaces={"podcast_episode": SurfaceMix(share=1, texts=0, audio=1)}, audio_seconds=60)
    made = plan(10, mix=clips)
    assert deployment(made, "SpeechDetectors").busy_cores == pytest.approx(600 * value("speech.cpu_s_per_audio_s"))
    pieces = 600 * 2.5 * 6 / 400
    scored = deployment(made, "TextDetectors").work[0].per_second
    assert scored == pytest.approx(pieces)


def test_storage_by_hand() -> None:
    made = plan(1_000, accounts=1e6, retention_days=100, mean_share=0.5)
    each = value("redis.bytes_per_account") + value("redis.slot_bytes_per_account")
    assert need(made, "Redis", "data").amount == pytest.approx(1e6 * each / 2**30)
    growth_tb = 1_000 * 0.5 * 86_400 * value("ledger.bytes_per_decision") / 1e12
    assert need(made, "Ledger", "growth").amount == pytest.approx(growth_tb)
    assert need(made, "Ledger", "kept").amount == pytest.approx(100 * growth_tb)


def erasures(made: Plan) -> list[str]:
    return [each for each in made.limits if each.startswith("`tidegate account erase`")]


def volumes(made: Plan) -> list[str]:
    """What is said of volumes that are too small for what is kept on them."""
    return [each for each in made.limits if each not in erasures(made) and "old decisions" not in each]


def test_the_ledger_is_one_server_as_measured() -> None:
    """100,000 items/s are far beyond it; so are the connections of their routers."""
    servers = math.ceil(100_000 / (value("ledger.appends_per_s") * 0.6))
    made = plan(100_000)
    assert need(made, "Ledger", "PostgreSQL").amount == servers > 1
    assert COSTS["ledger.appends_per_s"].source == "build/bench/ledger.json"
    told = "\n".join(made.limits)
    assert f"{value('ledger.appends_per_s'):,.0f} decisions/s durable (`make bench-ledger`" in told
    assert f"{servers:,} like it" in told
    routers = deployment(made, "ModerationRouter").replicas
    held = need(made, "PostgreSQL", "connections").amount
    assert held == 4 * routers + 1
    assert f"hold {held:,.0f} connections to PostgreSQL, which takes 97" in told
    enough = plan(value("ledger.appends_per_s") * 0.6, calls=Calls.STREAM)
    assert not any("the ledger is one PostgreSQL server" in limit for limit in enough.limits)


def test_connections_are_those_that_the_ledger_makes() -> None:
    assert inspect.signature(PostgresLedger).parameters["reader_threads"].default == READERS


def test_volumes_are_those_of_kubernetes_and_it_is_said_when_they_are_full() -> None:
    made, asked = plan(400), Demand(items_per_second=400)
    for file, volume_gib in (
        ("k8s/base/state.yaml", asked.event_volume_gib),
        ("k8s/components/postgres/jobs.yaml", asked.export_volume_gib),
    ):
        assert f"storage: {volume_gib:g}Gi" in (CHECKOUT / file).read_text()
    events, exported = (400 * 86_400 * value(f"{name}") for name in (EVENT, EXPORTED))
    days = 20 * 2**30 / events, 100 * 2**30 / exported
    assert [limit.split(" (--")[0] for limit in volumes(made)] == [
        f"all events are kept: 20 GiB are full in {days[0]:.3g} days, at {events / 1e9:.1f} GB a day",
        f"nothing removes old exports: 100 GiB are full in {days[1]:.3g} days, at {exported / 1e9:.1f} GB a day",
    ]
    assert not volumes(plan(400, event_volume_gib=1e6, export_volume_gib=1e6))
    assert "hours" in need(plan(100_000), "Event log", "growth").why
    silent = TEXTS.model_copy(update={"events_per_item": 0.0})
    assert "never full" in need(plan(400, mix=silent), "Event log", "growth").why


def test_what_an_erasure_needs_of_room_and_time_is_said() -> None:
    needed = need(plan(400, event_keep_days=402), "Event log", "volume").amount
    assert needed is not None
    room, time = erasures(plan(400, event_keep_days=402, event_volume_gib=1.1 * needed))
    assert f"once the log has {1.1 * needed / REWRITTEN:,.3g} of the volume's" in room
    assert f"{REWRITTEN * needed:,.0f} GiB hold it" in room
    assert f"takes {needed * GIB / REWRITTEN_BYTES_PER_S / 3_600:,.3g} hours" in time
    assert erasures(plan(400, event_keep_days=402, event_volume_gib=1.2 * needed)) == [time]
    (growing,) = erasures(plan(400))
    assert "hold it" not in growing
    assert not erasures(plan(1, event_keep_days=402))


def test_that_nothing_removes_old_decisions_is_said_with_the_days_that_are_counted() -> None:
    (told,) = (each for each in plan(400, retention_days=90).limits if "old decisions" in each)
    assert "counted with 90 days" in told
    assert f"{400 * 86_400 * value('ledger.bytes_per_decision') / 1e12:,.3g} TB a day" in told
    assert "tidegate ledger retention" in told


def test_a_volume_is_sized_by_how_long_events_are_kept() -> None:
    a_day = 400 * 86_400 * value(EVENT) * GAPS / GIB
    for days, allowed, gib in ((402, 0.95, 0.95 * 31 + 0.05 * 402), (402, 0.0, 402), (500, 1.0, 129)):
        made = plan(400, event_keep_days=days, allowed_share=allowed, export_volume_gib=1e6)
        needed = need(made, "Event log", "volume")
        assert needed.amount == pytest.approx(gib * a_day)
        assert [limit.split(" with")[0] for limit in volumes(made)] == [f"the event log becomes {gib * a_day:,.0f} GiB"]
        enough = plan(
            400, event_keep_days=days, allowed_share=allowed, export_volume_gib=1e6, event_volume_gib=needed.amount
        )
        assert not volumes(enough)
        # When it is full is said only where all events are kept: with a period it never is, as it is told to be large.
        assert not any("are full in" in each.why for each in enough.needs if each.section == "Event log")
    # Events of the product's own are kept as long as any: nobody said which they are.
    more = plan(400, event_keep_days=402, allowed_share=1.0, mix=TEXTS.model_copy(update={"events_per_item": 3.0}))
    assert need(more, "Event log", "volume").amount == pytest.approx((31 + 2 * 402) * a_day)
    assert not [each for each in plan(400).needs if each.what == "volume"]
    with pytest.raises(DemandError, match="event_keep_days"):
        Demand.of(items_per_second=400, event_keep_days=401)


def test_the_volume_of_production_holds_what_its_settings_keep() -> None:
    settings = yaml.safe_load((CHECKOUT / "k8s/overlays/production/settings.yaml").read_text())
    claim = yaml.safe_load((CHECKOUT / "k8s/overlays/production/state.yaml").read_text())
    made = plan(400, event_keep_days=settings["signals"]["keep_events_days"])
    needed = need(made, "Event log", "volume").amount
    assert needed is not None
    assert float(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) >= needed


def test_redis_needs_nodes_for_memory_or_for_cpu_whichever_is_more() -> None:
    many_accounts, many_items = plan(10, accounts=7e8), plan(100_000, accounts=1_000)
    assert "memory decides" in need(many_accounts, "Redis", "primaries").why
    assert need(many_accounts, "Redis", "primaries").amount == math.ceil(
        need(many_accounts, "Redis", "data").amount / (64 * 0.7)  # type: ignore[operator]  # always told
    )
    assert "CPU time decides" in need(many_items, "Redis", "primaries").why


def test_gpus_are_never_made_up() -> None:
    """No GPU has been measured: without a rate from the user there is no number, and the work is on CPUs."""
    made = plan(10_000)
    assert need(made, "GPUs", "text_harm").amount is None
    assert "--gpu-texts-per-second" in need(made, "GPUs", "text_harm").why
    assert not any("gpu" in name for name in REQUIRED)


def test_gpus_follow_from_what_the_user_measured() -> None:
    made = plan(10_000, gpu_texts_per_second=1_000, utilisation=0.5)
    assert need(made, "GPUs", "text_harm").amount == 20
    left = [work.what for work in deployment(made, "Triton on CPU").work]
    assert left == ["texts, text_spam"]


def test_what_one_replica_can_not_do_is_said() -> None:
    assert any("AccountSignals" in limit for limit in plan(100_000).limits)
    small = plan(1)
    assert [limit.split(":")[0] for limit in small.limits] == ["nothing removes old decisions by itself"]
    assert deployment(small, "AccountSignals").replicas == 1


def test_colocated_does_in_the_router_what_stages_do() -> None:
    names = [each.name for each in plan(1_000, topology=Topology.COLOCATED).deployments]
    assert names == ["HAProxy", "ModerationRouter", "Triton on CPU"]


MIXES = st.builds(
    lambda share, texts, images, audio: Mix(
        surfaces={
            "comment": SurfaceMix(share=share),
            "playlist": SurfaceMix(share=1 - share, texts=texts, images=images, audio=audio),
        }
    ),
    st.floats(0, 1),
    st.floats(0, 4),
    st.floats(0, 4),
    st.floats(0, 1),
)


@settings(max_examples=50, deadline=None)
@given(
    mix=MIXES,
    items=st.floats(0.1, 1e6),
    utilisation=st.floats(0.05, 0.95),
    topology=st.sampled_from([*Topology]),
    calls=st.sampled_from([*Calls]),
)
def test_any_plan(mix: Mix, items: float, utilisation: float, topology: Topology, calls: Calls) -> None:
    """Enough replicas and no more; more items never need less; every measured figure is cited."""
    asked = {"mix": mix, "utilisation": utilisation, "topology": topology, "calls": calls}
    made, more = plan(items, **asked), plan(2 * items, **asked)
    for each, later in zip(made.deployments, more.deployments, strict=True):
        assert each.busy_cores <= utilisation * each.replicas * (1 + 1e-9)
        assert each.replicas <= max(2, each.busy_cores / utilisation + 1)
        assert each.busy_cores == pytest.approx(sum(work.cores for work in each.work))
        assert later.replicas >= each.replicas
        assert later.busy_cores == pytest.approx(2 * each.busy_cores)
        assert 0 <= each.wait_ms < math.inf
        assert {name for work in each.work for name in work.figures} <= made.cited.keys()
    for before, after in zip(made.needs, more.needs, strict=True):
        assert before.why
        assert set(before.figures) <= made.cited.keys()
        if before.amount is not None and after.amount is not None:
            assert after.amount >= before.amount >= 0
    edges = [each.amount or 0 for each in made.needs if each.section == "Network"]
    assert edges[-1] == pytest.approx(sum(edges[:-1]))
