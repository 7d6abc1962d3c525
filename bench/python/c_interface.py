"""Pegel's C interface from Python, by an extension that cffi compiles."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import cffi

from record import BOARD, PACKED, unpack

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ROOT / "target/release"
NAME = "pegel_cffi"


def compiled(directory: Path) -> ModuleType:
    header = (ROOT / "include/pegel.h").read_text(encoding="utf-8")
    builder = cffi.FFI()
    builder.cdef("\n".join(line for line in header.splitlines() if not line.startswith("#")))
    builder.set_source(
        NAME,
        '#include "pegel.h"',
        include_dirs=[str(ROOT / "include")],
        library_dirs=[str(LIBRARIES)],
        libraries=["pegel"],
        extra_link_args=[f"-Wl,-rpath,{LIBRARIES}"],
    )
    path = builder.compile(tmpdir=str(directory))
    specification = importlib.util.spec_from_file_location(NAME, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[NAME] = module
    specification.loader.exec_module(module)
    return module


@contextmanager
def by_cffi(place: Path) -> Iterator[Callable[[], object]]:
    module = compiled(place)
    ffi, lib = module.ffi, module.lib
    opened = ffi.new("pegel_reader **")
    assert lib.pegel_reader_open(str(place / BOARD).encode(), opened) == 0
    reader, size = opened[0], len(PACKED)
    stamp = ffi.new("pegel_stamp *", {"size": ffi.sizeof("pegel_stamp")})
    memory = ffi.new("char[]", size)
    buffer, read = ffi.buffer(memory), lib.pegel_reader_read

    def by_name() -> object:
        if read(reader, memory, size, stamp) != 0:
            raise RuntimeError(ffi.string(lib.pegel_error_message()).decode())
        return unpack(buffer)

    yield by_name
    lib.pegel_reader_close(reader)
