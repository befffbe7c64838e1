"""TLS on the way to the service: what gRPC needs for it, and what is wrong with it, told before the first call.

gRPC tries for seconds and then quotes its own words. One handshake by Python's ssl, with the same authorities, tells
what it is. It goes as far as the first frame of HTTP/2: a client certificate is asked for only after the handshake.
"""

import contextlib
import os
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import grpc

HANDSHAKE_TIMEOUT_S: Final = 10.0

_ALPN: Final = "h2"
_GREETING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client begins (RFC 9113, 3.4), with settings that set nothing. A server answers with its own."""
_ALERT: Final = b"\x15"
"""How an answer begins that says that TLS went wrong (RFC 8446, 5.1)."""
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.\d+")
"""Names in a folder of authorities, as `openssl rehash` makes them. OpenSSL sees no other there."""
_WRONG_NAME: Final = {62, 64}
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_WRONG_TIME: Final = {9, 10}
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom to trust, and who we are."""

    ca_file: Path | None = None
    """Authorities to trust, PEM; None means this machine's own."""
    certificate: Path | None = None
    """Our certificate with its chain, PEM; None shows none."""
    key: Path | None = None
    """Its key, PEM, not encrypted."""

    def credentials(self) -> grpc.ChannelCredentials:
        """For a channel of gRPC, which trusts those whom `context` trusts.

        Raises:
            click.ClickException: This machine has no authorities, and none are named.
        """
        return grpc.ssl_channel_credentials(
            root_certificates=self._authorities(),
            private_key=self.key.read_bytes() if self.key else None,
            certificate_chain=self.certificate.read_bytes() if self.certificate else None,
        )

    def context(self) -> ssl.SSLContext:
        """For a handshake by Python.

        Raises:
            click.BadParameter: A file can't be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            problem = f"{self.ca_file}: {_words(error)}; it must hold certificates of authorities, as PEM"
            raise click.BadParameter(problem, param_hint="--ca-file") from error
        context.set_alpn_protocols([_ALPN])
        if self.certificate is not None:
            try:
                context.load_cert_chain(
                    self.certificate, self.key, password=lambda: b""
                )  # else it asks at the terminal
            except OSError as error:
                problem = f"{_words(error)}; give a certificate and its own key, as PEM and not encrypted"
                raise click.BadParameter(problem, param_hint="--client-cert, --client-key") from error
        return context

    def _authorities(self) -> bytes:
        if self.ca_file is not None:
            return self.ca_file.read_bytes()
        # Not gRPC's own list, which knows nothing of authorities that a company has installed on its machines.
        context = ssl.create_default_context()
        for path in _looked_up(_folders()):
            with contextlib.suppress(OSError):  # OpenSSL passes over what it can't read, too
                context.load_verify_locations(cafile=path)
        own = context.get_ca_certs(binary_form=True)
        if not own:  # gRPC would take an empty list for "those I know"
            problem = "this machine has no certificate authorities where OpenSSL looks for them"
            raise click.ClickException(f"{problem}; name the one that the service has: --ca-file FILE, as PEM")
        return "".join(ssl.DER_cert_to_PEM_cert(each) for each in own).encode()


def _folders() -> list[Path]:
    """Where OpenSSL looks certificates up by name: one folder, or several as in PATH. Empty names count for none."""
    places = ssl.get_default_verify_paths()
    # Python's own `capath` is None for a list. The variable is OpenSSL's, so the settings don't have it.
    told = os.environ.get(places.openssl_capath_env, places.openssl_capath)
    return [Path(each) for each in told.split(os.pathsep) if each]


def _looked_up(folders: Sequence[Path]) -> list[Path]:
    """Certificates that OpenSSL reads only when one of that name is asked for, so that no list of it has them."""
    found: list[Path] = []
    for folder in folders:
        with contextlib.suppress(OSError):  # OpenSSL passes over a folder that is not there, too
            found += sorted(path for path in folder.iterdir() if _HASHED.fullmatch(path.name))
    return found


def refuse_bad_tls(connection: socket.socket, address: str, tls: Tls) -> None:
    """Shakes hands over a new connection.

    Raises:
        click.ClickException: What is wrong, and what to do.
    """
    connection.settimeout(HANDSHAKE_TIMEOUT_S)
    try:
        secure = tls.context().wrap_socket(connection, server_hostname=_host(address))
    except ssl.SSLCertVerificationError as error:
        raise click.ClickException(_distrust(error, address, tls)) from error
    except TimeoutError as error:
        waited = f"{address} did not begin TLS within {HANDSHAKE_TIMEOUT_S:.0f} s"
        raise click.ClickException(f"{waited}; check --address, or leave out --tls if it speaks none") from error
    except OSError as error:  # ssl.SSLError is one
        problem = f"{address} speaks no TLS that fits ({_words(error)})"
        raise click.ClickException(f"{problem}; leave out --tls, or give the port where TLS ends") from error
    with secure:
        if secure.selected_alpn_protocol() != _ALPN:
            problem = f"{address} speaks TLS, but not HTTP/2 (ALPN {_ALPN}), which gRPC needs"
            raise click.ClickException(f"{problem}; check --address, or switch HTTP/2 on there")
        if not _answers(secure):
            raise click.ClickException(_refusal(address, tls))


def refuse_if_tls(connection: socket.socket, address: str) -> None:
    """Greets over a new connection without TLS. Who does not answer is waited for later, unless it speaks TLS.

    Raises:
        click.ClickException: It does.
    """
    connection.settimeout(HANDSHAKE_TIMEOUT_S)
    if not _answers(connection) and _speaks_tls(address):
        advice = "add --tls, and --ca-file if an authority of your own issued its certificate"
        raise click.ClickException(f"{address} speaks TLS; {advice}")


def _speaks_tls(address: str) -> bool:
    """Whether a handshake begins, whoever it is with: nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with _connection(address) as connection, context.wrap_socket(connection, server_hostname=_host(address)):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # in words of TLS, at least
    except OSError:
        return False


def _connection(address: str) -> socket.socket:
    return socket.create_connection((_host(address), int(address.rpartition(":")[2])), timeout=HANDSHAKE_TIMEOUT_S)


def _answers(connection: socket.socket) -> bool:
    """Whether a greeting of HTTP/2 is answered. Whoever takes long over it is not called wrong for that."""
    try:
        connection.sendall(_GREETING)
        return connection.recv(1) not in {b"", _ALERT}
    except TimeoutError:
        return True
    except OSError:
        return False


def _distrust(error: ssl.SSLCertVerificationError, address: str, tls: Tls) -> str:
    if error.verify_code in _WRONG_NAME:
        names = ", ".join(_names(address, tls)) or "no host"
        return f"the certificate of {address} is for {names}; give one of its names as --address"
    if error.verify_code in _WRONG_TIME:
        advice = "whoever runs the service must renew it; or this machine's clock is wrong"
        return f"the certificate of {address} is out of its time ({error.verify_message}); {advice}"
    problem = f"the certificate of {address} is not trusted ({error.verify_message})"
    if tls.ca_file is None:
        return f"{problem}; name the authority that issued it: --ca-file FILE, as PEM"
    return f"{problem}; {tls.ca_file} must hold the authority that issued it"


def _names(address: str, tls: Tls) -> list[str]:
    """Whom the certificate is for: seen in a handshake that holds everything but the name against it."""
    context = tls.context()
    context.check_hostname = False
    host = _host(address)  # some servers have a certificate for each name that they are asked for
    with (
        contextlib.suppress(OSError),
        _connection(address) as connection,
        context.wrap_socket(connection, server_hostname=host) as secure,
    ):
        named: Any = (secure.getpeercert() or {}).get("subjectAltName", ())  # pairs of kind and value
        return [str(value) for _, value in named]
    return []


def _refusal(address: str, tls: Tls) -> str:
    if tls.certificate is None:
        return f"{address} ends the connection after TLS began; it may ask for --client-cert and --client-key"
    return f"{address} refuses the certificate in {tls.certificate}; ask whoever runs it which authority it accepts"


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def _words(error: OSError) -> str:
    """Without OpenSSL's file and line."""
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return str(reason or error).replace("_", " ").lower()
