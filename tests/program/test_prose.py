"""What ci/prose finds, and what it leaves alone."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest

from helpers.programs import ROOT


@pytest.fixture(scope="module")
def prose() -> ModuleType:
    loader = SourceFileLoader("prose", str(ROOT / "ci/prose"))
    spec = spec_from_loader("prose", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "line",
    [
        "x is no JSON",
        "its fields are none",
        "a unit has to be text",
        "5 slots will not do",
        "users who may read it",
        "Who sleeps misses it.",
        "    // Whoever dies leaves it.",
        "let it be",
        "the board tells its age",
        "it comes back after a reboot",
        "a board written by turns",
        "Refused are links",
        "x" * 101,
    ],
)
def test_finds(prose: ModuleType, line: str) -> None:
    assert [number for number, _, _ in prose.faults("a.py", f"first\n{line}\n")] == [2]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.rs", "there is no writer"),
        ("a.py", "There is no log yet"),
        ("a.rs", "it is no longer there"),
        ("a.rs", "if value.is_none() {"),
        ("a.md", "Who wrote this?"),
        ("a.md", "x" * 101),
        ("a.rs", f"// | {'x' * 101} |"),
        ("a.rs", f"// https://example.org/{'x' * 101}"),
    ],
)
def test_leaves(prose: ModuleType, path: str, line: str) -> None:
    assert list(prose.faults(path, line)) == []


def test_skips_inputs_of_the_fuzzer(prose: ModuleType) -> None:
    assert list(prose.check_files(["tests/fuzz/corpus"])) == []


def test_generated_files_are_not_missing(prose: ModuleType) -> None:
    assert not prose.is_missing(ROOT / "target/debug/pegel")
    assert prose.is_missing(ROOT / "docs/none.md")


def test_subjects_of_commits(prose: ModuleType) -> None:
    assert prose.SUBJECT.fullmatch("mqtt: bound queued messages")
    assert not prose.SUBJECT.fullmatch("Bound queued messages")


def test_pages_link_files_and_headings_that_exist(prose: ModuleType) -> None:
    assert list(prose.check_links()) == []
