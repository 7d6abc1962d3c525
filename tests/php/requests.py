"""A php-fpm worker that serves very many requests over many boards, some of which change meanwhile.

    python -m php.requests [REQUESTS]

prints what the worker held after the first thousand, and at the end.
"""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pegel
from php.fastcgi import Connection
from php.site import Site, scope

BOARDS = 100
WARM = 1000


class Held(NamedTuple):
    """The resources that a process holds."""

    kilobytes: int
    descriptors: int
    maps: int


def held(process: str) -> Held:
    directory = Path("/proc", process)
    status = dict(line.split(":", 1) for line in (directory / "status").read_text().splitlines())
    maps = (directory / "maps").read_text().splitlines()
    return Held(int(status["VmRSS"].split()[0]), len(list((directory / "fd").iterdir())), len(maps))


def serve(site: Site, requests: int) -> tuple[Held, Held]:
    """The resources of the worker after the first requests, and after all."""
    page = site.directory / "many.php"
    numbers = [0] * BOARDS
    with scope(site) as php, Connection(php.socket, page) as connection:
        worker = connection.ask("do=worker")
        for board in range(BOARDS):
            assert connection.ask(f"do=create&board={board}") == "0"
        early = held(worker)
        for request in range(requests):
            board = request % BOARDS
            if request == WARM:
                early = held(worker)
            if request % 17 == 0:
                numbers[board] = request
                answer = connection.ask(f"do=publish&board={board}&number={request}")
            elif request % 19 == 0:
                change(site.boards / str(board), request, numbers)
                answer = connection.ask(f"do=create&board={board}")
            elif request % 23 == 0:
                answer = connection.ask(f"do=fail&board={board}")
                assert answer == "Pegel\\InvalidFields", answer
                continue
            else:
                answer = connection.ask(f"do=read&board={board}")
            assert answer == str(numbers[board]), (request, answer)
        return early, held(worker)


def change(board: Path, request: int, numbers: list[int]) -> None:
    """Grows or removes a board."""
    if request % 3 == 0:
        pegel.unlink(board)
        numbers[int(board.name)] = 0
    else:
        fields = pegel.Reader(board).fields
        more = {f"f{len(fields)}": pegel.f64(optional=True)}
        pegel.Writer(board, {**fields, **(more if len(fields) < 20 else {})}).close()


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="pegel-php-") as directory:
        early, late = serve(Site(Path(directory)), requests)
    print(f"after {WARM} requests: {early}")
    print(f"after {requests} requests: {late}")


if __name__ == "__main__":
    main()
