"""Runs the daemon whenever board `service` says so, as a process of the launcher's own user.

The pages have no right to start processes; they publish a wish, and this program, which waits on
the board, fulfils it. A daemon that died while it was wanted is started again, later and later if
it dies over and over. Board `launcher` tells what happened.
"""

import argparse
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

import boards
import pegel
from clock import Clock
from logs import one_line

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds before a daemon that died is started again, each time twice as long."""
GOOD_LIFE: Final = 60.0
"""Seconds that a daemon has to live for its death to count as the first."""
STOP_TIME: Final = 10.0
"""Seconds that the daemon has to end by itself."""
REASON_SIZE: Final = 160

log = logging.getLogger("launcher")


def reason(status: int, said: str) -> str:
    """Why the daemon ended, in one line."""
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"ended by {name}"
    *_, last = said.strip().splitlines() or [f"ended with status {status}"]
    return boards.fitting(one_line(last), REASON_SIZE)


class Launcher:
    """Keeps the daemon as it is wanted; other threads tell of wishes and of the daemon's end."""

    def __init__(self, command: Sequence[str], board: pegel.Writer, clock: Clock) -> None:
        self._command, self._board, self._clock = command, board, clock
        self._changed = threading.Condition()
        self._wanted = False
        self._status: int | None = None
        """Of the daemon that runs: None while it does."""
        self._said = ""
        self._over = False

    def want(self, service: pegel.Snapshot) -> None:
        with self._changed:
            self._wanted = service["running"]
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def run(self) -> None:
        """Starts and stops the daemon until the launcher itself is stopped."""
        pause = FIRST_PAUSE
        self._board.update(state="stopped")
        with self._changed:
            while not self._over:
                if not self._wanted:
                    self._changed.wait()
                    pause = FIRST_PAUSE
                    continue
                began = self._clock.now()
                self._keep()
                if self._is_unwanted():
                    self._board.update(state="stopped")
                    continue
                if self._clock.real(self._clock.now() - began) > GOOD_LIFE:
                    pause = FIRST_PAUSE
                self._board.update(state="failing")
                self._changed.wait_for(self._is_unwanted, pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _is_unwanted(self) -> bool:
        return self._over or not self._wanted

    def _keep(self) -> None:
        """Runs the daemon until it ends, or is wanted no more."""
        daemon = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        log.info("daemon %d started", daemon.pid)
        self._status = None
        self._board.update(
            lambda last: {
                **last,
                "state": "running",
                "starts": last["starts"] + 1,
                "started": int(self._clock.now()),
            }
        )
        threading.Thread(target=self._watch, args=(daemon,), daemon=True).start()
        self._changed.wait_for(lambda: self._status is not None or self._is_unwanted())
        if self._status is None:
            daemon.terminate()
        if not self._changed.wait_for(lambda: self._status is not None, STOP_TIME):
            log.warning("daemon %d does not end and is killed", daemon.pid)
            daemon.kill()
            self._changed.wait_for(lambda: self._status is not None)
        assert self._status is not None
        why = reason(self._status, self._said)
        log.info("daemon %d: %s", daemon.pid, why)
        self._board.update(exited=int(self._clock.now()), exit_status=self._status, exit_reason=why)

    def _watch(self, daemon: subprocess.Popen[str]) -> None:
        assert daemon.stderr
        said = ""
        for line in daemon.stderr:
            sys.stderr.write(line)
            said = line
        status = daemon.wait()
        with self._changed:
            self._said, self._status = said, status
            self._changed.notify_all()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--running", action="store_true", help="want the daemon at the first start"
    )
    options.add_argument("command", nargs="+", help="the daemon and its arguments, after --")
    given = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        with boards.writer("launcher") as board:
            launcher = Launcher(given.command, board, Clock.of_environment())
            signal.signal(signal.SIGTERM, lambda *_: launcher.stop())
            signal.signal(signal.SIGINT, lambda *_: launcher.stop())
            with boards.writer("service") as service:
                if given.running and service.read().is_default:
                    service.publish(running=True)
            boards.follow("service", launcher.want)
            launcher.run()
    except (pegel.Error, OSError) as error:
        print(f"launcher: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
