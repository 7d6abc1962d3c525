"""Boards of one JSON text or bytes."""

import json
import math
from typing import Callable

import pytest

import pegel


def test_json_goes_in_and_comes_out() -> None:
    with pegel.Writer("ahoy", pegel.json(65536)) as writer, pegel.Reader("ahoy") as reader:
        document = {"inverters": [{"power": 21.8, "name": "Süd"}], "night": None, "on": True}
        writer.publish(document)
        now = reader.read()
        assert now == document
        assert now.document == document
        assert now["inverters"][0]["power"] == 21.8
        assert list(now) == ["inverters", "night", "on"]
        assert json.loads(now.bytes) == document
        assert now.stamp.record_size == len(now.bytes)
        assert "Süd".encode() in now.bytes
        writer.publish(on=False)
        assert reader.read() == {"on": False}
        writer.update(on=True, level=3)
        assert reader.read() == {"on": True, "level": 3}
        writer.update(lambda document: [*document])
        assert reader.read().document == ["on", "level"]


def test_a_caller_who_changes_a_document_changes_nothing_else() -> None:
    document = {"inverters": [{"power": 21.8}], "limits": {"a": [1]}}
    with pegel.Writer("ahoy", pegel.json(1000)) as writer:
        writer.publish(document)
        snapshot = writer.read()
        for _ in range(2):
            snapshot.document["inverters"][0]["power"] = 0
            snapshot.document.clear()
            snapshot["inverters"].append(1)
            snapshot["inverters"][0]["power"] = 0
            snapshot.get("limits")["a"].append(2)
            for value in (*snapshot.values(), *dict(snapshot.items()).values()):
                value.clear()
            assert snapshot == snapshot.document == dict(snapshot) == document
            assert dict(snapshot.items()) == document


@pytest.mark.parametrize("document", [[1, 2], "text", 7, 1.5, None, True, {}, []])
def test_json_of_any_kind(document: object) -> None:
    with pegel.Writer("ahoy", pegel.json(100)) as writer:
        writer.publish(document)
        now = writer.read()
        assert now.document == document
        if not isinstance(document, dict):
            with pytest.raises(TypeError, match=rf"ahoy.*{type(document).__name__}.*\.document"):
                now["a"]
            with pytest.raises(TypeError, match="ahoy"):
                list(now)


EXACT = {
    "least": -(2**63),
    "most": 2**64 - 1,
    "huge": 10**40,
    "floats": [0.1, 1e-300, 1.7976931348623157e308, 5e-324, -0.0, 1e22, 1.0, 123456789.12345679],
    "z": None,
    "a": {"b": [[], {}, [{"c": [True, False, None]}]]},
    "Straße": "Übergröße €🌊",
    "escaped": 'a"b\\c\n\t\0\u2028\x7f',
    "": "",
}


def test_json_comes_back_exactly() -> None:
    with pegel.Writer("ahoy", pegel.json(65536)) as writer, pegel.Reader("ahoy") as reader:
        writer.publish(EXACT)
        now = reader.read()
        # As text, in which 1 is not 1.0, -0.0 not 0.0, and the order counts.
        assert repr(now.document) == repr(EXACT)
        assert list(now) == list(EXACT)
        writer.update(lambda document: document)
        assert reader.read().bytes == now.bytes
        text = json.dumps(EXACT, indent=4).encode()
        writer.publish_bytes(text)
        now = reader.read()
        assert now.bytes == text
        assert repr(now.document) == repr(EXACT)


def test_what_is_no_json() -> None:
    with pegel.Writer("ahoy", pegel.json(100)) as writer:
        endless: list[object] = []
        endless.append(endless)
        wrongs = ({"power": math.nan}, [math.inf], {1, 2}, "\ud800", {"when": object()}, endless)
        for wrong in wrongs:
            with pytest.raises(pegel.InvalidArgument, match=r"ahoy.*not valid JSON") as caught:
                writer.publish(wrong)
            assert caught.value.__cause__ is not None
        with pytest.raises(pegel.TooLarge, match=r"ahoy.*100.*102"):
            writer.publish("x" * 100)
        assert writer.sequence == 0


def test_json_that_somebody_spoiled() -> None:
    with pegel.Writer("ahoy", pegel.json(10_000)) as writer:
        for spoiled in (b'{"power":', b"\xff", b"", b"[" * 100):
            writer.publish_bytes(spoiled)
            now = writer.read()
            assert now.bytes == spoiled
            with pytest.raises(pegel.Corrupt, match=rf"ahoy.*{now.sequence}.*not valid JSON"):
                now.document  # noqa: B018
            with pytest.raises(pegel.Corrupt, match=rf"ahoy.*{now.sequence}.*not valid JSON"):
                writer.update(power=1)


def test_a_json_text_as_it_is() -> None:
    with pegel.Writer("ahoy", pegel.json(100)) as writer:
        writer.publish_bytes(b'{ "power": 1e2 }')
        assert writer.read().bytes == b'{ "power": 1e2 }'
        assert writer.read() == {"power": 100.0}


def test_bytes() -> None:
    with pegel.Writer("frame", pegel.bytes_(1000)) as writer:
        for document in (b"", b"\0\xff", bytes(1000)):
            writer.publish(document)
            now = writer.read()
            assert now.document == now.bytes == document
        writer.publish(bytearray(b"abc"))
        assert writer.read().document == b"abc"
        with pytest.raises(pegel.TooLarge, match=r"frame.*1000.*1001"):
            writer.publish(bytes(1001))
        for wrong in ("text", 7, None, {"a": 1}):
            with pytest.raises(TypeError):
                writer.publish(wrong)
        with pytest.raises(TypeError, match=r"frame.*bytes"):
            writer.read()["document"]


def test_a_document_that_outgrew_the_one_before() -> None:
    with pegel.Writer("ahoy", pegel.json(200_000)) as writer, pegel.Reader("ahoy") as reader:
        for size in (1, 100_000, 10, 190_000):
            writer.publish("x" * size)
            assert reader.read().document == "x" * size


def test_documents_that_are_nested_too_deep_are_refused() -> None:
    def nested(levels: int) -> list[object]:
        return [nested(levels - 1)] if levels > 1 else []

    with pegel.Writer("ahoy", pegel.json(65536)) as writer:
        writer.publish(nested(127))
        assert writer.read().document == nested(127)
        publications: tuple[Callable[[], int], ...] = (
            lambda: writer.publish(nested(128)),
            lambda: writer.publish_bytes(json.dumps(nested(128)).encode()),
            lambda: writer.update(lambda document: [document]),
        )
        for publish in publications:
            with pytest.raises(pegel.InvalidArgument, match=r"at most 127 levels \(got 128\)"):
                publish()
        assert writer.sequence == 1
    with pytest.raises(pegel.Error, match="at most 127 levels"):
        pegel.Writer("deep", pegel.json(65536, default=nested(128)))
