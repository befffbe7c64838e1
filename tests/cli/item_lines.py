"""Lines of item files for tests of the commands."""

import json
from typing import Any


def line(content_id: str = "c-1", **changes: Any) -> str:
    """One comment as JSON; None leaves a key out."""
    plain = {
        "content_id": content_id,
        "account_id": "a-1",
        "surface": "comment",
        "market": "SE",
        "text": "a kind word",
        **changes,
    }
    return json.dumps({key: value for key, value in plain.items() if value is not None})


def lines(count: int) -> str:
    """Comments with the content ids "0", "1", ..., one a line."""
    return "".join(f"{line(str(number), text=f'song number {number}')}\n" for number in range(count))
