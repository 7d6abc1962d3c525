"""Opens a durable board, prints the restored record, publishes LEVEL, syncs, and waits."""

import sys

import pegel

with pegel.Writer("gauge", level=pegel.f64("m"), durable=True) as writer:
    durable = "durable" if pegel.Reader("gauge").info.durable else ""
    try:
        now = writer.read()
        print(f"{now.sequence} {now['level']:g} {durable}")
    except pegel.Empty:
        print(f"0 0 {durable}")
    writer.publish(level=float(sys.argv[1]))
    print(writer.sync(), flush=True)
    sys.stdin.readline()
