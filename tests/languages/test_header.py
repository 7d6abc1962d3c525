"""The C header and the libraries keep what they promise to those who link them."""

import ctypes
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from helpers.programs import ROOT, STRICT, built, environment, library, run

HEADER = ROOT / "include/pegel.h"
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


def declared() -> str:
    """The header without its comments."""
    return re.sub(r"//.*", "", HEADER.read_text())


def enumerators() -> dict[str, int]:
    numbers: dict[str, int] = {}
    for body in re.findall(r"typedef enum \{(.*?)\}", declared(), re.DOTALL):
        number = -1
        for name, given in re.findall(r"(PEGEL_\w+)(?: = (\d+))?,", body):
            number = int(given) if given else number + 1
            numbers[name] = number
    return numbers


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
    for place, expected in (("clone", str(HEADER.stat().st_size)), ("mirrored", "run `make cabi`")):
        required = f"require '{tmp_path}/{place}/php-ffi/autoload.php';"
        command = ["php", "-d", "display_errors=1", "-r", f"{required} {program}"]
        assert expected in run(command, environment(tmp_path)).stdout


def test_php_parses_no_comments_of_the_header_in_a_request() -> None:
    made = built("php-ffi/src/pegel.h").read_text()
    lines = HEADER.read_text().splitlines()
    assert made.splitlines() == [line for line in lines if not line.lstrip().startswith("//")]
