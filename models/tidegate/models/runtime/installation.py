"""Where the parts of an installed Triton lie, and the backend folder assembled from them.

The wheel `nvidia-pytriton` carries the server, its shared libraries, the `python` backend and one stub per Python
version. Triton wants the backend and the stub in one folder.
"""

import ctypes.util
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PYTRITON_VERSION: Final = "0.7.0"
_STUB: Final = "triton_python_backend_stub"


class TritonUnavailableError(RuntimeError):
    """Triton is not installed here, or can't run here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class TritonInstallation:
    """A virtual environment that holds Triton and what its model runner imports."""

    venv: Path
    """Root of the environment."""

    @property
    def site_packages(self) -> Path:
        """The environment's libraries, which the stub imports from."""
        return next((self.venv / "lib").glob("python3.*/site-packages"), self.venv / "lib" / "site-packages")

    @property
    def python_version(self) -> str:
        """Like `3.11`, from the environment's layout."""
        return self.site_packages.parent.name.removeprefix("python")

    @property
    def server(self) -> Path:
        """The `tritonserver` binary."""
        return self._triton / "bin" / "tritonserver"

    @property
    def library_path(self) -> str:
        """What the server and its stubs need as LD_LIBRARY_PATH."""
        folders = [
            self.site_packages / "nvidia_pytriton.libs",
            Path(str(sysconfig.get_config_var("LIBDIR") or "/usr/lib")),
        ]
        return ":".join(map(str, folders))

    @property
    def _triton(self) -> Path:
        return self.site_packages / "pytriton" / "tritonserver"

    def verify(self) -> None:
        """Raises TritonUnavailableError unless the server can start from here with tensors that arrive.

        Under numpy 2 this server's `python` backend hands models empty tensors and reports no error, so such an
        environment is refused; `model.py` refuses as well.
        """
        if not (self.site_packages / f"nvidia_pytriton-{PYTRITON_VERSION}.dist-info").is_dir():
            raise TritonUnavailableError(f"no nvidia-pytriton {PYTRITON_VERSION} in this environment")
        numpy = [path.name.removeprefix("numpy-") for path in self.site_packages.glob("numpy-*.dist-info")]
        if not numpy or not numpy[0].startswith("1."):
            raise TritonUnavailableError("Triton's python backend needs numpy < 2: it passes empty tensors otherwise")
        if not self._stub().is_file():
            raise TritonUnavailableError(f"Triton has no stub for Python {self.python_version}")
        if not self._has_libpython():
            raise TritonUnavailableError(
                f"Python {self.python_version} has no shared library here; on Debian: libpython{self.python_version}"
            )

    def assemble_backends(self, into: Path) -> Path:
        """Copies the backend and the matching stub into one folder, and returns the folder to point Triton to."""
        target = into / "python"
        if not (target / _STUB).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = into / "python.partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(self._triton / "backends" / "python", partial)
            shutil.copy2(self._stub(), partial / _STUB)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
        return into

    def _stub(self) -> Path:
        return self._triton / "python_backend_stubs" / self.python_version / _STUB

    def _has_libpython(self) -> bool:
        name = f"libpython{self.python_version}.so.1.0"
        beside = Path(str(sysconfig.get_config_var("LIBDIR") or "/usr/lib")) / name
        return beside.is_file() or ctypes.util.find_library(f"python{self.python_version}") is not None
