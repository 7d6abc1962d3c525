"""Fuzzes what parses bytes of others: `python -m fuzz.fuzz --minutes 10 TARGET...` (`make fuzz`).

An input that a program does not survive stays in the directory that is named, and belongs into the
corpus once the fault is mended.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fuzz.mutations import Mutator
from fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


def fuzz(name: str, seed: int, place: Path, goes_on: Callable[[int], bool]) -> Counter[str]:
    """How often each outcome was seen. The last input is in `place`/input, should it fail."""
    target = TARGETS[name]
    mutator = Mutator(CORPUS / target.corpus, seed)
    outcomes: Counter[str] = Counter()
    boards = place / "boards"
    boards.mkdir()
    with target.program(boards) as take:
        while goes_on(outcomes.total()):
            data = mutator.next()
            (place / "input").write_bytes(data)
            outcomes[take(data)] += 1
    return outcomes


def before(seconds: float) -> Callable[[int], bool]:
    deadline = time.monotonic() + seconds
    return lambda _: time.monotonic() < deadline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.getrandbits(32))
    arguments = parser.parse_args()
    for name in arguments.targets:
        place = Path(tempfile.mkdtemp(prefix=f"pegel-fuzz-{name}-"))
        print(f"{name}: seed {arguments.seed}, {place}", flush=True)
        outcomes = fuzz(name, arguments.seed, place, before(60 * arguments.minutes))
        print(f"{name}: {outcomes.total()} inputs, {dict(outcomes)}", flush=True)


if __name__ == "__main__":
    main()
