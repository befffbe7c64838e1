"""Spans to the rows of a waterfall: when each hop began, how long it took, how much of that was its own. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidegate.telemetry.span_record import AttributeJson, SpanRecord
from tidegate.telemetry.span_tree import CLOCK_TOLERANCE_NS, SpanNode, trees_of

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One span in its place."""

    span: SpanRecord
    """As stored."""
    last_at: tuple[bool, ...]
    """For each level from the first below the root to this one: whether the branch there is its parent's last."""
    offset_ns: int
    """Start, from the start of the trace."""
    duration_ns: int
    """Start to end."""
    own: tuple[Interval, ...]
    """The stretches in which no child ran, from the start of the trace."""
    own_ns: int
    """Their sum."""
    share: float
    """`own_ns` as a share of the whole trace, 0 to 1."""
    missing_parent: bool
    """It names a parent that isn't there."""
    shared_from: str
    """Trace id, if the work was done for a batch that another request led, and is recorded there; else empty."""
    late: bool
    """It ended after its parent did, for example because the parent's budget ran out."""
    clock_shift_ns: int
    """By which the times of its service were moved; 0 unless its clock disagrees with its caller's."""

    @property
    def depth(self) -> int:
        """0 for a root."""
        return len(self.last_at)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace, ready to be drawn."""

    trace_id: str
    """32 hex digits."""
    started_ns: int
    """Since the Unix epoch."""
    duration_ns: int
    """From the first start to the last end."""
    rows: tuple[WaterfallRow, ...]
    """In drawing order."""

    @property
    def services(self) -> tuple[str, ...]:
        """In order of appearance."""
        return tuple(dict.fromkeys(row.span.service for row in self.rows))

    def facts(self) -> dict[str, AttributeJson]:
        """What the request's own spans say of it, put together."""
        own = (row.span.attributes for row in self.rows if not row.shared_from)
        return {name: value for attributes in own for name, value in attributes.items()}


def build_waterfall(spans: Sequence[SpanRecord], linked: Mapping[str, Sequence[SpanRecord]] | None = None) -> Waterfall:
    """The waterfall of one trace.

    Args:
        spans: Of one trace, at least one.
        linked: As `trees_of` takes them.
    """
    roots = trees_of(spans, linked or {})
    placed = list(_placed(roots))
    started_ns = min(node.start_ns for node, _, _ in placed)
    duration_ns = max(node.end_ns for node, _, _ in placed) - started_ns
    return Waterfall(
        trace_id=spans[0].trace_id,
        started_ns=started_ns,
        duration_ns=duration_ns,
        rows=tuple(
            _row(node, parent, last_at, started_ns=started_ns, duration_ns=duration_ns)
            for node, parent, last_at in placed
        ),
    )


def _placed(roots: Sequence[SpanNode]) -> list[tuple[SpanNode, SpanNode | None, tuple[bool, ...]]]:
    placed: list[tuple[SpanNode, SpanNode | None, tuple[bool, ...]]] = []
    stack: list[tuple[SpanNode, SpanNode | None, tuple[bool, ...]]] = [(root, None, ()) for root in reversed(roots)]
    while stack:
        node, parent, last_at = stack.pop()
        placed.append((node, parent, last_at))
        last = len(node.children) - 1
        children = reversed(list(enumerate(node.children)))
        stack.extend((child, node, (*last_at, index == last)) for index, child in children)
    return placed


def _row(
    node: SpanNode, parent: SpanNode | None, last_at: tuple[bool, ...], *, started_ns: int, duration_ns: int
) -> WaterfallRow:
    own = _uncovered((node.start_ns, node.end_ns), [(child.start_ns, child.end_ns) for child in node.children])
    own_ns = sum(end - start for start, end in own)
    return WaterfallRow(
        span=node.span,
        last_at=last_at,
        offset_ns=node.start_ns - started_ns,
        duration_ns=node.end_ns - node.start_ns,
        own=tuple((start - started_ns, end - started_ns) for start, end in own),
        own_ns=own_ns,
        share=own_ns / duration_ns if duration_ns else 0.0,
        missing_parent=node.missing_parent,
        shared_from=node.shared_from,
        late=parent is not None and node.end_ns > parent.end_ns + CLOCK_TOLERANCE_NS,
        clock_shift_ns=node.shift_ns - (parent.shift_ns if parent else 0),
    )


def _uncovered(whole: Interval, covers: Sequence[Interval]) -> list[Interval]:
    """What of `whole` none of `covers` covers."""
    left: list[Interval] = []
    reached = whole[0]
    for start, end in sorted(covers):
        if start > reached:
            left.append((reached, min(start, whole[1])))
        reached = max(reached, end)
        if reached >= whole[1]:
            return left
    left.append((reached, whole[1]))
    return [(start, end) for start, end in left if end > start]
