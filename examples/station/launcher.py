"""Runs the daemon whenever board `service` says so, as a process of the launcher's own user.

The page has no right to start processes; it publishes a wish, and this program, which waits on the
board, fulfils it. A daemon that died while it was wanted is started again.
"""

import argparse
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

import boards
import pegel

RESTART_PAUSE = 0.5
"""Seconds before a daemon that died is started again, so that one that cannot run costs little."""
STOP_TIME = 10.0
"""Seconds that the daemon has to end by itself."""

log = logging.getLogger("launcher")


class Launcher:
    """Keeps the daemon as it is wanted; other threads tell of wishes and of the daemon's end."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._changed = threading.Condition()
        self._wanted = False
        self._alive = False
        self._over = False

    def want(self, running: bool) -> None:
        with self._changed:
            self._wanted = running
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def follow(self) -> None:
        """Takes the wishes from the board, for ever."""
        while True:
            try:
                for now in pegel.Reader("service").follow():
                    self.want(now["running"])
            except pegel.Error as error:
                log.warning("%s", error)
                boards.by_turns("service", boards.SERVICE).close()

    def run(self) -> None:
        """Starts and stops the daemon until the launcher itself is stopped."""
        with self._changed:
            while not self._over:
                if not self._wanted:
                    self._changed.wait()
                    continue
                self._keep()
                # One that died is started again, but not in a hurry.
                self._changed.wait_for(self._is_unwanted, RESTART_PAUSE)

    def _is_unwanted(self) -> bool:
        return self._over or not self._wanted

    def _keep(self) -> None:
        """Runs the daemon until it ends, or is wanted no more."""
        daemon = subprocess.Popen(self._command)
        log.info("daemon %d started", daemon.pid)
        self._alive = True
        threading.Thread(target=self._watch, args=(daemon,), daemon=True).start()
        self._changed.wait_for(lambda: not self._alive or self._is_unwanted())
        if self._alive:
            daemon.terminate()
        if not self._changed.wait_for(lambda: not self._alive, STOP_TIME):
            log.warning("daemon %d does not end and is killed", daemon.pid)
            daemon.kill()
            self._changed.wait_for(lambda: not self._alive)

    def _watch(self, daemon: subprocess.Popen[bytes]) -> None:
        log.info("daemon %d ended with status %d", daemon.pid, daemon.wait())
        with self._changed:
            self._alive = False
            self._changed.notify_all()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--running", action="store_true", help="want the daemon at the first start"
    )
    options.add_argument("command", nargs="+", help="the daemon and its arguments, after --")
    given = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    launcher = Launcher(given.command)
    signal.signal(signal.SIGTERM, lambda *_: launcher.stop())
    signal.signal(signal.SIGINT, lambda *_: launcher.stop())
    with boards.by_turns("service", boards.SERVICE) as service:
        if given.running and service.read().is_default:
            service.publish(running=True)
    threading.Thread(target=launcher.follow, name="service", daemon=True).start()
    launcher.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
