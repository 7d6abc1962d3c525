"""The package as its users write it: only the type checker runs this."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from typing_extensions import assert_type

import pegel


def station() -> None:
    with pegel.Writer("station", level=pegel.f64("m"), note=pegel.text(24)) as writer:
        assert_type(writer.publish(level=3.21, note="rising"), int)
        assert_type(writer.publish_if(1, {"level": 3.21, "note": "rising"}), int)
        assert_type(writer.update(lambda record: {**record, "level": 4}), int)
        writer.publish_bytes(memoryview(b""))
    with pegel.Reader(Path("/srv/boards/station")) as reader:
        now = reader.read()
        assert_type(now, pegel.Snapshot)
        assert_type(now["level"], Any)
        assert_type(now.sequence, int)
        assert_type(now.age, float)
        assert_type(now.published, datetime)
        assert_type(now.writer_alive, bool)
        assert_type(now.bytes, bytes)
        assert_type(reader.fields["level"], pegel.Field)
        mapping: Mapping[str, Any] = now
        print(mapping)
        for now in reader.follow(timeout=30):
            print(now["level"])


def config() -> None:
    try:
        with pegel.Writer.open("config", timeout=1.0) as writer:
            writer.update(limit=80)
    except pegel.NotFound as error:
        assert_type(error.filename, Any)
        assert_type(error.code, int)
