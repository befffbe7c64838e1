"""`tidegate up` and `tidegate down`: the embedded stack."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from tidegate.cli.check_config import refuse_bad_policies
from tidegate.cli.stack_start import StackStart
from tidegate.cli.status import as_document
from tidegate.cli.steps import Steps
from tidegate.serving.ray_environment import embedded
from tidegate.serving.settings import Settings
from tidegate.serving.stack.embedded import START_TIMEOUT_S
from tidegate.serving.stack.ports import free_ports, free_range, is_free
from tidegate.serving.stack.state import StackState, forget_state, is_running, read_state

STOP_TIMEOUT_S = 90.0
DRAINING_S = 1.0
"""HAProxy is on the same machine and sees a stopping router within its health check's interval."""

REPLICA_PORTS = 32
"""Routers that one machine may run, those being replaced included."""


@click.command()
@click.option("--detach", is_flag=True, help="Returns when the first decision would succeed.")
@click.option("--json", "as_json", is_flag=True, help="With --detach: prints the stack's state as JSON.")
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=click.IntRange(min=1),
    default=int(START_TIMEOUT_S),
    show_default=True,
    help="How long the start may take; then the stack is stopped again. Raise it on a busy or slow machine.",
)
@click.pass_obj
def up(settings: Settings, detach: bool, as_json: bool, timeout_s: int) -> None:
    """Starts the whole stack: Triton, Feast's online store, Ray Serve, the ledger, the trace receiver.

    What is started and waited for is told on standard error.
    """
    directory = settings.state_dir.resolve()
    _refuse_if_taken(settings, directory)
    refuse_bad_policies(settings)
    if settings.triton.managed:
        _prepare_models(settings)
    directory.mkdir(parents=True, exist_ok=True)
    forget_state(directory)
    settings = settings.model_copy(update={"grpc": settings.grpc.model_copy(update={"draining_s": DRAINING_S})})
    payload = directory / "settings.json"
    payload.write_text(json.dumps(settings.payload()))
    # Short on purpose: Unix sockets allow about 100 characters, a state directory may be longer.
    runtime = Path(tempfile.mkdtemp(prefix="tidegate-"))
    command = [sys.executable, "-m", "tidegate.serving.stack.embedded", str(payload), str(runtime), str(timeout_s)]
    metrics_port, stats_port, *fallback = free_ports(4)
    replicas = free_range(2 * REPLICA_PORTS)
    env = {
        **os.environ,
        **embedded(
            runtime,
            metrics_port=metrics_port,
            stats_port=stats_port,
            grpc_ports=replicas[:REPLICA_PORTS],
            http_ports=replicas[REPLICA_PORTS:],
            fallback_ports=(fallback[0], fallback[1]),
            draining_s=DRAINING_S,
        ),
    }
    if detach:
        state = _detached(command, env, directory, timeout_s=timeout_s)
        if as_json:
            click.echo(json.dumps(as_document(state)))
        else:
            click.echo(f"ready at {state.grpc_address}; next: tidegate moderate --text 'hello' --account a")
    else:
        sys.exit(_in_foreground(command, env, directory, timeout_s=timeout_s))


@click.command()
@click.pass_obj
def down(settings: Settings) -> None:
    """Stops the stack; requests under way finish first. Succeeds if none is running."""
    directory = settings.state_dir.resolve()
    state = read_state(directory)
    if state is None or not is_running(directory):
        click.echo("no stack is running here")
        return
    os.kill(state.pid, signal.SIGTERM)
    with Steps("stopping: requests under way finish first"):
        if not _wait(lambda: not is_running(directory), STOP_TIMEOUT_S):
            raise click.ClickException(f"the stack (pid {state.pid}) did not stop within {STOP_TIMEOUT_S:.0f} s")
    click.echo("stopped")


def _prepare_models(settings: Settings) -> None:
    """Builds Triton's environment and the model repository, if they are not there yet."""
    command = [sys.executable, "-m", "tidegate.models.runtime", "--root", str(settings.triton.root), "prepare"]
    command += settings.detectors.runtime_arguments()
    click.echo("preparing Triton and its models", err=True)
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise click.ClickException("the models could not be prepared; the lines above say why")


def _refuse_if_taken(settings: Settings, directory: Path) -> None:
    if is_running(directory):
        raise click.ClickException(f"a stack is already running in {directory}; `tidegate down` stops it")
    if not is_free(settings.grpc.port):
        raise click.ClickException(
            f"port {settings.grpc.port} is taken; choose another with TIDEGATE_GRPC__PORT or grpc.port in the settings"
        )


def _in_foreground(command: list[str], env: Mapping[str, str], directory: Path, *, timeout_s: float) -> int:
    process = subprocess.Popen(command, env=env)
    for stopper in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopper, lambda number, _: process.send_signal(number))
    return StackStart(process, directory, timeout_s=timeout_s).in_foreground()


def _detached(command: list[str], env: Mapping[str, str], directory: Path, *, timeout_s: float) -> StackState:
    logs = directory / "logs"
    logs.mkdir(exist_ok=True)
    log = logs / "stack.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        return StackStart(process, directory, timeout_s=timeout_s).in_background(log)
    except KeyboardInterrupt:
        process.terminate()
        raise


def _wait(done: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(0.1)
    return False
