"""Commands that call the service, over TLS: a real server with certificates of our own, and what can be wrong."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.cli.authority import Authority
from tests.cli.item_lines import line
from tests.client.background_server import running
from tests.serving.event_messages import ListedIntake
from tests.serving.in_process import Served
from tidegate.cli.main import main
from tidegate.serving.settings import load_settings

pytestmark = pytest.mark.integration

ITEM = ("moderate", "--text", "what a lovely song", "--account", "a", "--json")
OURS, ANOTHER, CLIENTS = Authority("ours"), Authority("another"), Authority("clients")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a port for each kind of certificate."""
    settings = load_settings(state_dir=tmp_path_factory.mktemp("service"))
    settings.banks_path.parent.mkdir(parents=True, exist_ok=True)
    credentials = {
        "good": OURS.server("localhost", "127.0.0.1"),
        "another's": OURS.server("tidegate.example.com", "192.0.2.1"),
        "old": OURS.server("127.0.0.1", until=timedelta(days=-1)),
        "asking": CLIENTS.server("127.0.0.1", asks_clients=True),
    }
    with running(tls=credentials, settings=settings, signals=ListedIntake()) as server:
        yield server


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority that issued them."""
    path = tmp_path_factory.mktemp("authority") / "ca.crt"
    path.write_bytes(OURS.own())
    return path


def run(tmp_path: Path, *arguments: object, stdin: str | None = None) -> Result:
    told = [str(each) for each in arguments]
    return CliRunner().invoke(main, ["--state-dir", str(tmp_path), *told], input=stdin, catch_exceptions=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_decision_comes_over_tls(served: Served, trusted: Path, tmp_path: Path, host: str) -> None:
    address = served.tls["good"].replace("127.0.0.1", host)
    result = run(tmp_path, *ITEM, "--address", address, "--tls", "--ca-file", trusted)
    assert result.exit_code == 0, result.output
    assert '"action": "ALLOW"' in result.stdout or '"action":"ALLOW"' in result.stdout


def test_this_machines_own_authorities_are_trusted_where_none_are_named(
    served: Served, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))  # as OpenSSL is told where they are
    assert run(tmp_path, *ITEM, "--address", served.tls["good"], "--tls").exit_code == 0


def test_authorities_in_a_folder_are_trusted_by_the_handshake_and_by_the_call(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL reads them one by one, as they are asked for; gRPC wants all, and beside those of the file."""
    folder, another = tmp_path / "authorities", tmp_path / "another.crt"
    folder.mkdir()
    (folder / OURS.hashed()).write_bytes(OURS.own())
    (folder / "00000000.0").write_text("no certificate")
    another.write_bytes(ANOTHER.own())
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    for file in (tmp_path / "none", another):
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        result = run(tmp_path, *ITEM, "--address", served.tls["good"], "--tls")
        assert result.exit_code == 0, result.output


def test_every_folder_of_a_list_is_read_as_openssl_does(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names between colons; empty ones, and folders that are not there, count for nothing."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, authority in ((first, ANOTHER), (second, OURS)):
        folder.mkdir()
        (folder / authority.hashed()).write_bytes(authority.own())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    for folders, status in ((["", tmp_path / "none", first, second], 0), ([second, first], 0), ([first, ""], 1)):
        monkeypatch.setenv("SSL_CERT_DIR", ":".join(map(str, folders)))
        result = run(tmp_path, *ITEM, "--address", served.tls["good"], "--tls")
        assert result.exit_code == status, (folders, result.output)


def test_a_machine_without_authorities_asks_for_one_rather_than_trust_those_of_grpc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No handshake comes before a call to a target that gRPC resolves itself."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    result = run(tmp_path, *ITEM, "--address", "dns:///localhost", "--tls")
    assert result.exit_code == 1
    assert "this machine has no certificate authorities" in result.output
    assert "--ca-file FILE" in result.output


@pytest.mark.parametrize(
    ("command", "stdin"),
    [
        (("stream",), line() + "\n"),
        (("events", "load", "-"), ""),
        (("banks", "list"), None),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
def test_other_commands_speak_tls_too(
    served: Served, trusted: Path, tmp_path: Path, command: tuple[str, ...], stdin: str | None
) -> None:
    result = run(tmp_path, *command, "--address", served.tls["good"], "--ca-file", trusted, stdin=stdin)
    assert result.exit_code == 0, result.output


def test_a_service_that_speaks_no_tls_is_told(served: Served, tmp_path: Path) -> None:
    result = run(tmp_path, *ITEM, "--address", served.address, "--tls")
    assert result.exit_code == 1
    assert f"{served.address} speaks no TLS that fits (wrong version number); leave out --tls" in result.output


@pytest.mark.parametrize("kind", ["good", "asking"])
def test_a_service_that_speaks_tls_to_who_does_not_is_told(served: Served, tmp_path: Path, kind: str) -> None:
    result = run(tmp_path, *ITEM, "--address", served.tls[kind])
    assert result.exit_code == 1
    assert f"{served.tls[kind]} speaks TLS; add --tls" in result.output


def test_a_certificate_that_this_machine_does_not_trust_is_told(served: Served, tmp_path: Path) -> None:
    result = run(tmp_path, *ITEM, "--address", served.tls["good"], "--tls")
    assert "is not trusted" in result.output
    assert "--ca-file FILE" in result.output


def test_a_certificate_of_another_authority_than_the_named_one_is_told(served: Served, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(ANOTHER.own())
    result = run(tmp_path, *ITEM, "--address", served.tls["good"], "--ca-file", other)
    assert f"{other} must hold the authority that issued it" in result.output


def test_a_certificate_for_another_host_is_told_with_the_names_that_it_is_for(
    served: Served, trusted: Path, tmp_path: Path
) -> None:
    result = run(tmp_path, *ITEM, "--address", served.tls["another's"], "--ca-file", trusted)
    assert "is for tidegate.example.com, 192.0.2.1; give one of its names as --address" in result.output


def test_a_certificate_out_of_its_time_is_told(served: Served, trusted: Path, tmp_path: Path) -> None:
    result = run(tmp_path, *ITEM, "--address", served.tls["old"], "--ca-file", trusted)
    assert "is out of its time (certificate has expired)" in result.output
    assert "renew it" in result.output


@pytest.fixture
def clients_authority(tmp_path: Path) -> Path:
    path = tmp_path / "clients.crt"
    path.write_bytes(CLIENTS.own())
    return path


def test_a_service_that_asks_for_a_certificate_gets_ours(
    served: Served, clients_authority: Path, tmp_path: Path
) -> None:
    certificate, key = CLIENTS.issue("client").files(tmp_path, "client")
    shown = ("--client-cert", certificate, "--client-key", key)
    result = run(tmp_path, *ITEM, "--address", served.tls["asking"], "--ca-file", clients_authority, *shown)
    assert result.exit_code == 0, result.output


def test_a_service_that_asks_for_a_certificate_and_gets_none_is_told(
    served: Served, clients_authority: Path, tmp_path: Path
) -> None:
    result = run(tmp_path, *ITEM, "--address", served.tls["asking"], "--ca-file", clients_authority)
    assert "it may ask for --client-cert and --client-key" in result.output


def test_a_client_certificate_that_the_service_does_not_accept_is_told(
    served: Served, clients_authority: Path, tmp_path: Path
) -> None:
    certificate, key = ANOTHER.issue("client").files(tmp_path, "client")
    shown = ("--client-cert", certificate, "--client-key", key)
    result = run(tmp_path, *ITEM, "--address", served.tls["asking"], "--ca-file", clients_authority, *shown)
    assert f"refuses the certificate in {certificate}" in result.output


@pytest.fixture
def without_http2(tmp_path: Path) -> Iterator[str]:
    """The address of a server that speaks TLS and agrees on no protocol beneath it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*OURS.issue("127.0.0.1").files(tmp_path, "plain"))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def test_tls_without_http2_is_told(without_http2: str, trusted: Path, tmp_path: Path) -> None:
    result = run(tmp_path, *ITEM, "--address", without_http2, "--ca-file", trusted)
    assert "speaks TLS, but not HTTP/2" in result.output


def test_files_that_hold_something_else_are_told(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    certificate, key = OURS.issue("client").files(tmp_path, "client")
    _, anothers = OURS.issue("client").files(tmp_path, "another")
    locked = tmp_path / "locked.key"
    encryption = BestAvailableEncryption(b"secret")
    locked.write_bytes(
        load_pem_private_key(key.read_bytes(), None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    )
    for options, said in (
        (("--ca-file", wrong), "must hold certificates of authorities, as PEM"),
        (("--client-cert", wrong, "--client-key", key), "give a certificate and its own key"),
        (("--client-cert", certificate, "--client-key", anothers), "give a certificate and its own key"),
        (("--client-cert", certificate, "--client-key", locked), "not encrypted"),
        (("--client-cert", certificate), "--client-cert and --client-key together"),
    ):
        result = run(tmp_path, *ITEM, "--address", "127.0.0.1:1", *options)
        assert result.exit_code == 2, options
        assert said in " ".join(result.output.split()), options


def test_the_stack_running_here_speaks_no_tls(tmp_path: Path) -> None:
    result = run(tmp_path, *ITEM, "--tls")
    assert result.exit_code == 2
    assert "TLS needs --address" in result.output


def test_every_command_that_takes_an_address_of_the_service_takes_tls() -> None:
    told = {path: {each.name for each in command.params} for path, command in _commands(main, ())}
    calling = {path: names for path, names in told.items() if "address" in names and path != ("metrics",)}
    assert {path[0] for path in calling} == {"moderate", "stream", "decision", "events", "banks"}
    assert all({"tls", "ca_file", "client_cert", "client_key"} <= names for names in calling.values())


def _commands(group: click.Group, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*above, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*above, name))
