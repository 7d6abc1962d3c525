"""TLS and passwords of `pegel mqtt`."""

from pathlib import Path

import pegel
from helpers.mqtt import Broker, bridged, listening
from helpers.programs import run, wait_until

HERE = ("--prefix", "site")


def certify(place: Path) -> None:
    """An authority, a broker's certificate and a client's."""
    subject = "/CN=Pegel's tests"
    new = [
        "openssl",
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]
    days = ["-days", "2"]
    made = [[*new, "-x509", *days, "-subj", subject, "-keyout", "ca.key", "-out", "ca.crt"]]
    (place / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name, extra in [("broker", ["-extfile", "names"]), ("client", ["-extfile", "names"])]:
        made += [
            [*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"],
            ["openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
             "-CAcreateserial", *days, *extra, "-out", f"{name}.crt"],
        ]  # fmt: skip
    for command in made:
        done = run(command, directory=place)
        assert done.returncode == 0, done.stderr


def test_tls_and_passwords(tmp_path: Path, boards: Path) -> None:
    certify(tmp_path)
    users = tmp_path / "users"
    done = run(["mosquitto_passwd", "-c", "-b", str(users), "solar", "right"])
    assert done.returncode == 0, done.stderr
    broker = Broker(
        tmp_path / "broker",
        "allow_anonymous false",
        f"password_file {users}",
        f"cafile {tmp_path}/ca.crt",
        f"certfile {tmp_path}/broker.crt",
        f"keyfile {tmp_path}/broker.key",
        "require_certificate true",
    )
    url = f"mqtts://127.0.0.1:{broker.port}"
    password = tmp_path / "password"
    password.touch(mode=0o600)
    login = ("--user", "solar", "--password-file", str(password))
    identity = ("--certificate", f"{tmp_path}/client.crt", "--key", f"{tmp_path}/client.key")
    ca = ("--ca", f"{tmp_path}/ca.crt")

    def complaint(*arguments: str) -> str:
        with bridged(boards, url, "--board", "tank", *arguments, complaint="") as bridge:
            wait_until(lambda: bridge.status().get("last_failure"))
            failure = str(bridge.status()["last_failure"])
        # That of the next one is a new board.
        pegel.unlink(boards / "pegel-mqtt")
        return failure

    try:
        password.write_text("wrong\n")
        assert "refused the connection" in complaint(*ca, *identity, *login)
        password.write_text("right\n")
        # The system knows nothing of the tests' authority.
        wrong = tmp_path / "other"
        wrong.mkdir()
        certify(wrong)
        assert "not accepted" in complaint("--ca", f"{wrong}/ca.crt", *identity, *login)
        assert complaint(*ca, *login)
        with bridged(boards, url, *HERE, "--board", "tank", *ca, *identity, *login) as bridge:
            bridge.wait_until_well()
        plain = f"mqtt://127.0.0.1:{broker.port}"
        with bridged(boards, plain, "--board", "tank", complaint="no connection") as bridge:
            wait_until(lambda: bridge.status().get("last_failure"))
    finally:
        broker.kill()


def test_a_private_board_is_published_only_if_it_is_named(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "mine", level=pegel.f64(default=1.5), mode=0o600).close()
    pegel.Writer(boards / "ours", level=pegel.f64(default=2.5), mode=0o640).close()
    with listening(broker) as now:
        with bridged(boards, broker, "--prefix", "site"):
            now.wait_for("site/ours/fields/level", "2.5")
            # Those that are found later come after those that were there.
            pegel.Writer(boards / "later", level=pegel.f64(default=3.5)).close()
            now.wait_for("site/later/fields/level", "3.5")
        assert not [topic for topic in now.values if topic.startswith("site/mine")]
        with bridged(boards, broker, "--prefix", "site", "--board", "mine"):
            now.wait_for("site/mine/fields/level", "1.5")
