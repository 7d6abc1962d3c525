"""The ways from shared bytes to Python values by name, each open and read again and again.

Each is opened once and then read as its documentation has it. The files are in memory too, as in
/dev/shm: it is not a disk that is measured.
"""

import json
import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from mmap import PROT_READ, mmap
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import posix_ipc
import sysv_ipc

import pegel
import sqlite_record
from c_interface import by_cffi
from record import BOARD, NAMES, PACKED, RECORD, unpack

Read = Callable[[], object]
SIZE = len(PACKED)


@contextmanager
def by_pegel(place: Path) -> Iterator[Read]:
    with pegel.Reader(place / BOARD) as reader:
        read = reader.read

        def by_name() -> object:
            now = read()
            # The first access to a value creates all of them.
            now["power"]
            return now

        yield by_name


@contextmanager
def by_sysv(place: Path) -> Iterator[Read]:
    memory = sysv_ipc.SharedMemory(None, sysv_ipc.IPC_CREX, size=SIZE)
    semaphore = sysv_ipc.Semaphore(None, sysv_ipc.IPC_CREX, initial_value=1)
    try:
        memory.write(PACKED)

        def by_name() -> object:
            with semaphore:
                now = memory.read()
            return unpack(now)

        yield by_name
    finally:
        memory.remove()
        semaphore.remove()


@contextmanager
def by_posix(place: Path) -> Iterator[Read]:
    memory = posix_ipc.SharedMemory(None, posix_ipc.O_CREX, size=SIZE)
    semaphore = posix_ipc.Semaphore(None, posix_ipc.O_CREX, initial_value=1)
    try:
        with mmap(memory.fd, SIZE) as writable:
            writable[:] = PACKED
        with mmap(memory.fd, SIZE, prot=PROT_READ) as shared:

            def by_name() -> object:
                with semaphore:
                    now = shared[:]
                return unpack(now)

            yield by_name
    finally:
        memory.close_fd()
        memory.unlink()
        semaphore.unlink()
        semaphore.close()


@contextmanager
def by_shared_memory(place: Path) -> Iterator[Read]:
    lock = multiprocessing.Lock()
    memory = SharedMemory(create=True, size=SIZE)
    try:
        buffer = memory.buf
        assert buffer is not None
        buffer[:SIZE] = PACKED

        def by_name() -> object:
            with lock:
                now = bytes(buffer[:SIZE])
            return unpack(now)

        yield by_name
    finally:
        memory.close()
        memory.unlink()


@contextmanager
def by_json_file(place: Path) -> Iterator[Read]:
    path = place / "record.json"
    path.write_text(json.dumps(RECORD), encoding="utf-8")

    def by_name() -> object:
        with path.open("rb") as file:
            return json.loads(file.read())

    yield by_name


@contextmanager
def by_sqlite(place: Path) -> Iterator[Read]:
    path = place / "record.sqlite"
    sqlite_record.create(path)
    # Without implicit transactions of the module; it caches the prepared statement.
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        query = f"SELECT {sqlite_record.COLUMNS} FROM readings"
        execute = connection.execute

        def by_name() -> object:
            now = dict(zip(NAMES, execute(query).fetchone(), strict=True))
            now["on"] = bool(now["on"])
            return now

        yield by_name


WAYS: dict[str, Callable[[Path], AbstractContextManager[Read]]] = {
    "pegel": by_pegel,
    "cffi, C interface": by_cffi,
    "sysv_ipc, semaphore": by_sysv,
    "posix_ipc, semaphore": by_posix,
    "shared_memory, lock": by_shared_memory,
    "json file": by_json_file,
    "SQLite": by_sqlite,
}
