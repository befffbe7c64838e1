"""`tidegate banks` against a real gRPC server over a real store."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.detectors.bank_pictures import featureless, flipped, picture, random_hash
from tidegate.cli.banks import banks
from tidegate.detectors.banks.bank import DEFAULT_BANK
from tidegate.detectors.banks.pdq import pdq
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.detectors.images.limits import ImageLimits
from tidegate.serving.bank_methods import BankMethods
from tidegate.serving.bank_servicer import BankServicer
from tidegate.serving.composition import hash_banks
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.settings import BudgetSettings, LimitSettings, Settings
from tidegate.serving.wire import add_hash_bank_service

pytestmark = pytest.mark.integration

BANK = DEFAULT_BANK.id
HASH = pdq(picture(1)).hash


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """HashBankService on a free port, on an event loop in a thread."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        decoder = RequestDecoder(
            limits=LimitSettings(), budget=BudgetSettings(), max_request_bytes=16_000_000, markets=frozenset()
        )
        server, stop = grpc.aio.server(), asyncio.Event()
        servicer = BankServicer(banks=hash_banks(settings), decoder=decoder, limits=ImageLimits())
        add_hash_bank_service(BankMethods(servicer), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        started.set_result((f"127.0.0.1:{port}", asyncio.get_running_loop(), stop))
        await stop.wait()
        await server.stop(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    address, loop, stop = started.result(timeout=60)
    yield address
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    with served(settings) as address:
        yield address


class Command:
    """Calls the command with the server's address."""

    def __init__(self, settings: Settings, address: str) -> None:
        self._settings = settings
        self._address = address

    def run(self, *arguments: object, answer: str | None = None) -> Result:
        given = [*map(str, arguments), "--address", self._address]
        return CliRunner().invoke(banks, given, obj=self._settings, input=answer, catch_exceptions=False)

    def json(self, *arguments: object) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def command(settings: Settings, address: str) -> Command:
    return Command(settings, address)


def png(path: Path, seed: int) -> Path:
    Image.fromarray(picture(seed)).save(path)
    return path


def test_banks_are_made_changed_listed_and_deleted(command: Command) -> None:
    made = command.json("create", "press", "--kind", "allow", "--max-distance", 8, "--description", "News.")
    assert (made["id"], made["kind"], made["max_distance_bits"], made["enabled"]) == ("press", "allow", 8, True)
    changed = command.json("set", "press", "--disabled", "--max-distance", 0)
    assert (changed["enabled"], changed["max_distance_bits"], changed["description"]) == (False, 0, "News.")
    assert [bank["id"] for bank in command.json("list")["banks"]] == [BANK, "press"]
    listed = command.run("list").output
    assert all(word in listed for word in (BANK, "press", "31 bits", "0 bits", "disabled", "News."))
    assert command.json("delete", "press", "--yes")["deleted"]["id"] == "press"
    assert [bank["id"] for bank in command.json("list")["banks"]] == [BANK]


def test_deleting_asks_first_and_says_how_much_would_be_lost(command: Command, settings: Settings) -> None:
    hash_banks(settings).add(BANK, [])
    store = SqliteBanks(settings.banks_path)
    from_hash = [("a", HASH), ("b", random_hash(2))]
    command_file = settings.state_dir / "two.csv"
    command_file.write_text("entry_id,hash\n" + "".join(f"{name},{value.hex()}\n" for name, value in from_hash))
    command.run("import", BANK, command_file)
    refused = command.run("delete", BANK, answer="n\n")
    assert (refused.exit_code, len(store.banks())) == (1, 1)
    assert "with 2 entries?" in refused.output
    assert command.run("delete", BANK, answer="y\n").exit_code == 0
    assert store.banks() == ()


def test_pictures_are_added_under_their_names_matched_and_removed(command: Command, tmp_path: Path) -> None:
    first, second = png(tmp_path / "a.png", 1), png(tmp_path / "b.png", 2)
    added = command.run("add", BANK, first, second)
    assert (added.exit_code, added.stdout) == (0, f"2 added to {BANK}.\n")
    assert command.json("add", BANK, first, second) == {
        "bank": BANK,
        "added": 0,
        "unchanged": 2,
        "refused": 0,
        "featureless": 0,
    }
    match = command.json("match", first)
    assert match["matched_banks"] == [BANK]
    assert [(near["entry"], near["distance_bits"], near["within_threshold"]) for near in match["near"]] == [
        ("a.png", 0, True)
    ]
    shown = command.run("match", first).output
    assert f"matches {BANK}" in shown
    assert "a.png" in shown
    assert command.run("remove", BANK, "a.png", "unknown").stdout == f"1 of 2 removed from {BANK}.\n"
    assert command.json("match", first)["matched_banks"] == []
    assert "no match" in command.run("match", first).output


def test_files_that_can_t_be_added_are_named_counted_and_spare_the_others(command: Command, tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    Image.fromarray(featureless()).save(wall)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    result = command.run("add", BANK, wall, png(tmp_path / "a.png", 1), broken)
    assert result.exit_code == 2
    assert "wall.png" in result.stderr
    assert "quality 0" in result.stderr
    assert "broken.png" in result.stderr
    assert result.stdout == f"1 added to {BANK}; 2 refused.\n"


def test_one_picture_may_have_another_id_and_its_upright_hash_alone(command: Command, tmp_path: Path) -> None:
    command.run("add", BANK, png(tmp_path / "a.png", 1), "--id", "case 7", "--upright-only")
    assert command.json("entries", BANK) == {"id": "case 7", "hashes": [HASH.hex()]}
    assert "case 7" in command.run("entries", BANK).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", BANK, "{a}/x.png", "{b}/x.png"], "Two files are called x.png"),
        (["add", BANK, "{a}/x.png", "{b}/x.png", "--id", "i"], "--id is for one file"),
        (["match"], "either FILE or --hash"),
        (["match", "{a}/x.png", "--hash", "00"], "either FILE or --hash"),
        (["set", "press"], "Name what to change"),
        (["create", "press", "--max-distance", "65"], "0<=x<=64"),
        (["create", "press", "--kind", "deny"], "allow"),
    ],
)
def test_a_wrong_call_is_told_before_anything_is_sent(
    settings: Settings, tmp_path: Path, arguments: list[str], told: str
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        png(tmp_path / folder / "x.png", 1)
    given = [each.format(a=tmp_path / "a", b=tmp_path / "b") for each in arguments]
    result = CliRunner().invoke(banks, given, obj=settings)
    assert (result.exit_code, told in result.output) == (2, True)


def test_a_file_of_hashes_is_imported_and_again_only_what_is_missing(command: Command, tmp_path: Path) -> None:
    """More than one call takes; rows of one id are one entry; upstream's column names can be given."""
    lines = [f"f{at},{random_hash(at).hex()},100" for at in range(2_500)]
    lines += [f"turned,{flipped(HASH, bits).hex().upper()},100" for bits in (0, 110)] + [f"wall,{'0' * 64},3"]
    file = tmp_path / "hashes.csv"
    file.write_text("\n".join(["file,pdq_hash,quality", *lines]) + "\n")
    options = ("--id-column", "file", "--hash-column", "pdq_hash")
    first = command.json("import", BANK, file, *options)
    assert first == {"bank": BANK, "added": 2_501, "unchanged": 0, "refused": 0, "featureless": 1}
    assert command.run("remove", BANK, "f7").exit_code == 0
    again = command.run("import", BANK, file, *options).stdout
    assert again == f"1 added to {BANK}; 2,500 there already; 1 left out: too little to see.\n"
    assert command.json("match", "--hash", HASH.hex())["near"][0]["entry"] == "turned"
    assert len(command.run("entries", BANK).stdout.splitlines()) == 2_501


def test_a_wrong_file_is_told_line_by_line_and_nothing_of_it_is_sent(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "hashes.csv"
    good = f"a,{HASH.hex()},100"
    file.write_text("\n".join(["entry_id,hash,quality", good, "b,ff,100", f",{HASH.hex()},1O0", *["c,,"] * 20]))
    result = command.run("import", BANK, file)
    assert result.exit_code == 1
    assert "line 3: must be 64 hexadecimal digits" in result.stderr
    assert "line 4: the quality" in result.stderr
    assert "and 12 more" in result.stderr
    assert command.json("list")["banks"][0]["entries"] == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,hash\n", "no column entry_id; it has id, hash"),
        (b"entry_id,hash\n\xff,", "CSV in UTF-8"),
        (b"", "no column"),
    ],
)
def test_a_file_of_another_form_is_told(settings: Settings, tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "hashes.csv"
    file.write_bytes(content)
    result = CliRunner().invoke(banks, ["import", BANK, str(file)], obj=settings)
    assert (result.exit_code, told in result.output) == (1, True)


def test_the_service_s_refusals_are_told_for_people_and_machines(command: Command) -> None:
    refused = command.run("set", "nothing", "--enabled")
    assert (refused.exit_code, "NOT_FOUND" in refused.stderr) == (1, True)
    for_machines = command.run("create", "Not An Id", "--json")
    assert for_machines.exit_code == 1
    assert json.loads(for_machines.stdout)["error"]["fields"][0]["field"] == "bank_id"


def test_without_a_service_the_command_says_so(settings: Settings) -> None:
    result = CliRunner().invoke(banks, ["list", "--address", "127.0.0.1:1"], obj=settings)
    assert (result.exit_code, "not running at 127.0.0.1:1" in result.output) == (1, True)
