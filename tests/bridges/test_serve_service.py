"""`pegel serve`: its description, its documentation, its unit, and what the doctor says of it."""

import json
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

from openapi_spec_validator import validate

import pegel
from helpers.http import TOKEN, Client, Server, serving, token_file
from helpers.programs import ROOT, WATCHDOG, built, environment, free_port, run, wait_until
from helpers.systemd import verify_unit

DOCUMENTATION = (ROOT / "docs/http.md").read_text()


def test_the_description_is_one_and_names_all_routes(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = server.ask("/openapi.json")
        assert answer.headers["Content-Type"] == "application/json"
        validate(answer.json)
        found = {
            f"{method.upper()} {path}".replace("{name}", "NAME").replace("{field}", "FIELD")
            for path, methods in answer.json["paths"].items()
            for method in methods
        }
        # What no program asks for is not in it.
        documented = re.findall(r"`((?:GET|PUT|PATCH) /[^`?]*)", DOCUMENTATION)
        assert found == set(documented) - {"GET /", "GET /openapi.json"}
        for operation in found:
            help_ = run([str(built("target/release/pegel")), "serve", "--help"]).stdout
            path = operation.partition(" ")[2]
            assert path in help_, operation


def test_the_session_of_the_documentation(tmp_path: Path) -> None:
    page = (ROOT / "docs/program.md").read_text()
    (schema,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "config.toml").write_text(schema)
    program = str(built("target/release/pegel"))
    done = run([program, "create", "config.toml"], environment(tmp_path), tmp_path)
    assert done.returncode == 0, done.stderr
    (recorded,) = re.findall(r"^```console\n(.*?)^```$", DOCUMENTATION, re.DOTALL | re.MULTILINE)
    with serving(tmp_path, "--write", "config", *token_file(tmp_path)) as server:
        assert recorded == replay(recorded, server, tmp_path)


def replay(block: str, server: Server, place: Path) -> str:
    """The session with what its commands print now; ages, moments and lineages are others."""
    tag = server.ask("/boards/config").tag.strip('"').rpartition("-")[0]
    variables = os.environ | {"TOKEN": f"Authorization: Bearer {TOKEN}"}
    lines = []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        real = command.replace(":7070", f":{server.port}").replace("5eed-5eed", tag)
        done = run(["sh", "-c", real], variables)
        assert (done.returncode, done.stderr) == (0, "")
        lines += [f"$ {command}\n", f"{done.stdout}\n"]
    text = "".join(lines).replace(str(place), "/dev/shm").replace(tag, "5eed-5eed")
    text = re.sub(r'"published":[\d.]+', '"published":1782036000.0', text)
    return re.sub(r'"age":[\d.]+', '"age":0.0', text)


NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    server {
        listen PORT;
        LOCATION
    }
}
"""


def test_behind_the_web_server_of_the_documentation(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "tank", level=pegel.f64("m", default=1.5)).close()
    (location,) = re.findall(r"^```nginx\n(.*?)^```$", DOCUMENTATION, re.DOTALL | re.MULTILINE)
    port = free_port()
    path = tmp_path / "http.sock"
    location = location.replace("/run/pegel-serve/http.sock", str(path))
    configuration = NGINX.replace("PORT", f"127.0.0.1:{port}").replace("LOCATION", location)
    (tmp_path / "nginx.conf").write_text(configuration)
    command = ["/usr/sbin/nginx", "-e", "stderr", "-p", str(tmp_path), "-c", "nginx.conf"]
    with (
        serving(tmp_path, "--write", "tank", listen=f"unix:{path}"),
        subprocess.Popen(command) as nginx,
    ):
        front = Client(port)
        wait_until(lambda: front.is_there() or nginx.poll() is not None)
        assert 'src="page.js"' in front.ask("/pegel/").text
        assert front.ask("/pegel/page.js").status == 200
        origin = {"Origin": f"http://127.0.0.1:{port}"}
        answer = front.write("PATCH", "/pegel/boards/tank", {"level": 2}, **origin)
        assert answer.status == 200
        origin = {"Origin": "http://evil.example"}
        assert front.write("PATCH", "/pegel/boards/tank", {}, **origin).status == 403
        with front.events("/pegel/boards/tank/events") as events:
            assert events.until("message").data["record"] == {"level": 2.0}
        with front.websocket("/pegel/events") as follower:
            assert json.loads(follower.recv(WATCHDOG))["event"] == "board"
        nginx.terminate()
    assert nginx.returncode == 0


def doctor(place: Path, address: str) -> tuple[str, str]:
    """What it says of the server, and how bad that is."""
    command = [str(built("target/release/pegel")), "doctor", "--json", "--serve", address]
    findings = [json.loads(line) for line in run(command, environment(place)).stdout.splitlines()]
    (finding,) = [one for one in findings if one["subject"] == "HTTP"]
    return finding["status"], finding["message"]


def test_the_doctor_asks_the_server(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "tank", level=pegel.f64("m")).close()
    with serving(tmp_path) as server:
        address = f"127.0.0.1:{server.port}"
        assert doctor(tmp_path, address) == ("ok", f"pegel serve answers at {address}")
    state, found = doctor(tmp_path, address)
    assert (state, "no answer" in found) == ("note", True)
    with serving(tmp_path, *token_file(tmp_path), listen="0.0.0.0:0") as server:
        state, found = doctor(tmp_path, f"0.0.0.0:{server.port}")
        assert (state, "to clients that have its token" in found) == ("ok", True)
    path = f"unix:{tmp_path / 'serve.sock'}"
    with serving(tmp_path, listen=path):
        assert doctor(tmp_path, path)[0] == "ok"
    with socket.create_server(("127.0.0.1", 0)) as other:
        thread = threading.Thread(target=answer_as_another, args=[other])
        thread.start()
        state, found = doctor(tmp_path, f"127.0.0.1:{other.getsockname()[1]}")
        thread.join()
    assert (state, "another program" in found) == ("problem", True)


def answer_as_another(listener: socket.socket) -> None:
    client, _ = listener.accept()
    with client:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\nserver: nginx\r\nconnection: close\r\n\r\n")


def test_the_unit_is_one_and_hardened(tmp_path: Path) -> None:
    verify_unit("pegel-serve.service", tmp_path, threshold=17)


def test_reports_options_that_make_no_sense(tmp_path: Path) -> None:
    def complaint(*arguments: str) -> str:
        command = [str(built("target/release/pegel")), "serve", *arguments]
        done = run(command, environment(tmp_path))
        assert done.returncode in (1, 2), done.stdout
        return done.stderr

    assert "--token-file" in complaint("--listen", "127.0.0.1:0", "--write", "tank")
    assert "--public" in complaint("--listen", "0.0.0.0:0")
    assert "unix:PATH" in complaint("--listen", "localhost:7070")
    assert "two boards" in complaint("--board", "/a/tank", "/b/tank")
    arguments = token_file(tmp_path)
    (tmp_path / "token").chmod(0o644)
    assert "chmod o=" in complaint(*arguments)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "token").write_text("short")
    assert "openssl rand" in complaint(*arguments)
    assert "No such file" in complaint("--token-file", str(tmp_path / "none"))
    with serving(tmp_path) as server:
        assert "ss -ltnp" in complaint("--listen", f"127.0.0.1:{server.port}")
