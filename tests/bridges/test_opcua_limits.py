"""What `pegel opcua` bounds for its clients, and what it does not reveal."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.crypto import uacrypto
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

import pegel
from helpers.opcua import Changes, Server, name, node, read, serving
from helpers.opcua_secured import Certificate, refused, secured
from helpers.programs import run

MEGABYTE = 1 << 20


def users(place: Path, rounds: int) -> list[str]:
    """A configuration with a user whose password takes long to check."""
    made = run(["openssl", "passwd", "-6", "-salt", f"rounds={rounds}$salt", "let me in"])
    passwords = place / "passwords"
    passwords.write_text(f"operator:{made.stdout}")
    file = place / "opcua.toml"
    file.write_text(f'passwords = "{passwords}"\nany_client = true\n')
    return ["--config", str(file)]


@pytest.fixture
def long_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client encrypts a password in as many blocks as it takes."""
    one: Any = uacrypto.encrypt_rsa_oaep

    def encrypt(key: Any, data: bytes) -> bytes:
        size = key.key_size // 8 - 42
        return b"".join(one(key, data[at : at + size]) for at in range(0, len(data), size))

    monkeypatch.setattr(uacrypto, "encrypt_rsa_oaep", encrypt)


def processor_time(server: Server) -> int:
    """In clock ticks; a busy machine does not change it."""
    stat = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return int(stat[11]) + int(stat[12])


def largest_memory(server: Server) -> int:
    """In bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@pytest.mark.usefixtures("long_passwords")
def test_a_login_costs_the_same_for_every_name(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    arguments = users(tmp_path, 200_000)
    with serving(tmp_path, *arguments, complaint="was refused") as server:

        def cost(user: str, password: str) -> int:
            start = processor_time(server)
            client = secured(server, certificate, user=(user, password))
            assert refused(client) == "BadIdentityTokenRejected"
            return processor_time(server) - start

        known = sum(cost("operator", "wrong") for _ in range(3))
        unknown = sum(cost("nobody", "wrong") for _ in range(3))
        assert known > 10
        assert known / 2 < unknown < known * 2
        # A long password is refused without a check.
        assert cost("operator", "x" * 257) < known / 6


@pytest.mark.usefixtures("long_passwords")
def test_a_long_secret_is_not_decrypted(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    with serving(tmp_path, *users(tmp_path, 1000)) as server:
        client = secured(server, certificate, user=("operator", "x" * 4000))
        with pytest.raises((UaError, ConnectionError)), client:
            pass
        with secured(server, certificate, user=("operator", "let me in")):
            pass


def test_a_private_board_is_not_for_everybody_to_write(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "mine", level=pegel.f64(default=1.5), mode=0o600).close()
    pegel.Writer(tmp_path / "ours", level=pegel.f64(default=1.5), mode=0o660).close()
    arguments = ["--write", "mine", "--write", "ours"]
    with (
        serving(tmp_path, *arguments, complaint="only its owner can read it") as server,
        server.client() as client,
    ):
        node(client, "ours/level").write_value(2.5)
        with pytest.raises(UaStatusCodeError) as refusal:
            node(client, "mine/level").write_value(2.5)
        assert name(ua.StatusCode(ua.UInt32(refusal.value.code))) == "BadUserAccessDenied"
    assert pegel.Reader(tmp_path / "mine").read()["level"] == 1.5


def test_a_private_board_is_served_only_if_it_is_named(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "mine", level=pegel.f64(default=1.5), mode=0o600).close()
    pegel.Writer(tmp_path / "ours", level=pegel.f64(default=2.5), mode=0o640).close()
    with serving(tmp_path) as server, server.client() as client:
        assert read(client, "ours/level")[1] == 2.5
        assert read(client, "mine/level") == ("BadNodeIdUnknown", None)
    with serving(tmp_path, "--board", "mine") as server, server.client() as client:
        assert read(client, "mine/level")[1] == 1.5


def test_a_request_cannot_read_more_than_a_message_holds(tmp_path: Path) -> None:
    document = bytes(MEGABYTE // 2)
    pegel.Writer(tmp_path / "large", pegel.bytes_(MEGABYTE)).publish(document)
    with serving(tmp_path, "--settings", "large") as server, server.client() as client:
        large = node(client, "large/document")
        assert large.read_value() == document
        before = largest_memory(server)
        with pytest.raises(UaStatusCodeError):
            client.read_values([large] * 200)
        assert largest_memory(server) - before < 20 * MEGABYTE
        assert large.read_value() == document


def test_large_values_are_not_monitored_without_end(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "large", pegel.bytes_(MEGABYTE))
    writer.publish(b"first")
    with serving(tmp_path) as server, server.client() as client:
        large = node(client, "large/document")
        changes = Changes()
        subscription = client.create_subscription(20, changes)
        results = subscription.subscribe_data_change([large] * 40)
        codes = [one for one in results if isinstance(one, ua.StatusCode)]
        assert [name(one) for one in codes] == ["BadTooManyMonitoredItems"] * 9
        subscription.delete()
        # The memory is for others then.
        subscription = client.create_subscription(20, changes)
        subscription.subscribe_data_change(large)


def test_rejected_certificates_do_not_fill_the_disk(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    with serving(tmp_path) as server:
        rejected = server.state / "rejected"
        for number in range(200):
            old = rejected / f"{number}.der"
            old.write_bytes(certificate.file.read_bytes())
            os.utime(old, (number, number))
        assert refused(secured(server, certificate)) == "BadCertificateUntrusted"
        left = {one.name for one in rejected.iterdir()}
        assert len(left) <= 101
        assert "199.der" in left
        assert "0.der" not in left


def test_other_machines_are_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "opcua.toml"
    file.write_text('security = ["Basic256Sha256"]\n')
    arguments = ["--config", str(file)]
    with serving(
        tmp_path, *arguments, address="0.0.0.0", complaint="other machines can reach"
    ) as server:
        assert server.port
