"""Clients of `pegel opcua` with certificates and passwords."""

import asyncio
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.sync import Client
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers.opcua import Server, name
from helpers.programs import run

CLIENT_URI = "urn:example:client"


def hashed(password: str) -> str:
    """As docs/opcua.md says to make one."""
    done = run(["openssl", "passwd", "-6", password])
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Certificate:
    """A client's own."""

    def __init__(self, place: Path) -> None:
        self.key, self.file = place / "client.pem", place / "client.der"
        made = setup_self_signed_certificate(
            self.key,
            self.file,
            CLIENT_URI,
            "localhost",
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            {"commonName": "a client"},
        )
        asyncio.run(made)

    def trust(self, server: Server) -> None:
        """As an administrator does, once the client has tried."""
        (rejected,) = (server.state / "rejected").iterdir()
        assert rejected.read_bytes() == self.file.read_bytes()
        rejected.rename(server.state / "trusted" / rejected.name)


def secured(
    server: Server,
    certificate: Certificate,
    policy: str = "Basic256Sha256",
    mode: str = "SignAndEncrypt",
    user: tuple[str, str] | None = None,
) -> Client:
    client = server.client()
    client.application_uri = CLIENT_URI
    parts = [policy, mode, str(certificate.file), str(certificate.key)]
    client.set_security_string(",".join(parts))
    if user:
        client.set_user(user[0])
        client.set_password(user[1])
    return client


def refused(client: Client) -> str:
    """The status code with which a client cannot come in."""
    with pytest.raises(UaStatusCodeError) as refusal, client:
        pass
    return name(ua.StatusCode(ua.UInt32(refusal.value.code)))
