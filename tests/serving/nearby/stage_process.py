"""A stage's process: a door in the folder that it is told. Doubles numbers, tells its pid, hangs."""

import asyncio
import os
import sys
from pathlib import Path

from tidegate.serving.nearby.door import StageDoor


async def doubled(batch: list[int]) -> list[int]:
    return [2 * number for number in batch]


async def pid(_: object) -> int:
    return os.getpid()


async def hang(_: object) -> None:
    await asyncio.sleep(3_600)


async def main(folder: Path) -> None:
    await StageDoor(folder, {"doubled": doubled, "pid": pid, "hang": hang}).open()
    print("open", flush=True)
    await asyncio.sleep(3_600)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
