"""How a load test joins Locust: before anything is sent, and with one sentence instead of a run if it can't be made."""

import sys
from typing import Any

from loadtests.locust.finishing import finish
from loadtests.locust.gate import UNUSABLE
from loadtests.locust.preparation import RefusedError
from loadtests.locust.results_folder import ResultsFolderError
from loadtests.locust.run_record import NOTHING_MEASURED
from loadtests.locust.session import LoadSession
from loadtests.locust.thresholds import ThresholdsError


def join(environment: Any, *, loop: str) -> None:
    """Joins; users find the session as `environment.tidegate`. Called while Locust is set up, in every process.

    Raises:
        SystemExit: The run is not begun; the status is 2.
    """
    try:
        environment.tidegate = LoadSession(environment, loop=loop, finish=finish)
    except (RefusedError, ResultsFolderError, ThresholdsError) as error:
        sys.stderr.write(f"{NOTHING_MEASURED}{error}\n")
        sys.exit(UNUSABLE)
