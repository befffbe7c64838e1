"""Locust as a user starts it, from `.venv-load`, beside a server in this process."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtests.locust.run_record import RECORD, SAMPLES, RunRecord, read_samples
from loadtests.locust.sample import Sample

LOCUST = ".venv-load/bin/locust"
_LIMIT_S = 90.0


@dataclass(frozen=True)
class Ended:
    """A Locust run that is over."""

    status: int
    """Its exit status."""
    output: str
    """All that it printed."""
    out: Path
    """Its folder of results."""

    @property
    def wrote(self) -> bool:
        """Whether it left results."""
        return (self.out / RECORD).exists()

    @property
    def record(self) -> RunRecord:
        """What it measured."""
        return RunRecord.read(self.out / RECORD)

    @property
    def samples(self) -> list[Sample]:
        """Of all its phases."""
        return list(read_samples(self.out / SAMPLES))


async def run_locust(script: str, address: str, out: Path, *options: str) -> Ended:
    """Runs it to its end while this process's event loop goes on serving."""
    if shutil.which(LOCUST) is None:
        pytest.skip("no .venv-load; `make load-environment` makes it")
    command = [LOCUST, "-f", f"loadtests/locust/{script}", "--headless", "--only-summary", "--host", address]
    process = await asyncio.create_subprocess_exec(
        *command,
        "--out",
        str(out),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, output.decode(), out)
