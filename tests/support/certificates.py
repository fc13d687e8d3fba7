"""An authority of the tests' own, and certificates for localhost in every state."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.sender.phases import TimedContext, verifying_context

_DAY = dt.timedelta(days=1)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass
class Authority:
    """Signs certificates; a client trusts it when it is told so, and nobody else does."""

    name: str = "Tests"

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def certificate(self) -> x509.Certificate:
        return (
            self._draft(self.name, self.key.public_key(), first_day=-1, days=3)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its certificate, for whoever is to trust it."""
        return _pem(self.certificate)

    def trusting_context(self) -> TimedContext:
        """A client's context as the sender has it, but for whom it trusts."""
        context = verifying_context()
        context.load_verify_locations(cadata=_pem(self.certificate).decode())
        return context

    def server_context(
        self, host: str = "localhost", *, first_day: int = -1, days: int = 2
    ) -> ssl.SSLContext:
        """A server's context, with a certificate for `host` that holds from `first_day` on."""
        key = ec.generate_private_key(ec.SECP256R1())
        draft = self._draft(host, key.public_key(), first_day=first_day, days=days)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = draft.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as directory:  # ssl reads certificates from files only
            path = Path(directory) / "server.pem"
            path.write_bytes(_pem(certificate) + secret)
            context.load_cert_chain(path)
        return context

    def _draft(
        self, name: str, key: ec.EllipticCurvePublicKey, *, first_day: int, days: int
    ) -> x509.CertificateBuilder:
        begins = dt.datetime.now(dt.UTC) + first_day * _DAY
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + days * _DAY)
        )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
