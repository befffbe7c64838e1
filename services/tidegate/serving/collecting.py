"""How often Python looks for cycles in a replica's process."""

import gc

_THRESHOLDS = (20_000, 20, 20)
"""Python's own are 700, 10, 10. Requests make few cycles and hold hundreds of objects each, so each look finds them
alive: a sixth of a traced router's CPU time went there (py-spy). What one request leaves behind is freed at once."""


def collect_rarely() -> None:
    """From now on cycles are looked for much more rarely. Serve freezes what there is once a replica is made."""
    gc.set_threshold(*_THRESHOLDS)
