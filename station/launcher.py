"""Runs the daemon while board `service` requests it, as a process of the launcher's own user.

The pages must not start processes: they publish a request, and this program, which follows the
board, does it. It restarts a daemon that exits while it should run, after a pause that doubles each
time. Board `launcher` reports what happened.
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

MIN_PAUSE: Final = 0.5
MAX_PAUSE: Final = 30.0
"""Seconds before a daemon that exited is restarted; the pause doubles each time."""
STABLE_TIME: Final = 60.0
"""Seconds that a daemon must run for the pause to start at its minimum again."""
STOP_TIMEOUT: Final = 10.0
"""Seconds until a daemon that does not stop is killed."""
REASON_SIZE: Final = 160

log = logging.getLogger("launcher")


def exit_reason(status: int, output: str) -> str:
    """Why the daemon exited, in one line."""
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"killed by {name}"
    *_, last = output.strip().splitlines() or [f"exited with status {status}"]
    return boards.truncated(one_line(last), REASON_SIZE)


class Launcher:
    """Starts and stops the daemon; other threads report requests and the daemon's exit."""

    def __init__(self, command: Sequence[str], board: pegel.Writer, clock: Clock) -> None:
        self._command, self._board, self._clock = command, board, clock
        self._changed = threading.Condition()
        self._should_run = False
        self._status: int | None = None
        """The exit status of the daemon, or None while it runs."""
        self._output = ""
        """The last line of the daemon's standard error."""
        self._is_over = False

    def request(self, service: pegel.Snapshot) -> None:
        with self._changed:
            self._should_run = service["running"]
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def run(self) -> None:
        """Starts and stops the daemon until the launcher itself is stopped."""
        pause = MIN_PAUSE
        self._board.update(state="stopped")
        with self._changed:
            while not self._is_over:
                if not self._should_run:
                    self._changed.wait()
                    pause = MIN_PAUSE
                    continue
                began = self._clock.now()
                self._run_daemon()
                if self._should_stop():
                    self._board.update(state="stopped")
                    continue
                if self._clock.real(self._clock.now() - began) > STABLE_TIME:
                    pause = MIN_PAUSE
                self._board.update(state="failing")
                self._changed.wait_for(self._should_stop, pause)
                pause = min(2 * pause, MAX_PAUSE)

    def _should_stop(self) -> bool:
        return self._is_over or not self._should_run

    def _run_daemon(self) -> None:
        """Runs the daemon until it exits or should stop."""
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
        self._changed.wait_for(lambda: self._status is not None or self._should_stop())
        if self._status is None:
            daemon.terminate()
        if not self._changed.wait_for(lambda: self._status is not None, STOP_TIMEOUT):
            log.warning("daemon %d: no exit after %g s: killing it", daemon.pid, STOP_TIMEOUT)
            daemon.kill()
            self._changed.wait_for(lambda: self._status is not None)
        assert self._status is not None
        reason = exit_reason(self._status, self._output)
        log.info("daemon %d: %s", daemon.pid, reason)
        self._board.update(
            exited=int(self._clock.now()), exit_status=self._status, exit_reason=reason
        )

    def _watch(self, daemon: subprocess.Popen[str]) -> None:
        assert daemon.stderr
        output = ""
        for line in daemon.stderr:
            sys.stderr.write(line)
            output = line
        status = daemon.wait()
        with self._changed:
            self._output, self._status = output, status
            self._changed.notify_all()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--running", action="store_true", help="start the daemon when board `service` is new"
    )
    options.add_argument("command", nargs="+", help="command line of the daemon, after --")
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
            boards.follow("service", launcher.request)
            launcher.run()
    except (pegel.Error, OSError) as error:
        print(f"launcher: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
