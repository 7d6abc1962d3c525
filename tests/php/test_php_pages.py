"""The pages of docs/php.md, docs/symfony.md and docs/laravel.md run as they are printed."""

import html
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.programs import (
    ROOT,
    WATCHDOG,
    built,
    converse,
    environment,
    free_port,
    listens,
    php,
    run,
    wait_until,
)

AUTOLOAD = """<?php
require '{package}/autoload.php';
spl_autoload_register(static function (string $class): void {{
    require __DIR__ . '/../src/' . strtr(substr($class, 4), '\\\\', '/') . '.php';
}});
"""


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def write_files(page: str, directory: Path, sources: str = "src") -> None:
    """Writes the blocks of a page into the files that they name first."""
    for block in [*blocks(page, "php"), *blocks(page, "yaml")]:
        named = re.search(r"^(?:#|//) (\S+\.(?:php|yaml))$", block, re.MULTILINE)
        assert named, block
        file = directory / re.sub(r"^src/", f"{sources}/", named[1])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block)


def application(directory: Path, page: str, sources: str) -> Path:
    """A project with the boards and the classes of docs/php.md and the files of a page."""
    program = str(built("target/release/pegel"))
    for number, schema in enumerate(blocks("php.md", "toml")):
        (directory / f"{number}.toml").write_text(schema)
        done = run([program, "create", f"{number}.toml"], environment(directory), directory)
        assert (done.returncode, done.stderr) == (0, "")
    write_files("php.md", directory, sources)
    write_files(page, directory, "src")
    (command,) = [block for block in blocks("php.md", "sh") if "gen php" in block]
    (directory / sources / "Boards").mkdir()
    (directory / "src").mkdir(exist_ok=True)
    shell = environment(directory) | {"PATH": f"{Path(program).parent}:{os.environ['PATH']}"}
    done = run(["sh", "-ec", command.replace("> src/", f"> {sources}/")], shell, directory)
    assert (done.returncode, done.stderr) == (0, "")
    return directory


class Pages:
    """PHP's own server over the pages of docs/php.md."""

    def __init__(self, directory: Path) -> None:
        (directory / "vendor").mkdir()
        package = ROOT / "php-ffi"
        (directory / "vendor/autoload.php").write_text(AUTOLOAD.format(package=package))
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        server = ["-S", f"127.0.0.1:{port}", "-t", str(directory / "public")]
        command = ["php", "-d", "ffi.enable=1", *server]
        workers = {"PHP_CLI_SERVER_WORKERS": "2"}
        self.process = subprocess.Popen(
            command,
            env=environment(directory) | workers,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda: listens(port), "the start of PHP's server")

    def ask(self, page: str, **form: object) -> str:
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(f"{self.address}/{page}", data, timeout=WATCHDOG) as answer:
            return str(answer.read().decode())


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    served = Pages(application(tmp_path, "php.md", "src"))
    yield served
    os.killpg(served.process.pid, 9)
    served.process.wait()


def test_plain_pages(pages: Pages, tmp_path: Path) -> None:
    assert "No reading yet" in pages.ask("now.php")
    with pegel.Writer.open(tmp_path / "inverter", timeout=0) as inverter:
        inverter.publish(power=21.75, temperature=None)
        now = pages.ask("now.php")
        assert "21.8 W" in now
        assert "late" not in now
        with urllib.request.urlopen(f"{pages.address}/events.php", timeout=WATCHDOG) as events:
            assert events.headers.get_content_type() == "text/event-stream"
            assert json.loads(events.readline()[6:]) == {"power": 21.75, "temperature": None}
            events.readline()
            inverter.publish(power=22, temperature=30)
            assert json.loads(events.readline()[6:]) == {"power": 22.0, "temperature": 30.0}
    age(tmp_path / "pegel.inverter")
    assert "the daemon is stopped" in pages.ask("now.php")


def age(board: Path) -> None:
    """Lets all publications be of an earlier boot, a minute ago."""
    reader = pegel.Reader(board.parent / board.name.removeprefix("pegel."))
    slots, record = reader.info.slots, reader.info.record_size
    size = -(-(-(-record // 8) * 8 + 48) // 64) * 64
    with board.open("r+b") as file:
        for slot in range(1, slots + 1):
            file.seek(-slot * size + -(-record // 8) * 8, os.SEEK_END)
            minute_ago = time.time_ns() - 60_000_000_000
            file.write((1).to_bytes(8, "little") + minute_ago.to_bytes(8, "little") + b"\1" * 8)


def test_plain_forms(pages: Pages, tmp_path: Path) -> None:
    form = pages.ask("settings.php")
    assert 'name="shown" value="1"' in form
    assert "Saved" in pages.ask("settings.php", shown=1, interval=2.5, limit=300)
    assert dict(pegel.Reader(tmp_path / "config").read()) == {"interval": 2.5, "limit": 300}
    late = pages.ask("settings.php", shown=1, interval=9, limit=9)
    assert "Someone else has saved" in late
    assert 'name="shown" value="2"' in late
    refused = html.unescape(pages.ask("settings.php", shown=2, interval=0, limit=9))
    assert "field interval must be between 1 and 3600 s (got 0)" in refused
    assert dict(pegel.Reader(tmp_path / "config").read()) == {"interval": 2.5, "limit": 300}


def test_the_class_of_the_readme(tmp_path: Path) -> None:
    readme = (ROOT / "php-ffi/README.md").read_text()
    (block,) = re.findall(
        r"^```php\n(final class Tank\n.*?)^```$", readme, re.DOTALL | re.MULTILINE
    )
    package = f"require '{ROOT}/php-ffi/autoload.php';"
    uses = "use Pegel\\{Field, Reader, Schema, Type, Writer};"
    echo = "echo json_encode($tank);"
    (tmp_path / "tank.php").write_text(f"<?php {uses}\n{package}\n{block}\n{echo}")
    done = run(["php", str(tmp_path / "tank.php")], environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    tank = {"level": 3.21, "rated": [405, 405], "isRaining": None, "note": "none"}
    assert json.loads(done.stdout) == tank
    assert pegel.Reader(tmp_path / "tank").fields["is_raining"].optional


@pytest.mark.parametrize(("framework", "sources"), [("symfony", "src"), ("laravel", "app")])
def test_frameworks(tmp_path: Path, framework: str, sources: str) -> None:
    application(tmp_path, f"{framework}.md", sources)
    command = [*php(f"tests/php/pages/{framework}.php"), str(tmp_path)]
    with converse(command, environment(tmp_path)) as framework_:

        def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            status, answer = json.loads(framework_.ask(json.dumps([method, path, body])))
            return status, answer

        assert ask("GET", "/now")[0] == 503
        with pegel.Writer.open(tmp_path / "inverter", timeout=0) as inverter:
            inverter.publish(power=21.5, temperature=None)
            assert ask("GET", "/now") == (200, {"power": 21.5, "isStale": False})
            inverter.publish(power=22, temperature=None)
            assert ask("GET", "/now") == (200, {"power": 22.0, "isStale": False})
        saved = {"interval": 2.5, "limit": 300}
        first = {"shown": 1, "settings": saved}
        assert ask("PUT", "/settings", first) == (200, {"shown": 2, "settings": saved})
        assert ask("PUT", "/settings", first) == (409, {"shown": 2, "settings": saved})
        wrong = {"shown": 2, "settings": {"interval": 0.5}}
        status, reason = ask("PUT", "/settings", wrong)
        assert status == 422
        assert "interval" in reason
        assert dict(pegel.Reader(tmp_path / "config").read()) == saved
