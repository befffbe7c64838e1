"""Pieces of HTML that the parts of a report share."""

import math
from collections.abc import Sequence
from html import escape


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "") -> str:
    """A table; cells are HTML, headings are text. `kind` is its class."""
    cells = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{each}</td>" for each in row) + "</tr>" for row in rows)
    return f'<div><table class="{kind}"><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def milliseconds(value: float) -> str:
    """One digit after the point; empty if nothing was measured."""
    return "" if math.isnan(value) else f"{value:,.1f}"
