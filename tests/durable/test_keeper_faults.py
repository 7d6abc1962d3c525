"""`pegel keep` without a free file descriptor: it reports, retries, and exits correctly."""

import os
import resource
from pathlib import Path

import pegel
from durable.machine import Keeper, Machine, kept, synced
from helpers.programs import wait_until


def exhaust(keeper: Keeper) -> tuple[int, int]:
    """Leaves the keeper no descriptor to open; returns the limits as they were."""
    process = keeper.process.pid
    used = [int(entry.name) for entry in Path(f"/proc/{process}/fd").iterdir()]
    free = min(set(range(max(used) + 2)) - set(used))
    soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (free, hard))
    return soft, hard


def publish(level: float) -> None:
    with pegel.Writer.open("tank") as writer:
        writer.publish(level=level)


def state() -> str:
    return str(pegel.Reader("pegel-keep").read()["state"])


def test_reports_and_retries_a_failed_round(machine: Machine) -> None:
    kept(1)
    with Keeper(machine, "0.1") as keeper:
        assert state() == "ok"
        limits = exhaust(keeper)
        publish(2)
        wait_until(lambda: state() == "failing")
        now = pegel.Reader("pegel-keep").read()
        assert now["failures"] > 0
        assert "Too many open files" in now["last_failure"]
        assert synced(machine, "tank") == 1
        resource.prlimit(keeper.process.pid, resource.RLIMIT_NOFILE, limits)
        wait_until(lambda: synced(machine, "tank") == 2)
        wait_until(lambda: state() == "ok")
    assert keeper.process.returncode == 0
    assert "Too many open files" in keeper.said


def test_exits_with_a_failure_if_the_last_sync_fails(machine: Machine) -> None:
    kept(1)
    with Keeper(machine) as keeper:
        exhaust(keeper)
        publish(2)
    assert keeper.process.returncode == 1
    assert "older on disk than in memory" in keeper.said
    assert synced(machine, "tank") == 1


def test_restores_in_a_later_round_what_failed_at_the_start(machine: Machine) -> None:
    kept(1)
    machine.reboot()
    file = machine.file("tank")
    whole = file.read_bytes()
    os.truncate(file, 10)
    with Keeper(machine, "0.1"):
        assert state() == "failing"
        Path(file).write_bytes(whole)
        wait_until(lambda: "tank" in pegel.boards())
        wait_until(lambda: state() == "ok")
        assert pegel.Reader("tank").read()["level"] == 1
