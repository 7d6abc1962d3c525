"""The record, published to all peers of PHP, and removed at the end."""

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sysv_ipc

import pegel
import sqlite_record
from helpers.programs import ROOT, library
from record import BOARD, FIELDS, PACKED, RECORD
from redis_server import redis_server

PHP = ROOT / "bench/php"


# PHP's CLI with the settings that are on by default in php-fpm. opcache keeps new files, too.
CLI = ["php", "-d", "opcache.enable_cli=1", "-d", "apc.enable_cli=1"]
CLI += ["-d", "opcache.file_update_protection=0"]


def php_command(script: Path, *arguments: str, settings: list[str] | None = None) -> list[str]:
    return [*CLI, *(settings or []), str(script), *arguments]


@contextmanager
def published(place: Path, boards: Path) -> Iterator[Mapping[str, str]]:
    """The environment of the readers: the files are in `place`, the board in `boards`."""
    (place / "record.json").write_text(json.dumps(RECORD), encoding="utf-8")
    (place / "record.packed").write_bytes(PACKED)
    sqlite_record.create(place / "record.sqlite")
    with (
        keys(2) as key,
        redis_server(place),
        pegel.Writer(boards / BOARD, FIELDS, mode=0o644) as writer,
    ):
        writer.publish(RECORD)
        environment = {
            "BENCH_KEY": str(key),
            "BENCH_PLACE": str(place),
            "PEGEL_DIR": str(boards),
            "PEGEL_LIBRARY": str(library()),
            "PEGEL_PACKAGE": str(ROOT / "php-ffi"),
        }
        subprocess.run(
            php_command(PHP / "publish.php"), env=os.environ | environment, check=True, timeout=60
        )
        yield environment


@contextmanager
def keys(count: int) -> Iterator[int]:
    """The first of a number of unused System V keys; the objects with these keys are removed."""
    while True:
        first = secrets.randbelow(1 << 30) + 1
        if not any(is_used(key) for key in range(first, first + count)):
            break
    try:
        yield first
    finally:
        for key in range(first, first + count):
            for kind in (sysv_ipc.SharedMemory, sysv_ipc.Semaphore):
                with contextlib.suppress(sysv_ipc.ExistentialError):
                    kind(key).remove()


def is_used(key: int) -> bool:
    for kind in (sysv_ipc.SharedMemory, sysv_ipc.Semaphore):
        with contextlib.suppress(sysv_ipc.ExistentialError):
            kind(key)
            return True
    return False
