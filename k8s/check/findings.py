"""What a check found: which object, which field, what is wrong, what is allowed."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    check: str
    """Which check tells of it."""
    overlay: str
    """In which overlay."""
    subject: str
    """The object, as `Kind name`."""
    field: str
    """Where in it, as a path."""
    problem: str
    """What is there, and what is wrong about it."""
    allowed: str
    """What would be right."""

    def plain(self) -> dict[str, str]:
        """As plain data."""
        return asdict(self)

    def __str__(self) -> str:
        """Three lines for people."""
        where = f"{self.overlay}: {self.subject}"
        return f"{where}\n  {self.field}: {self.problem}\n  allowed: {self.allowed}   [{self.check}]"
