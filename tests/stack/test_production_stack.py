"""The `production` settings as a user starts them: signals in a real Redis, ledger and banks in a real PostgreSQL.

Who of them connects to either is among what `k8s/connections.py` lets through.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from k8s.connections import Outside, Ports, Role
from tests.detectors.bank_pictures import picture
from tests.enrichment.conftest import RedisServer
from tests.ledger.postgres_server import PostgresServer, running_server
from tests.stack.connected import Edge, edges
from tests.stack.running import ROOT, Stack, eventually
from tidegate.serving.stack.ports import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PRODUCTION = ROOT / "services/tidegate/serving/production.yaml"


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    server = RedisServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def production(redis: RedisServer, postgres: PostgresServer, tmp_path: Path) -> Iterator[Stack]:
    secret = tmp_path / "dsn"
    secret.write_text(postgres.create_database("decisions") + "\n")
    env = {
        "TIDEGATE_CONFIG": str(PRODUCTION),
        "TIDEGATE_FEATURES__REDIS_ADDRESS": redis.address,
        "TIDEGATE_LEDGER__DSN_FILE": str(secret),
    }
    stack = Stack(tmp_path / "stack", free_ports(1)[0], env)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def test_decisions_and_banks_of_the_production_settings_outlive_a_crash_of_the_database(
    production: Stack, redis: RedisServer, postgres: PostgresServer, tmp_path: Path
) -> None:
    cover = tmp_path / "cover.png"
    Image.fromarray(picture(7)).save(cover)
    assert production.json("banks", "add", "known_violations", str(cover), "--json")["added"] == 1
    item = ("what a lovely song", "--content-id", "c-1", "--idempotency-key", "k-1", "--budget-ms", "30000")
    first = production.moderate(*item)
    assert first["action"] == "ALLOW"
    postgres.restart_at_once()

    def decided() -> bool:
        return "decision_id" in production.moderate("a song to remember")

    assert eventually(decided, timeout_s=60)
    assert production.moderate(*item)["decision_id"] == first["decision_id"]
    assert production.json("decision", first["decision_id"], "--json")["decision_id"] == first["decision_id"]
    report = production.json("ledger", "verify", "--json")
    assert (report["intact"], report["writers"]) == (True, 1)
    assert report["records"] >= 2
    assert json.loads(production.run("replay", "--json").stdout)["differing"] == 0
    assert not list(production.state_dir.glob("ledger.db*")) + list(production.state_dir.glob("banks.db*"))

    def followed() -> bool:
        """Our own decisions reach the account's signals."""
        events = production.json("account", "export", "a", "--json")["events"]
        return bool(sum(event["kind"] == "DECISION" for event in events) == report["records"])

    assert eventually(followed, timeout_s=60)
    assert postgres.dsn("decisions") not in "".join(
        path.read_text(errors="replace") for path in production.state_dir.rglob("*.json")
    )

    def blocked() -> bool:
        """By the entry that was added before the crash: in the ledger's database, as nothing names another."""
        decision = production.json(
            "moderate", "--image", str(cover), "--account", "a", "--budget-ms", "30000", "--json"
        )
        found = [run["scores"] for run in decision.get("detectors", ()) if run["name"] == "image_match"]
        return bool(found == [{"known_violations": 1.0}] and decision["action"] == "BLOCK")

    assert eventually(blocked, timeout_s=60)
    with psycopg.connect(postgres.dsn("decisions")) as database:
        assert database.execute("SELECT count(*) FROM tidegate_banks.entries").fetchone() == (1,)

    outside = {redis.port: (Outside.REDIS, Ports(6379)), postgres.port: (Outside.POSTGRES, Ports(5432))}
    wanted = {
        Edge(Role.STAGES, *outside[redis.port]),
        Edge(Role.SIGNALS, *outside[redis.port]),
        Edge(Role.ROUTER, *outside[postgres.port]),
        Edge(Role.STAGES, *outside[postgres.port]),
        Edge(Role.SIGNALS, *outside[postgres.port]),
    }
    seen: set[Edge] = set()

    def all_seen() -> bool:
        seen.update(edges(production.processes(), outside))
        return wanted <= seen

    assert eventually(all_seen, timeout_s=60), f"not seen: {wanted - seen}"
    assert not [each for each in seen if not each.listed()], "not in k8s/connections.py"
