"""An answer of a stage within a budget, or what became of it: an outage is data, and never an exception above."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorStatus

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def answer_or_outage(stage: str, answer: Awaitable[T], budget: Budget) -> T | DetectorStatus:
    """Returns what the stage answers, or TIMED_OUT, or FAILED.

    Args:
        stage: Its name, for the log.
        answer: Of the stage.
        budget: How long it may take.
    """
    try:
        async with asyncio.timeout(budget.left_s()):
            return await answer
    except TimeoutError:
        return DetectorStatus.TIMED_OUT
    except Exception as error:  # noqa: BLE001 - fan-out: whatever broke a stage is that stage's outage
        logger.warning("%s stage failed: %s", stage, type(error).__name__)
        return DetectorStatus.FAILED
