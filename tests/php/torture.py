"""Pages over the extension while boards are published, replaced and removed, and workers killed.

    python -m php.torture [REQUESTS] [SEED]

Each page checks what it shows; this checks that no page failed but those of killed workers, and
that workers hold no more in the end.
"""

import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from helpers.programs import ROOT, converse, environment
from php.load import (
    PAUSE,
    Tally,
    attack,
    check_pages,
    disturb_workers,
    nginx,
    prepare,
    report,
    result,
)
from php.site import Site, extension, fpm

# Of ten requests.
SHARES = {"document": 5, "object": 2, "record": 3}


def torture(site: Site, requests: int, seed: int, *settings: str) -> Tally:
    tally, chance = Tally(), random.Random(seed)
    log, pool = prepare(site, "tests/php/torture.php")
    daemon = [sys.executable, str(ROOT / "tests/php/torture_daemon.py")]
    with ExitStack() as stack:
        writer = stack.enter_context(converse(daemon, environment(site.boards)))
        assert writer.hear() == "ready"
        php = stack.enter_context(fpm(site, [*extension(), *settings], *pool))
        port = stack.enter_context(nginx(site))
        ab = [attack(port, way, requests * share // 10, 2) for way, share in SHARES.items()]
        try:
            while any(process.poll() is None for process in ab):
                disturb_workers(php, tally, chance)
                time.sleep(PAUSE)
            for process in ab:
                done, failed = result(process)
                tally.requests += done
                tally.failed += failed
        finally:
            for process in ab:
                process.kill()
                process.communicate()
    tally.complaints = log.read_text()
    return tally


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pegel-php-") as directory:
        tally = torture(Site(Path(directory)), requests, seed)
    report(tally, time.monotonic() - begin)
    check_pages(tally, requests)


if __name__ == "__main__":
    main()
