"""What the C header says about its functions."""

import re
from functools import cache

from helpers.programs import ROOT

HEADER = ROOT / "include/pegel.h"


def declared() -> str:
    """The header without its comments."""
    return re.sub(r"//.*", "", HEADER.read_text())


def enumerators() -> dict[str, int]:
    numbers: dict[str, int] = {}
    for body in re.findall(r"typedef enum \{(.*?)\}", declared(), re.DOTALL):
        number = -1
        for name, given in re.findall(r"(PEGEL_\w+)(?: = (-?\d+))?,", body):
            number = int(given) if given else number + 1
            numbers[name] = number
    return numbers


def manual() -> dict[str, str]:
    """The comment of each function, on one line."""
    found = {}
    pattern = r"((?://.*\n)+)(?:const )?(?:pegel_status|\w+) \*?(pegel_\w+)\("
    for comment, function in re.findall(pattern, HEADER.read_text()):
        found[function] = " ".join(line[2:].strip() for line in comment.splitlines())
    return found


@cache
def statuses() -> dict[str, frozenset[int]]:
    """The failures that each function returns, by its manual. Each can also return PEGEL_PANIC."""
    numbers, texts = enumerators(), manual()
    found: dict[str, frozenset[int]] = {}
    for function, text in texts.items():
        returns = re.search(r"Returns: (.*?)\. Blocks:", text)
        listed = returns[1] if returns else ""
        others = re.findall(r"the statuses of (pegel_\w+)\(\)", listed)
        listed = re.sub(r"\(.*?\)", "", listed)
        own = {numbers[name] for name in re.findall(r"PEGEL_\w+", listed)}
        found[function] = frozenset(own.union(*(found[other] for other in others)))
    return found


def check(call: str, status: int) -> None:
    """A call in C returned what its function's manual lists."""
    function = call.partition("(")[0]
    assert status == 0 or status in statuses()[function], f"{function} returned {status}"
