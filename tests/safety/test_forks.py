"""Writers of processes that fork: a child cannot publish, disturbs nothing and keeps nothing."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import pegel
from helpers.programs import environment, php, python


@pytest.mark.parametrize("language", ["c", "php", "python"])
def test_a_child_is_no_writer_and_does_not_keep_the_board(
    language: str, c_program: Callable[[str], list[str]], tmp_path: Path
) -> None:
    commands = {
        "c": c_program("tests/safety/forks/forks.c"),
        "php": php("tests/safety/forks/forks.php"),
        "python": python("tests/safety/forks/forks.py"),
    }
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*commands[language], "tank"], env=environment(tmp_path), stdin=pipe, stdout=pipe, text=True
    ) as parent:
        try:
            assert parent.stdout
            newest = int(parent.stdout.readline())
            assert parent.stdout.readline() == "ready\n"
            reader = pegel.Reader(tmp_path / "tank")
            assert (reader.sequence, reader.writer_alive) == (newest, True)
            with pytest.raises(pegel.Locked):
                pegel.Writer.open(tmp_path / "tank", timeout=0)
        finally:
            parent.kill()
            parent.wait()
        # The child still runs: it reads the other end of this test's pipe.
        assert not reader.writer_alive
        with pegel.Writer.open(tmp_path / "tank", timeout=0) as writer:
            writer.publish_bytes(reader.read().bytes)
            assert writer.sequence == newest + 1
