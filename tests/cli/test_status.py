"""`tidegate status` asks a real health service, and a ledger that is there or is not: no part is READY by hearsay."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tidegate.cli.main import main
from tidegate.ledger.sqlite_place import SqlitePlace
from tidegate.serving.settings import Settings
from tidegate.serving.stack.ports import free_ports
from tidegate.serving.stack.state import PartState, StackPart, StackPhase, StackState, hold, write_state

SECRET = "hush3f9a"


@contextmanager
def router(*, serving: bool) -> Iterator[str]:
    """The health service of one; its address."""
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    servicer.set("", status)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory that a stack holds."""
    monkeypatch.setenv("TIDEGATE_STATE_DIR", str(tmp_path))
    with hold(tmp_path):
        yield tmp_path


def tell(directory: Path, address: str, *, triton: PartState = PartState.READY, ledger: str = "") -> None:
    """As a supervisor tells of a stack that came up."""
    store = "postgres" if ledger.startswith("postgresql") else "sqlite"
    settings = Settings.from_payload({"ledger": {"store": store}, "state_dir": str(directory)})
    parts = (
        StackPart("triton", triton, "127.0.0.1:1", 1),
        StackPart("router", PartState.READY, address),
        StackPart("ledger", PartState.READY, ledger or str(settings.ledger_path)),
    )
    payload = settings.payload()
    write_state(directory, StackState(StackPhase.READY, os.getpid(), address, "distributed", parts, settings=payload))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["status", *arguments], catch_exceptions=False)


def shown(*, code: int) -> tuple[str, str, dict[str, str]]:
    """Phase, reason, and the state of each part, for machines; the table for people says no other."""
    result, table = run("--json"), run()
    assert (result.exit_code, table.exit_code) == (code, code)
    told = json.loads(result.stdout)
    assert table.stdout.startswith(f"{told['phase']} (distributed)")
    assert told["reason"] in table.stdout
    return told["phase"], told["reason"], {part["name"]: part["state"] for part in told["parts"]}


def test_all_is_ready(directory: Path) -> None:
    with router(serving=True) as address:
        tell(directory, address)
        assert shown(code=0) == ("READY", "", {"triton": "READY", "router": "READY", "ledger": "READY"})


def test_a_part_that_is_not_ready_degrades_a_stack_that_decides(directory: Path) -> None:
    with router(serving=True) as address:
        tell(directory, address, triton=PartState.RESTARTING)
        phase, reason, parts = shown(code=0)
    assert (phase, parts["router"]) == ("DEGRADED", "READY")
    assert "triton: RESTARTING" in reason


def test_a_stopped_database_is_what_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fire drill: it said READY, of the ledger too, and blamed the router."""
    [port] = free_ports(1)
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", f"postgresql://led:{SECRET}@127.0.0.1:{port}/d")
    with router(serving=False) as address:
        tell(directory, address, ledger=f"postgresql://127.0.0.1:{port}/d")
        phase, reason, parts = shown(code=1)
    assert (phase, parts) == ("NOT_SERVING", {"triton": "READY", "router": "FAILED", "ledger": "FAILED"})
    assert f"The ledger in postgresql://127.0.0.1:{port}/d can't be read" in reason
    assert "TidegateLedgerFails" in reason
    assert SECRET not in reason


def test_another_database_than_the_stacks_is_not_asked(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", f"postgresql://127.0.0.1:{port}/another")
    with router(serving=False) as address:
        tell(directory, address, ledger=f"postgresql://127.0.0.1:{port}/d")
        phase, reason, parts = shown(code=1)
    assert (phase, parts["ledger"]) == ("NOT_SERVING", "READY")
    assert "another" not in reason


def test_a_router_that_is_gone_beside_a_ledger_that_answers(directory: Path) -> None:
    [port] = free_ports(1)
    tell(directory, f"127.0.0.1:{port}")
    SqlitePlace(Settings.from_payload({"state_dir": str(directory)}).ledger_path).migrate()
    phase, reason, parts = shown(code=1)
    assert (phase, parts) == ("NOT_SERVING", {"triton": "READY", "router": "FAILED", "ledger": "READY"})
    assert f"router: grpc.health.v1 at 127.0.0.1:{port}" in reason
