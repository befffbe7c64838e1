"""`python -m tidegate.telemetry.receiver`: the built-in OTLP receiver for one machine."""

import asyncio
import logging
from pathlib import Path

import click

from tidegate.telemetry.log_lines import JsonLines
from tidegate.telemetry.receiver.process import ReceiverCannotStart, ReceiverOptions, run_receiver
from tidegate.telemetry.receiver.store import Retention

_PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--grpc-port", type=_PORT, default=4317, show_default=True, help="0 takes any free port.")
@click.option("--http-port", type=_PORT, default=4318, show_default=True, help="0 takes any free port.")
@click.option("--store", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The SQLite file.")
@click.option("--max-age-hours", type=click.FloatRange(min=0, min_open=True), default=24.0, show_default=True)
@click.option("--max-spans", type=click.IntRange(min=1), default=Retention().max_spans, show_default=True)
def main(*, grpc_port: int, http_port: int, store: Path, max_age_hours: float, max_spans: int) -> None:
    """Receives OpenTelemetry on 127.0.0.1: spans, kept for `tidegate trace`; metrics, the latest at HTTP `/metrics`."""
    lines = logging.StreamHandler()
    lines.setFormatter(JsonLines(service="otlp-receiver"))
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    retention = Retention(max_age_s=max_age_hours * 3600, max_spans=max_spans)
    options = ReceiverOptions(grpc_port=grpc_port, http_port=http_port, store=store, retention=retention)
    try:
        asyncio.run(run_receiver(options))
    except ReceiverCannotStart as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
