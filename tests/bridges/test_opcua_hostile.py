"""Hostile requests to `pegel opcua`: none ends it, stalls it or exhausts its memory."""

import asyncio
import struct
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic128Rsa15
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError

import pegel
from helpers.opcua import Server, node, read, serving
from helpers.opcua_raw import (
    Channel,
    Connection,
    RefusedError,
    extension,
    frame,
    header,
    node_id,
    text,
)
from helpers.opcua_secured import CLIENT_URI, Certificate, hashed, refused, secured

# A value whose own value nests: a write of the attribute 13 of a node.
WRITE = (
    node_id(673) + header() + struct.pack("<i", 1) + b"\0\0" + struct.pack("<I", 13) + text(None)
)
WRITE += b"\1"
DEEP = 30_000
NESTED = {
    "data values": WRITE + b"\x17\1" * DEEP,
    "diagnostic infos": WRITE + b"\x19" + b"\x40" * DEEP,
    "arrays": WRITE + (bytes([0x80 | 24]) + struct.pack("<i", 1)) * DEEP,
}


def nesting_header(levels: int) -> bytes:
    """An additional header that contains a value that nests."""
    value = node_id(1) + struct.pack("<I", 13) + text(None) + b"\1" + b"\x17\1" * levels + b"\0"
    return extension(670, value)


def is_well(server: Server) -> bool:
    """Whether another client is answered."""
    return Channel(server.port, server.url).endpoints() == 431


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration without an anonymous endpoint."""
    pegel.Writer(tmp_path / "tank", level=pegel.f64("m", default=1.5)).close()
    passwords = tmp_path / "passwords"
    passwords.write_text(f"operator:{hashed('let me in')}\n")
    file = tmp_path / "opcua.toml"
    file.write_text(f'passwords = "{passwords}"\nsecurity = ["Aes256-Sha256-RsaPss"]\n')
    return file


def cut_off(channel: Channel, body: bytes) -> bool:
    """Whether the server ends the connection over a request, in chunks if it is large."""
    parts = [body[at : at + 60_000] for at in range(0, len(body), 60_000)]
    try:
        for part in parts[:-1]:
            channel.chunk(part, b"MSGC")
        channel.chunk(parts[-1])
        channel.receive()
    except RefusedError:
        return True
    return False


@pytest.mark.parametrize("what", NESTED)
@pytest.mark.parametrize("is_open", [True, False])
def test_nested_values_end_only_their_connection(
    tmp_path: Path, config: Path, what: str, is_open: bool
) -> None:
    arguments = [] if is_open else ["--config", str(config)]
    with serving(tmp_path, *arguments) as server:
        channel = Channel(server.port, server.url)
        if is_open:
            channel.log_in()
        assert cut_off(channel, NESTED[what])
        assert is_well(server)


@pytest.mark.parametrize("levels", [1000, 6000])
def test_nested_headers_end_only_their_connection(
    tmp_path: Path, config: Path, levels: int
) -> None:
    nesting = nesting_header(levels)
    with serving(tmp_path, "--config", str(config)) as server:
        body = node_id(428) + header(additional=nesting) + text(server.url)
        assert cut_off(Channel(server.port, server.url), body + struct.pack("<ii", -1, -1))
        with pytest.raises(RefusedError):
            Channel(server.port, server.url, additional=nesting)
        channel = Channel(server.port, server.url)
        channel.chunk(node_id(452) + header(additional=nesting), b"CLOF")
        with pytest.raises(RefusedError):
            channel.receive()
        assert is_well(server)


def test_nested_values_of_a_trusted_client_are_refused(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "tank", level=pegel.f64("m", default=1.5)).close()
    certificate = Certificate(tmp_path)
    operand = ua.ExtensionObject(ua.NodeId(ua.Int32(597)), ua.ByteString(b"\x17\1" * 4 * DEEP))
    nested = ua.Variant(operand, ua.VariantType.ExtensionObject)
    with serving(tmp_path, "--settings", "tank") as server:
        assert refused(secured(server, certificate)) == "BadCertificateUntrusted"
        certificate.trust(server)
        with secured(server, certificate) as client:
            with pytest.raises(UaError):
                node(client, "tank/level").write_value(ua.DataValue(nested))
            assert read(client, "tank/level") == ("Good", 1.5)


def test_policies_that_are_not_offered_are_refused(tmp_path: Path, config: Path) -> None:
    certificate = Certificate(tmp_path)

    async def open_channel(server: Server) -> None:
        client = Client(server.url)
        client.application_uri = CLIENT_URI
        await client.set_security(
            SecurityPolicyBasic128Rsa15,
            str(certificate.file),
            str(certificate.key),
            server_certificate=str(server.state / "own/cert.der"),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
        await client.connect_socket()
        try:
            await client.send_hello()
            await client.open_secure_channel()
        finally:
            client.disconnect_socket()

    with serving(tmp_path, "--config", str(config)) as server:
        with pytest.raises(UaError):
            asyncio.run(open_channel(server))
        # Nothing was decrypted: the certificate was not even looked at.
        assert is_well(server)


def flood(connection: Connection) -> None:
    """Says that its first message has 4 GiB, and sends 64 MiB of it."""
    connection.send(b"HELF" + struct.pack("<I", 0xFFFF_FFF0))
    for _ in range(64):
        connection.send(bytes(1 << 20))


def flood_with_chunks(channel: Channel) -> None:
    for _ in range(1000):
        channel.chunk(bytes(60_000), b"MSGC")


def test_nothing_large_is_taken_from_strangers(tmp_path: Path, config: Path) -> None:
    with serving(tmp_path, "--config", str(config)) as server:
        with pytest.raises(RefusedError):
            flood(Connection(server.port, server.url))
        with pytest.raises(RefusedError):
            flood_with_chunks(Channel(server.port, server.url))
        assert is_well(server)


def test_a_small_request_cannot_take_much_memory(tmp_path: Path) -> None:
    count = 200_000
    nothing = {kind: bytes([0x80 | kind]) + struct.pack("<i", count) for kind in (23, 24)}
    with serving(tmp_path) as server:
        for array in nothing.values():
            channel = Channel(server.port, server.url)
            channel.log_in()
            assert cut_off(channel, WRITE + array + bytes(count))
        # A request of one element, that says that it has many.
        channel = Channel(server.port, server.url)
        assert cut_off(channel, WRITE + bytes([0x80 | 24]) + struct.pack("<i", 2**31 - 1) + b"\0")
        assert is_well(server)


def test_services_are_for_those_who_may_log_in(tmp_path: Path, config: Path) -> None:
    with serving(tmp_path, "--config", str(config)) as server:
        for _ in range(30):
            channel = Channel(server.port, server.url)
            with pytest.raises(RefusedError):
                channel.create_session()
        certificate, me = Certificate(tmp_path), ("operator", "let me in")
        policy = "Aes256Sha256RsaPss"
        assert refused(secured(server, certificate, policy, user=me)) == "BadCertificateUntrusted"
        certificate.trust(server)
        with secured(server, certificate, policy, user=me) as client:
            assert read(client, "tank/level")[1] == 1.5


def test_sessions_and_idle_channels_keep_nobody_out(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "tank", level=pegel.f64("m", default=1.5)).close()
    with serving(tmp_path, "--settings", "tank", descriptors=256) as server:
        channels = []
        for _ in range(120):
            channel = Channel(server.port, server.url)
            assert channel.create_session() == 464
            channels.append(channel)
        with server.client() as client:
            assert read(client, "tank/level") == ("Good", 1.5)


def test_a_connection_has_few_sessions(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        channel = Channel(server.port, server.url)
        for _ in range(4):
            assert channel.create_session() == 464
        with pytest.raises(RefusedError):
            channel.create_session()
        assert is_well(server)


@pytest.mark.parametrize("says_so", [True, False])
def test_subscriptions_end_with_the_connection(tmp_path: Path, says_so: bool) -> None:
    with serving(tmp_path) as server:
        channel = Channel(server.port, server.url)
        channel.log_in()
        # For ever, as far as the client is concerned.
        forever = struct.pack("<dIII", 3_600_000.0, 90_000, 30_000, 0) + b"\1\0"
        number, answer = channel.ask(787, forever)
        assert number == 790
        if says_so:
            # "Do not delete the subscriptions."
            assert channel.ask(473, b"\0")[0] == 476
        channel.socket.shutdown(1)
        with pytest.raises(RefusedError):
            channel.receive()
        other = Channel(server.port, server.url)
        other.log_in()
        number, results = other.ask(841, struct.pack("<i", 1) + answer[:4] + b"\0")
        assert number == 844
        count, status = struct.unpack("<iI", results[:8])
        assert (count, hex(status)) == (1, hex(StatusCodes.BadSubscriptionIdInvalid))


OTHERS = {
    "a message": frame(b"MSGF", bytes(40)),
    "a channel": frame(b"OPNF", bytes(40)),
    "a part": frame(b"HELC", bytes(40)),
    "a server's": frame(b"RHEF", bytes(40)),
    "less than a head": b"HELF" + struct.pack("<I", 7),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "bytes": bytes(range(100)),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_first_messages_are_refused(tmp_path: Path, what: str) -> None:
    with serving(tmp_path) as server:
        connection = Connection(server.port, server.url)
        connection.send(OTHERS[what])
        with pytest.raises(RefusedError):
            connection.receive()
        assert is_well(server)
