"""Creates the golden boards that are missing: .venv/bin/python tests/format/make_golden.py

Existing ones are kept until a new layout version, as older programs wrote them. The values that a
reader must find in a board are in a file beside it, from the values that the writer got.
"""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pegel

GOLDEN = Path(__file__).parent / "golden"

TYPES = {
    "flag": pegel.bool_(),
    "tiny": pegel.i8(),
    "byte": pegel.u8(),
    "short": pegel.i16(),
    "word": pegel.u16(),
    "int": pegel.i32(),
    "uint": pegel.u32(),
    "long": pegel.i64(),
    "ulong": pegel.u64(),
    "single": pegel.f32("V"),
    "double": pegel.f64("°C"),
    "note": pegel.text(7),
    "pair": pegel.u16(count=2),
    "flags": pegel.bool_(count=3),
    "labels": pegel.text(4, count=2),
}
TYPE_VALUES: dict[str, Any] = {
    "flag": True,
    "tiny": -128,
    "byte": 255,
    "short": -32768,
    "word": 65535,
    "int": -(2**31),
    "uint": 2**32 - 1,
    "long": -(2**63),
    "ulong": 2**64 - 1,
    "single": 0.5,
    "double": 0.1,
    "note": "äöü!",
    "pair": [1, 65535],
    "flags": [True, False, True],
    "labels": ["abcd", ""],
}
CONFIG = {
    "interval": pegel.f64(
        "s", default=5, min=0.5, max=3600, label="Intervall", description='"von" Abfrage'
    ),
    "most": pegel.u64(default=2**64 - 1),
    "wind": pegel.f32("m/s", optional=True),
    "rated": pegel.u16("W", count=2, optional=True, default=(405, 405), min=10),
}


class Golden:
    """One board, and what is known of it."""

    def __init__(self, name: str, directory: str) -> None:
        self.name = name
        self.board = Path(directory, name)

    @property
    def path(self) -> Path:
        return self.board.with_name(f"pegel.{self.name}")

    def keep(self, sequence: int, records: Sequence[Any], **more: Any) -> None:
        """Copies the board; the records are the newest ones, which it still holds."""
        if (GOLDEN / f"{self.name}.board").exists():
            return
        shutil.copyfile(self.path, GOLDEN / f"{self.name}.board")
        first = sequence - len(records) + 1
        history = {str(first + index): record for index, record in enumerate(records)}
        known = {"sequence": sequence, "marked": False, "description": ""} | more
        text = json.dumps(known | {"history": history}, indent=2, ensure_ascii=False)
        (GOLDEN / f"{self.name}.json").write_text(f"{text}\n", encoding="utf-8")


def main(directory: str) -> None:
    golden = Golden("types", directory)
    with pegel.Writer(golden.board, TYPES, slots=4) as writer:
        writer.publish(TYPE_VALUES)
        golden.keep(1, [TYPE_VALUES], generation=1)

    golden = Golden("optional", directory)
    with pegel.Writer(golden.board, CONFIG, slots=4) as writer:
        published = {"interval": 7.5, "most": 0, "wind": 0.0, "rated": None}
        writer.publish(published)
        default = {"interval": 5.0, "most": 2**64 - 1, "wind": None, "rated": [405, 405]}
        golden.keep(2, [default, published], generation=1)

    golden = Golden("defaults", directory)
    with pegel.Writer(golden.board, CONFIG, slots=4, description="Was die Seite will"):
        golden.keep(1, [default], generation=0, description="Was die Seite will")

    golden = Golden("grown", directory)
    old = {"level": pegel.f64("m"), "rain": pegel.bool_()}
    with pegel.Writer(golden.board, old, slots=4) as writer:
        for level in range(1, 7):
            writer.publish(level=level, rain=True)
    new = old | {"small": pegel.u8(default=9), "wind": pegel.f32(optional=True)}
    with pegel.Writer(golden.board, new):
        records = [
            {"level": level, "rain": True, "small": 9, "wind": None} for level in (4.0, 5.0, 6.0)
        ]
        golden.keep(6, records, generation=1)

    golden = Golden("json", directory)
    with pegel.Writer(golden.board, pegel.json(300), slots=4) as writer:
        document = {"name": "Dach/Süd", "list": [1, -0.1, None, True, 2**63], "of": {"a": {}}}
        writer.publish(document)
        golden.keep(1, [document], generation=1)

    golden = Golden("bytes", directory)
    with pegel.Writer(golden.board, pegel.bytes_(300), slots=4) as writer:
        writer.publish(b"\0\xff")
        writer.publish(b"")
        golden.keep(2, ["00ff", ""], generation=1)

    golden = Golden("empty", directory)
    with pegel.Writer(golden.board, TYPES, slots=4):
        golden.keep(0, [], generation=0)

    golden = Golden("wrapped", directory)
    with pegel.Writer(golden.board, old, slots=4) as writer:
        for level in range(1, 11):
            writer.publish(level=level, rain=False)
        records = [{"level": level, "rain": False} for level in (8.0, 9.0, 10.0)]
        golden.keep(10, records, generation=1)

    golden = Golden("marked", directory)
    with pegel.Writer(golden.board, old, slots=4) as writer:
        writer.publish(level=1, rain=True)
    with golden.path.open("rb") as file:
        pegel.unlink(golden.board)
        golden.path.write_bytes(file.read())
    golden.keep(1, [{"level": 1.0, "rain": True}], generation=1, marked=True)

    golden = Golden("sealed", directory)
    with pegel.Writer(golden.board, old, slots=4, checksum=True) as writer:
        for level in range(1, 7):
            writer.publish(level=level, rain=True)
    with pegel.Writer(golden.board, new):
        records = [
            {"level": level, "rain": True, "small": 9, "wind": None} for level in (4.0, 5.0, 6.0)
        ]
        golden.keep(6, records, generation=1)

    golden = Golden("sealed_json", directory)
    with pegel.Writer(golden.board, pegel.json(300), slots=4, checksum=True) as writer:
        writer.publish(document)
        writer.publish({})
        golden.keep(2, [document, {}], generation=1)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as boards:
        main(boards)
