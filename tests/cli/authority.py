"""A certificate authority of a test's own."""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    def files(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Writes both."""
        certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
        certificate.write_bytes(self.certificate)
        key.write_bytes(self.key)
        return certificate, key


@dataclass(frozen=True)
class Authority:
    """Signs what it is asked to."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    def issue(self, *hosts: str, until: timedelta = _DAY) -> Issued:
        """For these names and addresses, from two days ago until so long from now."""
        key = _key()
        names = [
            x509.IPAddress(ipaddress.ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in hosts
        ]
        made = self._signed(hosts[0], key.public_key(), until=until, names=names, authority=False)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Issued(made.public_bytes(Encoding.PEM), private)

    def own(self) -> bytes:
        """Its own certificate, as PEM."""
        made = self._signed(self.name, self.key.public_key(), until=_DAY, names=(), authority=True)
        return made.public_bytes(Encoding.PEM)

    def hashed(self) -> str:
        """Its file's name where OpenSSL looks authorities up in a folder: a hash of its name, for one in lower case."""
        digest = hashlib.sha1(_name(self.name).public_bytes()[2:], usedforsecurity=False).digest()
        return f"{int.from_bytes(digest[:4], 'little'):08x}.0"

    def server(self, *hosts: str, until: timedelta = _DAY, asks_clients: bool = False) -> grpc.ServerCredentials:
        """For a gRPC server, which may ask clients for certificates of this authority."""
        issued = self.issue(*hosts, until=until)
        pair = [(issued.key, issued.certificate)]
        return grpc.ssl_server_credentials(pair, self.own() if asks_clients else None, require_client_auth=asks_clients)

    def _signed(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        *,
        until: timedelta,
        names: Sequence[x509.GeneralName],
        authority: bool,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * _DAY)
            .not_valid_after(now + until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())
