"""Spans to trees: who is whose child, also where parents are missing, batches are shared or clocks disagree. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.telemetry.names import Attribute
from tidegate.telemetry.span_record import SpanRecord, SpanRole, SpanStatus

CLOCK_TOLERANCE_NS = 500_000
"""A child may seem to stick out of its parent by this much: clocks on one machine agree to less."""


@dataclass(slots=True, eq=False)
class SpanNode:
    """A span in its tree. Filled in while the tree is built; not changed afterwards."""

    span: SpanRecord
    """As stored."""
    children: list["SpanNode"] = field(default_factory=list)
    """By start."""
    missing_parent: bool = False
    """It names a parent that isn't in the store."""
    shared_from: str = ""
    """Trace id of the batch's first request, if this is the twin of its batch span or was taken over with it."""
    shift_ns: int = 0
    """To be added to the span's times, for the clock of its service."""

    @property
    def start_ns(self) -> int:
        """On the clock of the root's service."""
        return self.span.start_ns + self.shift_ns

    @property
    def end_ns(self) -> int:
        """On the clock of the root's service."""
        return self.span.end_ns + self.shift_ns


def trees_of(spans: Sequence[SpanRecord], linked: Mapping[str, Sequence[SpanRecord]]) -> list[SpanNode]:
    """The roots, then the spans whose parent is missing, each by start.

    Args:
        spans: Of one trace.
        linked: The spans of the traces that these link to, by trace id; for the work of shared batches.
    """
    roots = _linked_up(spans)
    others = {
        trace_id: {node.span.span_id: node for node in walk(_linked_up(members))}
        for trace_id, members in linked.items()
    }
    for node in list(walk(roots)):
        _take_over_shared_work(node, others)
    _align_clocks(roots)
    for node in walk(roots):
        node.children.sort(key=_by_start)
    return sorted(roots, key=lambda root: (root.missing_parent, *_by_start(root)))


def walk(roots: Iterable[SpanNode]) -> Iterator[SpanNode]:
    """All nodes, parents before children, in drawing order."""
    stack = list(roots)[::-1]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _by_start(node: SpanNode) -> tuple[int, int, str]:
    return node.start_ns, -node.end_ns, node.span.span_id


def _linked_up(spans: Sequence[SpanRecord]) -> list[SpanNode]:
    nodes = {span.span_id: SpanNode(span) for span in spans}
    roots: list[SpanNode] = []
    for node in nodes.values():
        parent = nodes.get(node.span.parent_span_id)
        if parent is None:
            node.missing_parent = bool(node.span.parent_span_id)
            roots.append(node)
        else:
            parent.children.append(node)
    # Spans that are each other's ancestors hang on no root: only a broken sender makes them, and they are shown.
    reached = {node.span.span_id for node in walk(roots)}
    for node in nodes.values():
        if node.span.span_id not in reached:
            nodes[node.span.parent_span_id].children.remove(node)
            roots.append(node)
            reached.update(member.span.span_id for member in walk([node]))
    return roots


def _take_over_shared_work(twin: SpanNode, others: Mapping[str, Mapping[str, SpanNode]]) -> None:
    """Hangs what lies beneath the batch span in another request's trace beneath its twin in this one."""
    if not twin.span.attributes.get(Attribute.BATCH_SHARED):
        return
    for link in twin.span.links:
        twin.shared_from = link.trace_id
        batch = others.get(link.trace_id, {}).get(link.span_id)
        if batch is not None:
            twin.children.extend(_copy(child, shared_from=link.trace_id) for child in batch.children)


def _copy(node: SpanNode, *, shared_from: str) -> SpanNode:
    top = SpanNode(node.span, shared_from=shared_from)
    pending = [(node, top)]
    while pending:
        original, copy = pending.pop()
        for child in original.children:
            copied = SpanNode(child.span, shared_from=shared_from)
            copy.children.append(copied)
            pending.append((child, copied))
    return top


def _align_clocks(roots: Iterable[SpanNode]) -> None:
    """Shifts a service's spans where only a skewed clock explains their times.

    That is a child that begins before the span that called it, or ends after a call that was answered. (Triton 2.51 was
    seen 0.7 ms ahead of its caller on the same machine.) Other children that end late are left alone: work goes on
    after a caller's budget ran out. The child is centred in its parent, as if the network took as long there as back,
    or begins with it if it is the longer one; what it called moves along.
    """
    for node in walk(roots):
        for child in node.children:
            child.shift_ns = node.shift_ns
            if child.span.service != node.span.service and _is_impossible(child, node):
                slack_ns = max(0, (node.end_ns - node.start_ns) - (child.end_ns - child.start_ns))
                child.shift_ns += node.start_ns + slack_ns // 2 - child.start_ns


def _is_impossible(child: SpanNode, parent: SpanNode) -> bool:
    answered = parent.span.role is SpanRole.CLIENT and parent.span.status is not SpanStatus.ERROR
    return child.start_ns < parent.start_ns - CLOCK_TOLERANCE_NS or (
        answered and child.end_ns > parent.end_ns + CLOCK_TOLERANCE_NS
    )
