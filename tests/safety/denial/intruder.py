"""Attacks a board that it can only read, without using Pegel, for test_denial.py.

Prints the results as JSON, and then repeats the attacks that succeeded until it is killed.
"""

import ctypes
import errno
import fcntl
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

PROT_READ, PROT_WRITE, MAP_SHARED, FUTEX_WAKE = 1, 2, 1, 1
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}[os.uname().machine]
WHOLE = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
WHOLE_SHARED = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)

board = Path(sys.argv[1])
lock = board.with_name(f"{board.name}.lock")
file = os.open(board, os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *3 * [ctypes.c_int], ctypes.c_long]


def map_board(protection: int) -> int:
    size = os.fstat(file).st_size
    address = libc.mmap(None, size, protection, MAP_SHARED, file, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return int(address)


def wake() -> None:
    """All waiters for the head of the board."""
    head = map_board(PROT_READ) + struct.unpack_from("=I", os.pread(file, 64, 0), 24)[0]
    for _ in range(1000):
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(head), FUTEX_WAKE, 2**31 - 1)


ATTEMPTS: dict[str, Callable[[], object]] = {
    "open to write": lambda: os.open(board, os.O_RDWR),
    "write": lambda: os.write(file, b"x"),
    "truncate": lambda: os.ftruncate(file, 0),
    "truncate by name": lambda: os.truncate(board, 0),
    "map to write": lambda: map_board(PROT_READ | PROT_WRITE),
    "change the mode": lambda: os.fchmod(file, 0o666),
    "unlink": lambda: board.unlink(),
    "rename over": lambda: lock.rename(board),
    "link": lambda: os.link(board, board.with_name("pegel.other")),
    "open the lock": lambda: os.open(lock, os.O_RDONLY),
    "unlink the lock": lambda: lock.unlink(),
    "exclusive lock": lambda: fcntl.fcntl(file, fcntl.F_OFD_SETLK, WHOLE),
    "exclusive lock of a process": lambda: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB),
    # These it may, and holds from now on.
    "shared lock": lambda: fcntl.fcntl(file, fcntl.F_OFD_SETLK, WHOLE_SHARED),
    "flock": lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB),
    "wake": wake,
}


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


print(json.dumps({name: outcome(attempt) for name, attempt in ATTEMPTS.items()}), flush=True)
while True:
    wake()
