"""A time stamp that both sides read and write: the side of Python."""

import time

import sysv_ipc

KEY = 0x50454745

semaphore = sysv_ipc.Semaphore(KEY)  # PHP created it, as it refuses one of Python
memory = sysv_ipc.SharedMemory(KEY, sysv_ipc.IPC_CREAT, size=32)
with semaphore:
    seen = memory.read().rstrip(b"\0").decode() or "nothing"
    memory.write(f"{time.time():.3f}".encode().ljust(32, b"\0"))
print("Python saw", seen)
