"""What `pegel gen` prints, and the C++ classes, compiled and run."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.programs import MEMCHECK, ROOT, SANITIZE, STRICT, built, environment, library, php, run

BOARD = "roof-tank.1"
COMPILERS = (
    ("gcc", "c99"),
    ("gcc", "c11"),
    ("clang", "c99"),
    ("g++", "c++17"),
    ("clang++", "c++17"),
)


def pegel(boards: Path, *arguments: str) -> str:
    done = run([str(built("target/release/pegel")), *arguments], environment(boards), boards)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    """A directory with the board and its header."""
    pegel(tmp_path, "create", str(ROOT / "tests/languages/generated/tank.toml"))
    (tmp_path / "tank.h").write_text(pegel(tmp_path, "gen", "c", BOARD))
    return tmp_path


def compiled(compiler: str, standard: str, source: str, boards: Path) -> str:
    """What a program prints that was built without a warning."""
    program = boards / "program"
    language = "c++" if "++" in compiler else "c"
    sources = ["-x", language, str(ROOT / source), "-x", "none", str(library())]
    include = [f"-I{ROOT}/include", f"-I{boards}", f"-Wl,-rpath,{library().parent}"]
    done = run(
        [compiler, f"-std={standard}", *STRICT, *SANITIZE, *include, *sources, "-o", str(program)]
    )
    assert done.returncode == 0, done.stderr
    done = run([*MEMCHECK, str(program)], environment(boards), boards)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def fields(boards: Path) -> Any:
    return json.loads(pegel(boards, "show", BOARD, "--json"))["fields"]


@pytest.mark.parametrize(("compiler", "standard"), COMPILERS)
def test_the_struct_is_the_record(compiler: str, standard: str, boards: Path) -> None:
    printed = compiled(compiler, standard, "tests/languages/generated/struct.c", boards)
    assert printed == "1.5 0 1 -9 xäyz 0\n"
    assert json.loads(pegel(boards, "get", BOARD, "--json")) == {
        "level": 1.5,
        "flags": [False, False, True],
        "big": 7,
        "wind": None,
        "switch": -9,
        "names": ["", "xäyz"],
    }


def test_the_table_and_the_details_make_the_same_board(boards: Path) -> None:
    before = fields(boards)
    pegel(boards, "rm", BOARD)
    compiled("gcc", "c99", "tests/languages/generated/struct.c", boards)
    assert fields(boards) == before


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_classes_of_cpp(compiler: str, boards: Path) -> None:
    printed = compiled(compiler, "c++17", "tests/languages/generated/wrapper.cpp", boards)
    assert printed.splitlines() == [
        "3.5 2.5 3.5 0",
        "1 0",
        "CONFLICT 1",
        '{"power":21.8}',
        "CORRUPT",
        "NOT_FOUND",
    ]


def test_a_document_has_its_capacity(boards: Path) -> None:
    (boards / "j.toml").write_text("document = 'json'\ncapacity = 99")
    pegel(boards, "create", "1st", "j.toml")
    header = pegel(boards, "gen", "c", "1st")
    assert "#define BOARD_1ST_CAPACITY 99" in header
    assert '{"document", "", PEGEL_JSON, 99, 1, 0}' in header
    assert "typedef" not in header


@pytest.fixture
def module(boards: Path) -> Path:
    path = boards / "tank.py"
    path.write_text(pegel(boards, "gen", "python", BOARD))
    return path


USE = """
import pegel
from tank import RoofTank1

with pegel.Writer("roof-tank.1", RoofTank1) as writer:
    writer.publish(RoofTank1(level=2.5, wind=1.5))
    now = writer.read().as_record(RoofTank1)
    print(now.level, now.flags, now.big, now.wind, now.switch, now.names)
"""


def test_the_class_is_the_record(boards: Path, module: Path) -> None:
    before = fields(boards)
    pegel(boards, "rm", BOARD)
    (boards / "use.py").write_text(USE)
    done = run([sys.executable, "use.py"], environment(boards), boards)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    names = ('a?"\\', "äö")
    assert done.stdout == f"2.5 (True, False, True) 18446744073709551615 1.5 -7 {names}\n"
    assert fields(boards) == before
    assert module.read_text().startswith(f'"""Board {BOARD}, as')


@pytest.mark.parametrize("namespace", ["", "App\\Boards"])
def test_the_class_of_php_is_the_record(boards: Path, namespace: str) -> None:
    option = ["--namespace", namespace] if namespace else []
    (boards / "RoofTank1.php").write_text(pegel(boards, "gen", "php", BOARD, *option))
    before = fields(boards)
    pegel(boards, "rm", BOARD)
    use = php("tests/languages/generated/use.php")
    name = f"{namespace}\\RoofTank1".lstrip("\\")
    done = run([*use, str(boards), name, BOARD], environment(boards), boards)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    level, flags, big, wind, switch, names = json.loads(done.stdout)
    assert (level, flags, big) == (2.5, [True, False, True], str(2**64 - 1))
    assert (wind, switch, names) == (1.5, -7, ['a?"\\', "äö"])
    assert fields(boards) == before


def test_what_cannot_be_a_class_of_php(boards: Path) -> None:
    (boards / "f.toml").write_text("field = [{ name = 'this', type = 'u8' }]")
    (boards / "j.toml").write_text("document = 'json'\ncapacity = 99")
    program = str(built("target/release/pegel"))
    for name, message in {"f": "$snapshot['this']", "j": "documents of json"}.items():
        pegel(boards, "create", name, f"{name}.toml")
        done = run([program, "gen", "php", name], environment(boards))
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
    for arguments in (["php", "f", "--namespace", "1st"], ["c", BOARD, "--namespace", "App"]):
        done = run([program, "gen", *arguments], environment(boards))
        assert (done.returncode, done.stdout) == (2, "")
        assert "namespace" in done.stderr


@pytest.mark.parametrize("board", ["list", "field", "int", "1st", "_"])
def test_boards_with_names_of_php_have_a_class(boards: Path, board: str) -> None:
    (boards / "f.toml").write_text("field = [{ name = 'class', type = 'u8' }]")
    pegel(boards, "create", board, "f.toml")
    (boards / "class.php").write_text(pegel(boards, "gen", "php", board))
    done = run(["php", "-l", str(boards / "class.php")])
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "final class Board" in (boards / "class.php").read_text()


def test_the_struct_of_rust_is_the_record(boards: Path) -> None:
    printed = pegel(boards, "gen", "rust", BOARD)
    assert printed == (ROOT / "tests/languages/generated/roof_tank.rs").read_text()
    before = json.loads(pegel(boards, "show", BOARD, "--json"))
    pegel(boards, "rm", BOARD)
    done = run([str(built("target/release/generated"))], environment(boards), boards)
    assert (done.returncode, done.stdout) == (0, "2.5 Some(1.5) None\n"), done.stderr
    after = json.loads(pegel(boards, "show", BOARD, "--json"))
    assert [after[key] for key in ("fields", "description")] == [
        before[key] for key in ("fields", "description")
    ]


def test_what_cannot_be_a_struct_of_rust(boards: Path) -> None:
    (boards / "f.toml").write_text("field = [{ name = 'type', type = 'u8' }]")
    (boards / "j.toml").write_text("document = 'json'\ncapacity = 99")
    for name, message in {"f": "type cannot be a field", "j": "documents of json"}.items():
        pegel(boards, "create", name, f"{name}.toml")
        done = run([str(built("target/release/pegel")), "gen", "rust", name], environment(boards))
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr


CREATE_EVIL = """
#include "evil.h"
int main(void) {
  pegel_options options = {.size = sizeof options, .details = EVIL_DETAILS};
  pegel_writer *writer;
  return pegel_writer_create("evil", EVIL_FIELDS, EVIL_FIELD_COUNT, &options, &writer);
}
"""


def test_no_text_of_a_board_is_code(boards: Path) -> None:
    evil = ">>> 1 / 0\n```\npanic!()\n```\n*/ @Evil \u202e\x9b\x7f"
    text = json.dumps(evil)
    field = f"{{ name = 'note', type = 'text', size = 99, default = {text}, label = {text} }}"
    (boards / "evil.toml").write_text(f"description = {text}\nfield = [{field}]")
    pegel(boards, "create", "evil", "evil.toml")
    before = json.loads(pegel(boards, "show", "evil", "--json"))
    assert before["description"] == before["fields"][0]["label"] == evil
    for language in ("c", "php", "python", "rust"):
        written = pegel(boards, "gen", language, "evil")
        assert not set(written) & set("\u202e\x9b\x7f"), language
        comments = [line for line in written.splitlines() if line.strip().startswith("/**")]
        assert not any("@Evil" in comment for comment in comments), language
    (boards / "evil.py").write_text(pegel(boards, "gen", "python", "evil"))
    done = run([sys.executable, "-m", "doctest", "-v", "evil.py"], environment(boards), boards)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 tests" in done.stdout
    # The values are what they were.
    (boards / "evil.h").write_text(pegel(boards, "gen", "c", "evil"))
    (boards / "evil.c").write_text(CREATE_EVIL)
    pegel(boards, "rm", "evil")
    create = "import pegel; from evil import Evil; pegel.Writer('evil', Evil).close()"
    done = run([sys.executable, "-c", create], environment(boards), boards)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(pegel(boards, "show", "evil", "--json"))["fields"] == before["fields"]
    pegel(boards, "rm", "evil")
    compiled("gcc", "c99", str(boards / "evil.c"), boards)
    now = json.loads(pegel(boards, "show", "evil", "--json"))
    assert (now["description"], now["fields"]) == (before["description"], before["fields"])


@pytest.mark.parametrize("name", ["class", "float", "pegel", "__hidden"])
def test_what_cannot_be_a_field_of_a_class_is_refused(boards: Path, name: str) -> None:
    (boards / "f.toml").write_text(f"field = [{{ name = '{name}', type = 'u8' }}]")
    pegel(boards, "create", "_", "f.toml")
    done = run([str(built("target/release/pegel")), "gen", "python", "_"], environment(boards))
    assert done.returncode == 1, done.stdout
    assert f'snapshot["{name}"]' in done.stderr, done.stderr


def test_any_board_has_a_class(boards: Path) -> None:
    (boards / "f.toml").write_text("field = [{ name = 'level', type = 'u8' }]")
    pegel(boards, "create", "_.-", "f.toml")
    assert "class Board(pegel.Record):" in pegel(boards, "gen", "python", "_.-")


@pytest.mark.lint
@pytest.mark.phpcs
@pytest.mark.parametrize("namespace", ["", "App\\Boards"])
def test_the_class_of_php_follows_psr_12(boards: Path, namespace: str) -> None:
    option = ["--namespace", namespace] if namespace else []
    (boards / "RoofTank1.php").write_text(pegel(boards, "gen", "php", BOARD, *option))
    style = ["phpcs", "--standard=PSR12", "--exclude=PSR1.Classes.ClassDeclaration"]
    done = run([*style, "--warning-severity=0", str(boards / "RoofTank1.php")])
    assert done.returncode == 0, done.stdout


@pytest.mark.lint
@pytest.mark.parametrize(
    "checker", [["mypy", "--strict"], ["pyright", f"--pythonpath={sys.executable}"]]
)
def test_type_checkers_understand_the_class(checker: list[str], boards: Path, module: Path) -> None:
    (boards / "use.py").write_text(USE)
    files = [str(module), str(boards / "use.py")]
    done = run([sys.executable, "-m", *checker, *files], environment(boards), boards)
    assert done.returncode == 0, done.stdout
    (boards / "use.py").write_text(USE.replace("now.level", "now.depth"))
    done = run([sys.executable, "-m", *checker, *files], environment(boards), boards)
    assert "depth" in done.stdout
    assert done.returncode != 0
