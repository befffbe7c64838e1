"""`tidegate events load` as these tests call it, and what they load."""

from click.testing import CliRunner, Result

from tests.serving.event_messages import NOW
from tests.serving.recording_server import RecordingServer
from tidegate.cli.events import events
from tidegate.client import AccountEvent, EventKind
from tidegate.features.events.document import line_of
from tidegate.serving.settings import Settings


def comment(event_id: str) -> AccountEvent:
    return AccountEvent(event_id, "a", EventKind.COMMENT, NOW, subject_id="c")


def lines(*made: AccountEvent | bytes) -> bytes:
    return b"".join(each if isinstance(each, bytes) else line_of(each) for each in made)


def run(settings: Settings, server: RecordingServer, *arguments: object, standard_input: bytes | None = None) -> Result:
    called = ["load", *map(str, arguments), "--address", server.address]
    return CliRunner().invoke(events, called, obj=settings, input=standard_input)
