"""Builds Triton's own Python environment when it is missing, from the pinned requirements.

It can't be the services' environment: Triton needs numpy < 2, Feast needs numpy >= 2.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tidegate.models.runtime.installation import TritonInstallation, TritonUnavailableError


def ensure_environment(venv: Path, requirements: Path, *, report: Callable[[str], None]) -> TritonInstallation:
    """Returns the verified installation in `venv`, building it first when it is missing or broken.

    Args:
        venv: where the environment is, or shall be.
        requirements: pinned requirements with hashes.
        report: receives progress lines.

    Raises:
        TritonUnavailableError: it can't be built, or does not verify after.
    """
    installation = TritonInstallation(venv)
    try:
        installation.verify()
    except TritonUnavailableError as reason:
        report(f"Triton's environment is built anew: {reason}")
    else:
        report("Triton's environment is in place")
        return installation
    _build(venv, requirements, report)
    installation.verify()
    return installation


def _build(venv: Path, requirements: Path, report: Callable[[str], None]) -> None:
    python = str(venv / "bin" / "python")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is not None:
        steps = [
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)],
            [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(requirements)],
        ]
    else:
        steps = [
            [sys.executable, "-m", "venv", "--clear", str(venv)],
            [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(requirements)],
        ]
    for number, step in enumerate(steps, start=1):
        report(f"[{number}/{len(steps)}] {Path(step[0]).name} {' '.join(step[1:3])} …")
        try:
            subprocess.run(step, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise TritonUnavailableError("Triton's environment could not be built; see the output above") from error
