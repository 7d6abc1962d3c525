"""A program made for one version of a schema: version.py VERSION read | VERSION write LEVEL."""

import json
import sys

import pegel

FIRST = {"level": pegel.f64("m"), "rain": pegel.bool_()}
VERSIONS = {
    "first": FIRST,
    "default": FIRST | {"limit": pegel.u16(default=80)},
    "optional": FIRST | {"wind": pegel.f32(optional=True)},
    "plain": FIRST | {"hot": pegel.bool_()},
    "feet": FIRST | {"level": pegel.f64("ft")},
    "less": {"level": pegel.f64("m")},
}
MORE = {"limit": 60, "wind": 1.5, "hot": True}


def main(version: str, task: str, level: str = "") -> None:
    fields = VERSIONS[version]
    if task == "read":
        now = pegel.Reader("tank", fields).read()
        print(json.dumps({name: now[name] for name in fields}))
    else:
        with pegel.Writer("tank", fields) as writer:
            values = {"level": float(level), "rain": True} | MORE
            writer.publish({name: values[name] for name in fields})


try:
    main(*sys.argv[1:])
except pegel.InvalidFields as error:
    print("INVALID_FIELDS", error)
