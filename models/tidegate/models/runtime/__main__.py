"""`python -m tidegate.models.runtime prepare | serve`: makes Triton ready, and runs it supervised in the foreground."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tidegate.models.catalogue import CatalogueError
from tidegate.models.encoder import EncoderUnavailableError
from tidegate.models.repository import read_repository
from tidegate.models.runtime.bound import die_with
from tidegate.models.runtime.command import TritonSettings
from tidegate.models.runtime.installation import TritonInstallation, TritonUnavailableError
from tidegate.models.runtime.preparation import Workplace, prepare
from tidegate.models.runtime.server import Readiness, ServerState, StateChange, TritonServer
from tidegate.models.selection import Selection, select
from tidegate.models.serving_profile import ProfileName


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    place = Workplace(options.root.resolve())
    try:
        if options.command == "prepare":
            prepare(place, options.profile, report=_say, chosen=_chosen(options))
            return 0
        return _serve(place, options, _chosen(options))
    except (TritonUnavailableError, CatalogueError, EncoderUnavailableError, FileNotFoundError) as error:
        _say(f"error: {error}")
        return 1


def _chosen(options: argparse.Namespace) -> Selection:
    shadow: dict[str, list[str]] = {}
    for name, version in options.shadow:
        shadow.setdefault(name, []).append(version)
    return select(live=dict(options.live), shadow=shadow)


def _serve(place: Workplace, options: argparse.Namespace, chosen: Selection) -> int:
    if not options.outlive_parent:
        die_with(os.getppid())
    repository = read_repository(options.repository or place.repository(options.profile, chosen))
    settings = TritonSettings(
        repository=repository.root.resolve(),
        work=place.backends,
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        http_port=options.http_port,
        otlp_http_url=options.otlp_http_url,
        niceness=options.niceness,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = TritonServer(
        settings,
        TritonInstallation(place.venv),
        Readiness(repository.models),
        on_change=_report_change,
        log=options.log,
    )
    server.start()
    stop.wait()
    server.stop()
    return 0


def _version(text: str) -> tuple[str, str]:
    name, _, version = text.partition("=")
    if not (name and version):
        raise argparse.ArgumentTypeError("must be NAME=VERSION")
    return name, version


def _report_change(change: StateChange) -> None:
    suffix = f" (restarts: {change.restarts})" if change.state is not ServerState.STOPPED else ""
    _say(f"triton {change.state}: {change.detail}{suffix}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _default_root() -> Path:
    """The checkout that this code lies in; the current folder if it is installed elsewhere."""
    checkout = Path(__file__).resolve().parents[4]
    return checkout if (checkout / "requirements" / "triton.txt").is_file() else Path.cwd()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tidegate.models.runtime", description=__doc__)
    parser.add_argument("--root", type=Path, default=_default_root(), help="the checkout; default: this code's")
    commands = parser.add_subparsers(dest="command", required=True)
    ready = commands.add_parser("prepare", help="build Triton's environment, the graphs and the model repository")
    serve = commands.add_parser("serve", help="run Triton in the foreground until SIGTERM, restarting it when it fails")
    for one in (ready, serve):
        for role, meaning in (
            ("live", "decides instead of the catalogue's choice"),
            ("shadow", "is tried out beside it"),
        ):
            one.add_argument(
                f"--{role}",
                type=_version,
                action="append",
                default=[],
                metavar="NAME=VERSION",
                help=f"this version {meaning}; may be repeated",
            )
        one.add_argument("--profile", type=ProfileName, choices=list(ProfileName), default=ProfileName.CPU)
    serve.add_argument("--repository", type=Path, help="default: the prepared one of the profile")
    serve.add_argument("--grpc-port", type=int, default=8001)
    serve.add_argument("--metrics-port", type=int, help="Prometheus metrics; off by default")
    serve.add_argument("--http-port", type=int, help="KServe v2 over HTTP; off by default")
    serve.add_argument("--otlp-http-url", help="where Triton posts spans as OTLP/HTTP JSON; off by default")
    serve.add_argument("--log", type=Path, help="file for the server's own output; dropped by default")
    serve.add_argument(
        "--niceness", type=int, choices=range(20), default=0, metavar="0-19", help="with more, others go first"
    )
    serve.add_argument("--outlive-parent", action="store_true", help="go on when the process that started this ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
