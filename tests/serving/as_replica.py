"""A process whose logging Serve has set up as in a replica. Prints, as JSON, where Serve's file is.

Argument: a folder. The environment decides, as in a replica, whether lines go to standard error as well.
"""

import json
import logging
import sys
import warnings
from pathlib import Path

from pydantic import ValidationError
from ray import serve
from ray.serve._private.common import DeploymentID, ReplicaID, ServeComponentType
from ray.serve._private.config import DeploymentConfig
from ray.serve._private.constants import RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE
from ray.serve._private.logging_utils import configure_component_logger
from ray.serve.schema import LoggingConfig, ReplicaRank

from tidegate.serving import deployments
from tidegate.serving.replica_logs import OURS
from tidegate.serving.signals.deployment import AccountSignals

BODIES = (
    deployments.FeatureLookup,
    deployments.TextDetectors,
    deployments.ImageDetectors,
    deployments.SpeechDetectors,
    deployments.ModerationRouter,
    AccountSignals,
)


def main(folder: str) -> None:
    """Makes each body as Serve does, with settings that stop it once its logs are set up; then logs."""
    deployment = DeploymentID(name="ModerationRouter", app_name="tidegate")
    serve.context._set_internal_replica_context(
        replica_id=ReplicaID(unique_id="abc123", deployment_id=deployment),
        servable_object=main,
        _deployment_config=DeploymentConfig(),
        rank=ReplicaRank(rank=0, node_rank=0, local_rank=0),
        world_size=1,
    )
    configure_component_logger(
        component_type=ServeComponentType.REPLICA,
        component_name="tidegate_ModerationRouter",
        component_id="abc123",
        logging_config=LoggingConfig(logs_dir=folder, enable_access_log=False),
        max_bytes=100_000,
        backup_count=1,
        buffer_size=RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE,
    )
    warnings.simplefilter("ignore", RuntimeWarning)  # nobody awaits the end of a body that was never made
    ours, serves = logging.getLogger(OURS), logging.getLogger("ray.serve")
    without = []
    for body in BODIES:
        ours.handlers.clear()
        try:
            body({"no_such_setting": 1})
        except ValidationError:
            without += [] if ours.handlers else [body.__name__]
    logging.getLogger("tidegate.ledger.group_commit").error("ledger.commit_failed", extra={"cause": "disk full"})
    logging.getLogger("tidegate.serving.bank_servicer").info("banks.created", extra={"bank": "covers"})
    serves.info("in Serve's own words")
    (log,) = Path(folder).iterdir()
    sys.__stdout__.write(json.dumps({"log": str(log), "without": without}))  # type: ignore[union-attr] # a process has it


if __name__ == "__main__":
    main(sys.argv[1])
