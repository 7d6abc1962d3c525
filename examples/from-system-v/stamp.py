"""With Pegel, a shared board: read, change and publish is one step."""

import time

import pegel

with pegel.Writer("stamp", time=pegel.f64("s", default=0), mode=0o660, timeout=5) as stamp:
    print("Python saw", stamp.read()["time"] or "nothing")
    stamp.publish(time=time.time())
