"""The users of `pegel opcua`, and how sessions are secured."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

import pegel
from helpers.opcua import node, read, serving
from helpers.opcua_secured import Certificate, hashed, refused, secured
from helpers.programs import built, environment, run
from helpers.systemd import verify_unit

POLICIES = ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with two users that can write a board."""
    pegel.Writer(tmp_path / "config", interval=pegel.f64("s", default=5), mode=0o660).close()
    passwords = tmp_path / "passwords"
    passwords.write_text(
        f"# users\n\noperator:{hashed('let me in')}\nthe other:{hashed('Grüße')}\n"
    )
    file = tmp_path / "opcua.toml"
    file.write_text(f'passwords = "{passwords}"\nwrite = ["config"]\n')
    return file


def test_users_come_by_password(tmp_path: Path, config: Path) -> None:
    certificate = Certificate(tmp_path)
    complaint = 'user "operator" was refused'
    with serving(tmp_path, "--config", str(config), complaint=complaint) as server:
        me = ("operator", "let me in")
        assert refused(secured(server, certificate, user=me)) == "BadCertificateUntrusted"
        certificate.trust(server)
        for policy in POLICIES:
            for mode in ["Sign", "SignAndEncrypt"]:
                with secured(server, certificate, policy, mode, me) as client:
                    assert read(client, "config/interval") == ("Good", 5)
        with secured(server, certificate, user=("the other", "Grüße")) as client:
            node(client, "config/interval").write_value(2.5)
        assert pegel.Reader(tmp_path / "config").read()["interval"] == 2.5
        for wrong in [("operator", "Let me in"), ("operator", ""), ("nobody", "let me in")]:
            assert refused(secured(server, certificate, user=wrong)) == "BadIdentityTokenRejected"
        # Nobody without a name, and nothing in the clear.
        assert refused(secured(server, certificate)) == "BadIdentityTokenInvalid"
        with pytest.raises(UaError), server.client():
            pass


def test_those_without_a_name_may_read_if_that_is_wanted(tmp_path: Path, config: Path) -> None:
    with config.open("a") as file:
        file.write('anonymous = true\nsecurity = ["None", "Basic256Sha256"]\n')
    certificate = Certificate(tmp_path)
    with serving(tmp_path, "--config", str(config)) as server:
        with server.client() as client:
            assert read(client, "config/interval") == ("Good", 5)
            interval = node(client, "config/interval")
            assert ua.AccessLevel.CurrentWrite not in interval.get_user_access_level()
            with pytest.raises(UaStatusCodeError) as refusal:
                interval.write_value(2.5)
            assert refusal.value.code == StatusCodes.BadUserAccessDenied
        # A password is not taken where all could read it.
        open_client = server.client()
        open_client.set_user("operator")
        open_client.set_password("let me in")
        with pytest.raises(UaError), open_client:
            pass
        assert refused(secured(server, certificate)) == "BadCertificateUntrusted"
        certificate.trust(server)
        with secured(server, certificate, user=("operator", "let me in")) as client:
            node(client, "config/interval").write_value(2.5)


def test_any_client_may_be_trusted(tmp_path: Path, config: Path) -> None:
    with config.open("a") as file:
        file.write("any_client = true\n")
    certificate = Certificate(tmp_path)
    me = ("operator", "let me in")
    with (
        serving(tmp_path, "--config", str(config)) as server,
        secured(server, certificate, user=me) as client,
    ):
        assert read(client, "config/interval") == ("Good", 5)


def test_without_a_configuration_sessions_may_be_secured_too(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "tank", level=pegel.f64("m", default=1.5)).close()
    certificate = Certificate(tmp_path)
    with serving(tmp_path, "--settings", "tank") as server:
        assert refused(secured(server, certificate)) == "BadCertificateUntrusted"
        certificate.trust(server)
        with secured(server, certificate) as client:
            assert read(client, "tank/level") == ("Good", 1.5)


def test_the_key_is_nobody_elses(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for directory in [server.state, server.state / "private"]:
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_reports_why_it_cannot_serve(tmp_path: Path, config: Path) -> None:
    def complaint(*arguments: str) -> tuple[int, str]:
        command = [
            str(built("target/release/pegel")),
            "opcua",
            "--state-dir",
            str(tmp_path / "state"),
        ]
        done = run([*command, *arguments], environment(tmp_path))
        return done.returncode, done.stderr

    def configured(text: str) -> str:
        config.write_text(text)
        status, message = complaint("--config", str(config), "--listen", "127.0.0.1:0")
        assert status == 1
        return message

    status, message = complaint("--listen", "0.0.0.0:0")
    assert (status, "reachable from other machines" in message) == (2, True)
    status, message = complaint("--listen", "here")
    assert (status, "ADDRESS:PORT" in message) == (2, True)
    status, message = complaint("--board", "tank", "--board", f"{tmp_path}/tank")
    assert (status, "two boards have the name tank" in message) == (2, True)
    assert "no/such/file" in complaint("--config", "no/such/file")[1]
    assert "unknown field `lissen`" in configured('lissen = "127.0.0.1:0"\n')
    assert "unknown variant `Basic256`" in configured('security = ["Basic256"]\n')
    assert "stale_after must be a number of seconds" in configured("stale_after = -1\n")
    assert "cannot read the passwords" in configured('passwords = "no/such/file"\n')
    passwords = tmp_path / "passwords"
    for line, reason in [
        ("operator", "line 1: write NAME:HASH"),
        ("operator:secret", "line 1: the hash of operator"),
        (f"operator:{hashed('a')}\noperator:{hashed('b')}", "line 2: operator stands there twice"),
    ]:
        passwords.write_text(line)
        assert reason in configured(f'passwords = "{passwords}"\n')
    with serving(tmp_path) as server:
        status, message = complaint("--listen", f"127.0.0.1:{server.port}")
        assert (status, "Address already in use" in message) == (1, True)
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "state").touch()
    status, message = complaint("--listen", "127.0.0.1:0")
    assert (status, "--state-dir" in message) == (1, True)


def test_doctor_looks_at_the_server(tmp_path: Path, config: Path) -> None:
    def findings() -> dict[str, tuple[str, str]]:
        command = [str(built("target/release/pegel")), "doctor", "--json", "--opcua", str(config)]
        done = run(command, environment(tmp_path))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {one["subject"]: (one["status"], one["message"]) for one in lines}

    passwords = tmp_path / "passwords"
    passwords.chmod(0o640)
    text = config.read_text()
    with serving(tmp_path, "--config", str(config)) as server:
        config.write_text(
            f'listen = "127.0.0.1:{server.port}"\nstate_dir = "{server.state}"\n{text}'
        )
        found = findings()
        assert found["OPC UA"] == ("ok", f"a server answers at 127.0.0.1:{server.port}")
        assert found["OPC UA passwords"] == ("ok", "2 users")
        assert "OPC UA clients" not in found
        assert refused(secured(server, Certificate(tmp_path))) == "BadCertificateUntrusted"
        state, reason = findings()["OPC UA clients"]
        (client,) = (server.state / "rejected").iterdir()
        assert (state, client.name in reason) == ("note", True)
        passwords.chmod(0o644)
        assert findings()["OPC UA passwords"][0] == "problem"
    state, reason = findings()["OPC UA"]
    assert (state, "no answer" in reason) == ("note", True)
    config.write_text("lissen = 1\n")
    assert findings()["OPC UA"][0] == "problem"


def test_the_unit_is_one_and_hardened(tmp_path: Path) -> None:
    verify_unit("pegel-opcua.service", tmp_path, threshold=15)
