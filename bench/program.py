"""What `pegel get NAME FIELD` takes as a whole process, beside `cat` of a file.

bench/program.py [PROGRAM]

Prints the median of 200 runs of each, which take turns, and that of their ratios.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pegel

RUNS = 200
WARM = 20


def microseconds(command: list[str], environment: dict[str, str]) -> float:
    into_nothing = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    start = time.perf_counter_ns()
    child = os.posix_spawn(command[0], command, environment, file_actions=[into_nothing])
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise RuntimeError(f"{command} ended with {status}")
    return (time.perf_counter_ns() - start) / 1000


def main(program: str) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        with pegel.Writer(f"{directory}/tank", level=pegel.f64("m")) as writer:
            writer.publish(level=3.21)
        file = Path(directory, "level")
        file.write_text("3.21\n")
        environment = {**os.environ, "PEGEL_DIR": directory}
        pairs = [
            (
                microseconds([program, "get", "tank", "level"], environment),
                microseconds(["/bin/cat", str(file)], environment),
            )
            for _ in range(WARM + RUNS)
        ][WARM:]
    own, cat = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    size = Path(program).stat().st_size / 2**20
    print(f"{program} ({size:.2f} MiB): {own:.0f} us, cat {cat:.0f} us, {ratio:.2f}x")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/release/pegel")
