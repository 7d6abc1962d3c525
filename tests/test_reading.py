"""Ways to read that only the C interface has."""

from pathlib import Path

from programs import MEMCHECK, ROOT, compile_c, environment, run


def test_parts_of_records_and_boards_that_stay_open_gcc(tmp_path: Path) -> None:
    program = compile_c(ROOT / "tests/reading/reading.c", tmp_path / "reading")
    done = run([*MEMCHECK, str(program)], environment(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
