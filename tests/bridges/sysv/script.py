"""A script of the old kind, which reads and writes System V shared memory: script.py KEY"""

import sys

import sysv_ipc

KEY = int(sys.argv[1])
memory = sysv_ipc.SharedMemory(KEY)
semaphore = sysv_ipc.Semaphore(KEY)
semaphore.undo = True

for line in sys.stdin:
    verb, _, rest = line.removesuffix("\n").partition(" ")
    if verb == "read":
        with semaphore:
            text = memory.read()
        print(text.split(b"\0", 1)[0].decode(), flush=True)
    elif verb == "write":
        with semaphore:
            memory.write(rest.encode().ljust(memory.size, b"\0"))
        print("written", flush=True)
    elif verb == "half":
        # What a script has done when it is killed in between.
        semaphore.acquire()
        memory.write(rest.encode())
        print("held", flush=True)
    elif verb == "hold":
        semaphore.undo = rest != "for ever"
        semaphore.acquire()
        print("held", flush=True)
    elif verb == "release":
        semaphore.release()
        print("released", flush=True)
