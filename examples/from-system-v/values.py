"""The same with Pegel: the daemon opens the board once, and publishes."""

import pegel

with pegel.Writer("values", power=pegel.f64("W")) as writer:
    writer.publish(power=21.8)
