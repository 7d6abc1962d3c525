"""How fast a record of eight fields and 256 bytes becomes Python's objects, beside other ways.

Each way reads the very same bytes and ends with all values by name. Rounds of all ways alternate,
and the medians count. Needs the package `pegel`, what requirements.txt names, and libpegel:

    make build
    .venv/bin/pip install -r bench/python/requirements.txt
    .venv/bin/python bench/python/read.py [DIRECTORY_OF_LIBPEGEL]
"""

import importlib.util
import os
import statistics
import struct
import sys
import tempfile
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cffi
import sysv_ipc

import pegel

ROOT = Path(__file__).parents[2]
ROUNDS, READS = 9, 50_000

FIELDS = {
    "power": pegel.f64("W"),
    "voltage": pegel.f64("V"),
    "current": pegel.f64("A"),
    "frequency": pegel.f64("Hz"),
    "total": pegel.u64("Wh"),
    "events": pegel.u32(),
    "on": pegel.bool_(),
    "note": pegel.text(211),
}
RECORD = {
    "power": 371.5,
    "voltage": 231.25,
    "current": 1.625,
    "frequency": 50.0,
    "total": 12_345_678,
    "events": 70_000,
    "on": True,
    "note": "rising",
}
UNPACK = struct.Struct("=4dQI?211s").unpack_from

Read = Callable[[], object]


def values(record: Any) -> dict[str, Any]:
    power, voltage, current, frequency, total, events, on, note = UNPACK(record)
    return {
        "power": power,
        "voltage": voltage,
        "current": current,
        "frequency": frequency,
        "total": total,
        "events": events,
        "on": on,
        "note": note.rstrip(b"\0").decode(),
    }


@contextmanager
def by_pegel(record: bytes) -> Iterator[Read]:
    with pegel.Reader("probe") as reader:
        read = reader.read

        def by_name() -> object:
            now = read()
            # The first look at a value makes them all.
            now["power"]
            return now

        yield by_name


@contextmanager
def by_cffi(record: bytes) -> Iterator[Read]:
    """The C interface, from an extension that cffi compiles."""
    libraries = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release").resolve()
    header = (ROOT / "include/pegel.h").read_text()
    builder = cffi.FFI()
    builder.cdef("\n".join(line for line in header.splitlines() if not line.startswith("#")))
    builder.set_source(
        "pegel_cffi",
        '#include "pegel.h"',
        include_dirs=[str(ROOT / "include")],
        library_dirs=[str(libraries)],
        libraries=["pegel"],
        extra_link_args=[f"-Wl,-rpath,{libraries}"],
    )
    with tempfile.TemporaryDirectory() as directory:
        path = builder.compile(tmpdir=directory)
        specification = importlib.util.spec_from_file_location("pegel_cffi", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        ffi, lib = module.ffi, module.lib
        place = ffi.new("pegel_reader **")
        assert lib.pegel_reader_open(b"probe", place) == 0
        reader, size = place[0], len(record)
        stamp = ffi.new("pegel_stamp *", {"size": ffi.sizeof("pegel_stamp")})
        memory = ffi.new("char[]", size)
        buffer, read = ffi.buffer(memory), lib.pegel_reader_read

        def by_name() -> object:
            if read(reader, memory, size, stamp) != 0:
                raise RuntimeError
            return values(buffer)

        yield by_name
        lib.pegel_reader_close(reader)


@contextmanager
def by_sysv(record: bytes) -> Iterator[Read]:
    """System V shared memory under a semaphore."""
    memory = sysv_ipc.SharedMemory(None, sysv_ipc.IPC_CREX, size=len(record))
    semaphore = sysv_ipc.Semaphore(None, sysv_ipc.IPC_CREX, initial_value=1)
    try:
        memory.write(record)

        def by_name() -> object:
            with semaphore:
                now = memory.read()
            return values(now)

        yield by_name
    finally:
        memory.remove()
        semaphore.remove()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ["PEGEL_DIR"] = directory
        with pegel.Writer("probe", FIELDS) as writer:
            writer.publish(RECORD)
            record = writer.read().bytes
            with by_pegel(record) as own, by_cffi(record) as cffi, by_sysv(record) as sysv:
                measure({"pegel": own, "cffi, C interface": cffi, "sysv_ipc, semaphore": sysv})


def measure(ways: dict[str, Read]) -> None:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for read in ways.values():
        assert read() == RECORD
    for _ in range(ROUNDS):
        for name, read in ways.items():
            times[name].append(timeit.timeit(read, number=READS) / READS * 1e6)
    medians = {name: statistics.median(all_times) for name, all_times in times.items()}
    print(f"{'':22}{'us':>7}{'least':>7}{'ratio':>7}")
    for name, median in medians.items():
        ratio = median / medians["pegel"]
        print(f"{name:22}{median:7.2f}{min(times[name]):7.2f}{ratio:7.1f}")


if __name__ == "__main__":
    main()
