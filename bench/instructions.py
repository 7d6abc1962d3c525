"""How many instructions a read and a publication of 64 bytes take, in each language.

Valgrind counts them, so that they are the same in each run. In C, it counts within the function; in
the other languages a turn of a loop less one of an empty loop. Of a look at the clock it counts
only the call.

    PYTHONPATH=bench:tests .venv/bin/python bench/instructions.py
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.programs import ROOT, library
from results import Results

HERE = ROOT / "bench/instructions"
FEW, MANY = 1_000, 11_000
C_FUNCTIONS = {"read": "pegel_reader_read", "publish": "pegel_writer_publish"}
# The ways in C, by their names in the table.
C_WAYS = {
    "read": {"C": "read", "C, with stamp": "read-stamp"},
    "publish": {"C, unstamped": "publish-unstamped", "C": "publish"},
}


def count(command: list[str], *options: str) -> int:
    """Instructions of a whole program, or of the part that the options select."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *options]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as boards:
        done = subprocess.run(
            valgrind + command,
            env=os.environ | {"PEGEL_DIR": boards, "PEGEL_LIBRARY": str(library())},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stderr}")
    return int(found[1])


def a_turn(command: list[str], way: str, *options: str) -> float:
    few, many = (count([*command, way, str(times)], *options) for times in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def c_program(directory: Path) -> list[str]:
    program = directory / "loop"
    path = library()
    command = ["gcc", "-O2", "-Wall", "-Werror", f"-I{ROOT / 'include'}", str(HERE / "loop.c")]
    linked = [f"-L{path.parent}", f"-Wl,-rpath,{path.parent}", "-lpegel", "-o", str(program)]
    subprocess.run(command + linked, check=True, timeout=60)
    return [str(program)]


def main() -> None:
    results = Results("instructions", {})
    loops = {
        "Rust": [str(ROOT / "target/release/loop")],
        "PHP": ["php", str(HERE / "loop.php")],
        "Python": [sys.executable, str(HERE / "loop.py")],
    }
    empty = {peer: a_turn(loop, "nothing") for peer, loop in loops.items()}
    with tempfile.TemporaryDirectory() as directory:
        c_loop = c_program(Path(directory))
        for way, function in C_FUNCTIONS.items():
            figures = {
                peer: [a_turn(c_loop, c_way, f"--toggle-collect={function}")]
                for peer, c_way in C_WAYS[way].items()
            }
            for peer, loop in loops.items():
                figures[peer] = [a_turn(loop, way) - empty[peer]]
            results.add(f"instructions of a {way}", "", figures, size=64)
    results.save()


if __name__ == "__main__":
    main()
