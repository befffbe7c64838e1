"""The file of measured costs: reading it, and writing it so that people can read it. Nothing else here does I/O."""

from pathlib import Path
from typing import Final

import yaml

from tidegate.capacity.costs import Costs, CostsError

SHIPPED: Final = Path(__file__).with_name("costs.yaml")
"""The figures that come with Tidegate."""

_HEADING = """\
# Measured costs: what `tidegate capacity` calculates with. Every figure names the command that made it, the file that
# holds it and the day. They are this machine's, and yours is another: measure there (`TIDEGATE_NEARBY_CALLS=false make
# compare`, `make bench-features bench-ledger bench-models`, `python -m loadtests.sizes`), then
# `tidegate capacity refresh --out my-costs.yaml`.
"""


def read_costs(path: Path) -> Costs:
    """The figures of a file.

    Raises:
        CostsError: It can't be read, is no YAML, or lacks figures.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise CostsError(f"{path}: can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise CostsError(f"{path}: not valid YAML: {error}") from error
    try:
        return Costs.of(document)
    except CostsError as error:
        raise CostsError(f"{path}: {error}") from error


def written(costs: Costs) -> str:
    """As the file holds them; `read_costs` gives the same again."""
    return _HEADING + yaml.safe_dump(costs.as_document(), sort_keys=False, allow_unicode=True, width=118)
