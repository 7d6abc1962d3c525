"""The ways of the kernel: pipes, queues, sockets, and shared memory by hand."""

import contextlib
import json
import mmap
import os
import select
import socket
import struct
import threading

import posix_ipc
import sysv_ipc

from way import FIELDS, Polled, Queued, Reader, Value, Way, Writer

PACK = struct.Struct(f"{len(FIELDS)}d")
SIZE = 4096


class Pipe(Way):
    name = "pipe (FIFO)"
    is_queue = True

    def writer(self) -> Writer:
        path = self.place / "fifo"
        os.mkfifo(path)
        # Also for reading, as opening it for writing needs a reader.
        end = os.open(path, os.O_RDWR | os.O_NONBLOCK)

        class PipeWriter(Writer):
            def publish(self, now: Value) -> None:
                # Full without a reader: then the newest value is lost.
                with contextlib.suppress(BlockingIOError):
                    os.write(end, PACK.pack(*now.values()))

            def close(self) -> None:
                os.close(end)

        return PipeWriter()

    def reader(self) -> Reader:
        end = os.open(self.place / "fifo", os.O_RDONLY | os.O_NONBLOCK)

        class PipeReader(Queued):
            def take(self, *, waits: bool) -> Value | None:
                if waits:
                    select.select([end], [], [])
                try:
                    record = os.read(end, PACK.size)
                except BlockingIOError:
                    return None
                return dict(zip(FIELDS, PACK.unpack(record), strict=True))

            def close(self) -> None:
                os.close(end)

        return PipeReader()


class PosixQueue(Way):
    name = "message queue (POSIX)"
    is_queue = True

    def writer(self) -> Writer:
        queue = posix_ipc.MessageQueue(
            self.title, posix_ipc.O_CREX, max_messages=10, max_message_size=PACK.size
        )
        queue.block = False

        class PosixQueueWriter(Writer):
            def publish(self, now: Value) -> None:
                with contextlib.suppress(posix_ipc.BusyError):
                    queue.send(PACK.pack(*now.values()))

            def close(self) -> None:
                queue.unlink()
                queue.close()

        return PosixQueueWriter()

    def reader(self) -> Reader:
        queue = posix_ipc.MessageQueue(self.title)

        class PosixQueueReader(Queued):
            def take(self, *, waits: bool) -> Value | None:
                queue.block = waits
                try:
                    record, _ = queue.receive()
                except posix_ipc.BusyError:
                    return None
                return dict(zip(FIELDS, PACK.unpack(record), strict=True))

            def close(self) -> None:
                queue.close()

        return PosixQueueReader()


class SystemVQueue(Way):
    name = "message queue (System V)"
    is_queue = True

    def writer(self) -> Writer:
        queue = sysv_ipc.MessageQueue(self.key, sysv_ipc.IPC_CREX)

        class SystemVQueueWriter(Writer):
            def publish(self, now: Value) -> None:
                with contextlib.suppress(sysv_ipc.BusyError):
                    queue.send(PACK.pack(*now.values()), block=False)

            def close(self) -> None:
                queue.remove()

        return SystemVQueueWriter()

    def reader(self) -> Reader:
        queue = sysv_ipc.MessageQueue(self.key)

        class SystemVQueueReader(Queued):
            def take(self, *, waits: bool) -> Value | None:
                try:
                    record, _ = queue.receive(block=waits)
                except sysv_ipc.BusyError:
                    return None
                return dict(zip(FIELDS, PACK.unpack(record), strict=True))

        return SystemVQueueReader()


class UnixSocket(Way):
    """A daemon that answers: `get` sends a request, `wait` stays connected and gets each value."""

    name = "socket (Unix, asked of a daemon)"

    def writer(self) -> Writer:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self.place / "socket"))
        listener.listen()
        latest = [b""]
        followers: list[socket.socket] = []

        def answer(client: socket.socket) -> None:
            while request := client.recv(1):
                if request == b"f":
                    followers.append(client)
                client.send(latest[0])

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=answer, args=[client], daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()

        class SocketWriter(Writer):
            def publish(self, now: Value) -> None:
                latest[0] = PACK.pack(*now.values())
                for follower in followers:
                    follower.send(latest[0])

            def close(self) -> None:
                listener.close()

        return SocketWriter()

    def reader(self) -> Reader:
        def connect() -> socket.socket:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            client.connect(str(self.place / "socket"))
            return client

        asking, following = connect(), connect()
        following.send(b"f")

        class SocketReader(Reader):
            def get(self) -> Value:
                asking.send(b"g")
                return dict(zip(FIELDS, PACK.unpack(asking.recv(SIZE)), strict=True))

            def wait(self, after: float) -> Value:
                while True:
                    record = PACK.unpack(following.recv(SIZE))
                    if record[0] > after:
                        return dict(zip(FIELDS, record, strict=True))

            def close(self) -> None:
                asking.close()
                following.close()

        return SocketReader()


class SystemV(Way):
    """The way of the scripts that Pegel was made for: JSON under a semaphore."""

    name = "System V shared memory and semaphore"
    waiting = "polls"

    def writer(self) -> Writer:
        memory = sysv_ipc.SharedMemory(self.key, sysv_ipc.IPC_CREX, size=SIZE)
        semaphore = sysv_ipc.Semaphore(self.key, sysv_ipc.IPC_CREX, initial_value=1)
        semaphore.undo = True

        class SystemVWriter(Writer):
            def publish(self, now: Value) -> None:
                with semaphore:
                    memory.write(json.dumps(now).encode().ljust(SIZE, b"\0"))

            def close(self) -> None:
                memory.remove()
                semaphore.remove()

        return SystemVWriter()

    def reader(self) -> Reader:
        memory, semaphore = sysv_ipc.SharedMemory(self.key), sysv_ipc.Semaphore(self.key)
        semaphore.undo = True

        class SystemVReader(Polled):
            def get(self) -> Value:
                with semaphore:
                    text = memory.read()
                now: Value = json.loads(text.split(b"\0", 1)[0])
                return now

        return SystemVReader()


class PosixMemory(Way):
    """By hand: a mapped file and a named semaphore."""

    name = "POSIX shared memory and semaphore"
    waiting = "polls"

    def writer(self) -> Writer:
        shared = posix_ipc.SharedMemory(self.title, posix_ipc.O_CREX, size=SIZE)
        semaphore = posix_ipc.Semaphore(self.title, posix_ipc.O_CREX, initial_value=1)
        memory = mmap.mmap(shared.fd, SIZE)

        class PosixMemoryWriter(Writer):
            def publish(self, now: Value) -> None:
                with semaphore:
                    memory[: PACK.size] = PACK.pack(*now.values())

            def close(self) -> None:
                shared.unlink()
                semaphore.unlink()

        return PosixMemoryWriter()

    def reader(self) -> Reader:
        shared, semaphore = posix_ipc.SharedMemory(self.title), posix_ipc.Semaphore(self.title)
        memory = mmap.mmap(shared.fd, SIZE)

        class PosixMemoryReader(Polled):
            def get(self) -> Value:
                with semaphore:
                    record = memory[: PACK.size]
                return dict(zip(FIELDS, PACK.unpack(record), strict=True))

        return PosixMemoryReader()


WAYS = [Pipe, PosixQueue, SystemVQueue, UnixSocket, SystemV, PosixMemory]
