"""The C header and the libraries keep their promises to programs that link them."""

import ctypes
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from helpers.header import HEADER, declared, enumerators, manual, statuses
from helpers.programs import ROOT, STRICT, built, compile_c, environment, library, run

# What the C library kept in libraries of its own before glibc 2.34.
NATIVE = ("-lpthread", "-ldl", "-lm")
COMPILERS = (
    ("gcc", "c", "c99"),
    ("clang", "c", "c99"),
    ("gcc", "c", "c17"),
    ("g++", "c++", "c++17"),
    ("clang++", "c++", "c++17"),
)

PROGRAM = """
#include <pegel.h>
#include <pegel.h>
#include <stdio.h>

typedef char pegel_field_has_64_bytes[sizeof(pegel_field) == 64 ? 1 : -1];
typedef char pegel_options_has_32_bytes[sizeof(pegel_options) == 32 ? 1 : -1];
typedef char pegel_stamp_has_64_bytes[sizeof(pegel_stamp) == 64 ? 1 : -1];
typedef char pegel_info_has_56_bytes[sizeof(pegel_info) == 56 ? 1 : -1];
typedef char pegel_publication_has_24_bytes[sizeof(pegel_publish_options) == 24 ? 1 : -1];

int main(void) {
  pegel_field field = {"level", "m", PEGEL_F64, 0, 0, 0};
  size_t size;
  if (pegel_abi_version() != PEGEL_ABI_VERSION || pegel_layout(&field, 1, &size) != PEGEL_OK)
    return 1;
  printf("%d %d\\n", (int)size, (int)field.size);
  return 0;
}
"""


def test_the_library_exports_what_the_header_declares() -> None:
    symbols = run(["nm", "--dynamic", "--defined-only", "--format=posix", str(library())])
    exported = {line.split()[0] for line in symbols.stdout.splitlines()}
    functions = set(re.findall(r"\b(pegel_\w+)\(", declared()))
    assert "pegel_reader_read" in functions
    assert exported == functions


def test_the_library_has_a_soname_and_stays_loaded() -> None:
    dynamic = run(["readelf", "--dynamic", "--wide", str(library())]).stdout
    version = enumerators()["PEGEL_ABI_VERSION"]
    assert re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) == [f"libpegel.so.{version}"]
    assert re.search(r"\(FLAGS_1\).*\bNODELETE\b", dynamic)


def test_statuses_and_versions_are_those_of_the_header() -> None:
    loaded = ctypes.CDLL(str(library()))
    loaded.pegel_status_name.restype = loaded.pegel_version.restype = ctypes.c_char_p
    numbers = enumerators()
    text = declared()
    body = text[text.index("PEGEL_OK") : text.index("} pegel_status;")]
    statuses = re.findall(r"PEGEL_(\w+)", body)
    assert len(statuses) > 15
    for name in statuses:
        assert loaded.pegel_status_name(numbers[f"PEGEL_{name}"]) == name.encode()
    assert loaded.pegel_status_name(9999) == b"UNKNOWN"
    assert loaded.pegel_abi_version() == numbers["PEGEL_ABI_VERSION"]
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert loaded.pegel_version().decode() == workspace["package"]["version"]


def test_the_example_compiles_and_runs(tmp_path: Path) -> None:
    example = HEADER.read_text().partition("==== Example")[2].partition("==== Words")[0]
    source = tmp_path / "tank.c"
    source.write_text("".join(re.findall(r"^//     (.*\n)|^//\n", example, re.MULTILINE)))
    program = compile_c(source, tmp_path / "tank")
    done = run([str(program)], environment(tmp_path))
    assert re.fullmatch(r"3\.21 m, [\d.e-]+ s old\n", done.stdout), done.stderr


def test_the_example_for_cpp_compiles_and_runs(tmp_path: Path) -> None:
    example = (ROOT / "include/pegel.hpp").read_text().partition("#ifndef")[0]
    lines = "".join(re.findall(r"^//     (.*\n)", example, re.MULTILINE))
    source, program = tmp_path / "tank.cpp", tmp_path / "tank"
    source.write_text(f"#include <pegel.hpp>\n#include <iostream>\nint main() {{\n{lines}}}\n")
    linked = [str(library()), f"-Wl,-rpath,{library().parent}", "-o", str(program)]
    done = run(["g++", "-std=c++17", *STRICT, f"-I{ROOT}/include", str(source), *linked])
    assert (done.returncode, done.stderr) == (0, "")
    done = run([str(program)], environment(tmp_path))
    assert re.fullmatch(r"3\.21 m, \d+ ns old\n", done.stdout), done.stderr


def test_the_manual_has_all_of_each_function() -> None:
    texts, numbers = manual(), enumerators()
    functions = set(re.findall(r"\b(pegel_\w+)\(", declared()))
    assert set(texts) == functions
    with_status = set(re.findall(r"\bpegel_status (pegel_\w+)\(", declared()))
    for function, text in texts.items():
        assert re.search(r"Blocks: (no|yes|up|with)\b.*\. Threads: (any|one at a time)\b", text)
        assert ("Returns: " in text) == (function in with_status), function
        assert set(re.findall(r"PEGEL_[A-Z_]+\b", text)) <= numbers.keys() | {"PEGEL_DIR"}
        if function in with_status:
            assert numbers["PEGEL_INVALID_ARGUMENT"] in statuses()[function]
    # Each status is one that some function returns.
    returned = frozenset({0, numbers["PEGEL_PANIC"]}).union(*statuses().values())
    listed = declared().partition("PEGEL_OK")[2].partition("} pegel_status;")[0]
    assert returned == {numbers[name] for name in re.findall(r"PEGEL_\w+", f"PEGEL_OK{listed}")}


def test_lines_fit_on_a_page() -> None:
    for path in ("include/pegel.h", "include/pegel.hpp"):
        lines = (ROOT / path).read_text().splitlines()
        assert [line for line in lines if len(line) > 100] == []


@pytest.mark.parametrize(("compiler", "language", "standard"), COMPILERS)
@pytest.mark.parametrize("kind", ["shared", "static"])
def test_programs_compile_without_a_warning_and_run(
    kind: str, compiler: str, language: str, standard: str, tmp_path: Path
) -> None:
    source, program = tmp_path / "program", tmp_path / "linked"
    source.write_text(PROGRAM)
    link = {
        "shared": [str(library()), f"-Wl,-rpath,{library().parent}"],
        "static": [str(built("target/release/libpegel.a")), *NATIVE],
    }
    command = [compiler, f"-std={standard}", "-pedantic-errors", *STRICT, f"-I{ROOT}/include"]
    done = run(
        [*command, "-x", language, str(source), "-x", "none", *link[kind], "-o", str(program)]
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = run([str(program)])
    assert (done.returncode, done.stdout) == (0, "8 8\n")
    needed = re.findall(
        r"\(NEEDED\).*\[(.*)\]", run(["readelf", "--dynamic", "--wide", str(program)]).stdout
    )
    assert any(name.startswith("libpegel") for name in needed) == (kind == "shared")


def test_php_takes_the_header_as_it_is(tmp_path: Path) -> None:
    script = tmp_path / "header.php"
    script.write_text(
        f"""<?php
        $pegel = FFI::cdef(file_get_contents('{HEADER}'), getenv('PEGEL_LIBRARY'));
        assert($pegel->pegel_abi_version() === $pegel->PEGEL_ABI_VERSION);
        echo $pegel->pegel_status_name($pegel->PEGEL_CONFLICT), ' ',
            FFI::sizeof($pegel->new('pegel_field'));
        """
    )
    done = run(["php", "-d", "zend.assertions=1", str(script)], environment(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "CONFLICT 64", "")


def test_php_uses_the_header_of_a_clone_in_which_nothing_was_made(tmp_path: Path) -> None:
    without = shutil.ignore_patterns("pegel.h")
    shutil.copytree(ROOT / "php-ffi", tmp_path / "clone/php-ffi", ignore=without)
    shutil.copytree(ROOT / "php-ffi", tmp_path / "mirrored/php-ffi", ignore=without)
    shutil.copytree(ROOT / "include", tmp_path / "clone/include")
    program = "echo strlen(Pegel\\Loader::header());"
    for place, expected in (("clone", str(HEADER.stat().st_size)), ("mirrored", "Run `make cabi`")):
        required = f"require '{tmp_path}/{place}/php-ffi/autoload.php';"
        command = ["php", "-d", "display_errors=1", "-r", f"{required} {program}"]
        assert expected in run(command, environment(tmp_path)).stdout


def test_php_parses_no_comments_of_the_header_in_a_request() -> None:
    made = built("php-ffi/src/pegel.h").read_text()
    lines = HEADER.read_text().splitlines()
    assert made.splitlines() == [line for line in lines if not line.lstrip().startswith("//")]
