"""The part of the embedded stack that Ray runs: a local cluster, Serve, the application."""

import contextlib
import logging
from collections.abc import Callable, Collection

import psutil

from tidegate.serving.serve_config import APPLICATION, SERVICER_FUNCTIONS
from tidegate.serving.settings import Settings
from tidegate.serving.stack.ports import LOOPBACK

logger = logging.getLogger(__name__)

LEFTOVERS_S = 2.0
"""Given to Ray's own processes to end. Its agents notice only after about two minutes that their cluster is gone."""

START_ATTEMPTS = 3
"""Ray 2.60 gives a node 30 s to start, whatever the settings say: too short on a machine with much else to do."""

OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Messages between deployments travel by gRPC; the object store is hardly used."""

LOGICAL_CPUS = 16
"""What deployments count against; on one machine they share the cores, whatever they ask for."""


class RayServing:
    """Starts and stops Ray Serve. Imports Ray late: it reads its environment at import, and takes seconds."""

    def __init__(self, settings: Settings, *, http_port: int) -> None:
        """Takes the settings.

        Args:
            settings: With the addresses of everything else filled in.
            http_port: Free port for Serve's HTTP side, which the application does not use.
        """
        self._settings = settings
        self._http_port = http_port
        self._started = False

    def start(self, *, on_retry: Callable[[], None]) -> str:
        """Starts the cluster and Serve. Returns the cluster's address.

        Args:
            on_retry: Called before each further attempt. What it raises ends the start.
        """
        import ray  # noqa: PLC0415 - see the class
        from ray import serve  # noqa: PLC0415 - see the class

        for left in reversed(range(START_ATTEMPTS)):
            if self._cluster_started(last=not left):
                break
            on_retry()
        self._started = True
        serve.start(
            http_options={"host": LOOPBACK, "port": self._http_port},
            grpc_options={
                "port": self._settings.grpc.port,
                "grpc_servicer_functions": list(SERVICER_FUNCTIONS),
                "enable_reflection": self._settings.grpc.reflection,
            },
        )
        return str(ray.get_runtime_context().gcs_address)

    def _cluster_started(self, *, last: bool) -> bool:
        """Starts a cluster; False if it did not come up in time. The last attempt raises what Ray raises."""
        import ray  # noqa: PLC0415 - see the class

        others = {child.pid for child in psutil.Process().children()}
        try:
            ray.init(
                address="local",
                num_cpus=LOGICAL_CPUS,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.WARNING,
            )
        except Exception as error:
            if last:
                raise
            logger.warning("Ray did not start, once more: %s", error)
            ray.shutdown()
            for child in psutil.Process().children():
                if child.pid not in others:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()
            return False
        return True

    def deploy(self) -> None:
        """Deploys the application; returns when its replicas run."""
        from ray import serve  # noqa: PLC0415 - see the class

        from tidegate.serving.app import application  # noqa: PLC0415 - imports Ray

        serve.run(application(self._settings), name=APPLICATION, route_prefix="/")

    def stop(self, *, spare: Collection[int]) -> None:
        """Lets requests under way finish, then ends the cluster and whatever it leaves behind.

        Args:
            spare: Process ids that are not Ray's; they and what is beneath them are left alone.
        """
        if not self._started:
            return
        import ray  # noqa: PLC0415 - see the class
        from ray import serve  # noqa: PLC0415 - see the class

        family = [process for process in psutil.Process().children() if process.pid not in spare]
        family += [process for each in family for process in each.children(recursive=True)]
        serve.shutdown()  # type: ignore[no-untyped-call]  # Serve leaves it untyped
        ray.shutdown()
        for process in psutil.wait_procs(family, timeout=LEFTOVERS_S)[1]:
            logger.info("ending a process that Ray left behind: %s", process.pid)
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
