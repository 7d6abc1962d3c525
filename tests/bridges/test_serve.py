"""`pegel serve`: reading and writing boards by HTTP."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.http import BEARER, JSON, Server, serving, token_file
from helpers.programs import WATCHDOG, wait_until

FIELDS = {
    "level": pegel.f64("m", min=0, max=5, default=1.5, label="Level"),
    "pumps": pegel.u16(count=2, default=[1, 2]),
    "note": pegel.text(24, default=""),
    "count": pegel.u64(default=2**64 - 1),
    "fault": pegel.i32(optional=True),
}
DEFAULTS = {"level": 1.5, "pumps": [1, 2], "note": "", "count": 2**64 - 1, "fault": None}


@pytest.fixture
def tank(tmp_path: Path) -> Path:
    pegel.Writer(tmp_path / "tank", FIELDS).close()
    return tmp_path / "tank"


@pytest.fixture
def server(tank: Path) -> Iterator[Server]:
    """One that may write the board `tank`."""
    with serving(tank.parent, "--write", "tank", *token_file(tank.parent)) as server:
        yield server


def publish(board: Path, **values: Any) -> int:
    with pegel.Writer.open(board, timeout=WATCHDOG) as writer:
        return writer.update(**values)


def test_a_record_and_what_is_known_of_it(server: Server, tank: Path) -> None:
    answer = server.ask("/boards/tank")
    assert answer.headers["Content-Type"] == "application/json"
    answered = answer.json
    assert (answered["board"], answered["sequence"], answered["is_default"]) == ("tank", 1, True)
    assert (answered["record"], answered["writer_alive"]) == (DEFAULTS, False)
    with pegel.Writer.open(tank, timeout=WATCHDOG) as writer:
        writer.update(level=3.21, note='"läuft"\n', fault=-7)
        answer = server.ask("/boards/tank")
        assert answer.headers["Pegel-Writer"] == "alive"
    answered = answer.json
    newest = pegel.Reader(tank).read()
    assert answered["record"] == {name: plain(value) for name, value in newest.items()}
    assert (answered["sequence"], answered["generation"], answered["writer_alive"]) == (2, 2, True)
    assert newest.stamp.published_ns is not None
    assert answered["published"] == pytest.approx(newest.stamp.published_ns / 1e9)
    assert 0 <= answered["age"] == float(answer.headers["Pegel-Age"]) <= newest.age


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_fields_and_elements(server: Server, tank: Path) -> None:
    publish(tank, note="rising")
    answered = {
        field: server.ask(f"/boards/tank/{field}").text
        for field in ("level", "pumps", "pumps.1", "note", "count", "fault")
    }
    assert answered == {
        "level": "1.5",
        "pumps": "[1,2]",
        "pumps.1": "2",
        "note": '"rising"',
        "count": "18446744073709551615",
        "fault": "null",
    }
    answer = server.ask("/boards/tank/pumps.2")
    assert (answer.status, "pumps.0 to pumps.1" in answer.json["detail"]) == (404, True)
    answer = server.ask("/boards/tank/depth")
    assert (answer.status, "The fields are level, pumps" in answer.json["detail"]) == (404, True)


def test_what_is_known_is_not_sent_again(server: Server, tank: Path) -> None:
    tag = server.ask("/boards/tank").tag
    for path in ("/boards/tank", "/boards/tank/level"):
        answer = server.ask(path, {"If-None-Match": f'"other", W/{tag}'})
        assert (answer.status, answer.text, answer.tag) == (304, "", tag)
        assert float(answer.headers["Pegel-Age"]) >= 0
    publish(tank, level=2)
    answer = server.ask("/boards/tank", {"If-None-Match": tag})
    assert (answer.status, answer.tag != tag) == (200, True)
    # A board that was made anew has the same sequence, and is not the same.
    pegel.unlink(tank)
    pegel.Writer(tank, FIELDS).close()
    answer = server.ask("/boards/tank", {"If-None-Match": tag})
    assert (answer.status, answer.json["sequence"]) == (200, 1)
    assert server.write("PUT", "/boards/tank", {}, If_Match=tag).status == 412


def test_lists_every_board(server: Server, tank: Path) -> None:
    pegel.Writer(tank.parent / "ahoy", pegel.json(1024)).close()
    (tank.parent / "pegel.broken").write_text("no board")
    ahoy, broken, answered = server.ask("/boards").json["boards"]
    assert (answered["board"], answered["sequence"], answered["writable"]) == ("tank", 1, True)
    assert answered["fields"][0] == {"name": "level", "type": "f64", "unit": "m", "count": 1}
    assert (ahoy["document"], ahoy["sequence"], ahoy["age"]) == ("json", 0, None)
    assert broken["error"]["code"] == "CORRUPT"
    assert "pegel.broken" in broken["error"]["detail"]


def test_a_schema(server: Server) -> None:
    answered = server.ask("/boards/tank/schema").json
    level = answered["fields"][0]
    assert (level["label"], level["min"], level["max"], level["default"]) == ("Level", 0, 5, 1.5)
    assert (answered["writable"], answered["document"]) == (True, None)
    assert server.ask("/boards/tank").tag.startswith(f'"{answered["lineage"]}-')


def test_the_newest_records(server: Server, tank: Path) -> None:
    for level in (2, 3, 4):
        publish(tank, level=level)
    records = server.ask("/boards/tank/history?last=2").json["records"]
    assert [(one["sequence"], one["record"]["level"]) for one in records] == [(3, 3), (4, 4)]
    assert len(server.ask("/boards/tank/history").json["records"]) == 4
    for wrong in ("last=0", "last=1001", "last=x", "first=1"):
        answer = server.ask(f"/boards/tank/history?{wrong}")
        assert (answer.status, "1 to 1000" in answer.json["detail"]) == (400, True)


def test_a_board_that_was_never_published(server: Server, tank: Path) -> None:
    pegel.Writer(tank.parent / "fresh", level=pegel.f64("m")).close()
    answer = server.ask("/boards/fresh")
    assert (answer.status, answer.json["sequence"], answer.json["record"]) == (200, 0, None)
    assert answer.tag.endswith('-0"')
    assert server.ask("/boards/fresh/history").json["records"] == []
    answer = server.ask("/boards/fresh/level")
    assert (answer.status, "nothing has been published yet" in answer.text) == (404, True)


def test_documents(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "ahoy", pegel.json(64)).close()
    pegel.Writer(tmp_path / "image", pegel.bytes_(8)).close()
    with serving(tmp_path, "--write", "ahoy", "image", *token_file(tmp_path)) as server:
        document = {"inverters": [{"power": 21.80}], "big": 12345678901234567890123}
        assert server.write("PUT", "/boards/ahoy", document).status == 200
        assert server.ask("/boards/ahoy").json["record"] == document
        assert server.ask("/boards/ahoy/inverters.0.power").text == "21.8"
        assert server.ask("/boards/ahoy/inverters.1").status == 404
        # A merge patch: null removes.
        patch = {"big": None, "on": True}
        assert server.write("PATCH", "/boards/ahoy", patch).status == 200
        now = {"inverters": [{"power": 21.8}], "on": True}
        assert server.ask("/boards/ahoy").json["record"] == now
        answer = server.write("PUT", "/boards/ahoy", "x" * 64)
        assert (answer.status, "at most 64 bytes (got 66)" in answer.text) == (422, True)

        assert server.write("PUT", "/boards/image", "AAEC/w==").status == 200
        assert pegel.Reader(tmp_path / "image").read().document == b"\0\1\2\xff"
        assert server.ask("/boards/image").json["record"] == "AAEC/w=="
        for method, wrong in (("PUT", "?"), ("PUT", [1]), ("PATCH", "AAEC")):
            assert server.write(method, "/boards/image", wrong).status == 422


def test_whole_records_and_changes(server: Server, tank: Path) -> None:
    # What is left out gets its default, or is unknown.
    answer = server.write("PUT", "/boards/tank", {"level": 2, "fault": 3})
    assert (answer.status, answer.json) == (200, {"board": "tank", "sequence": 2})
    assert answer.tag == server.ask("/boards/tank").tag
    assert server.ask("/boards/tank").json["record"] == DEFAULTS | {"level": 2, "fault": 3}
    # What is left out stays.
    answer = server.write("PATCH", "/boards/tank", {"pumps": [3, 4], "fault": None})
    assert answer.status == 200
    now = pegel.Reader(tank).read()
    assert dict(now) == DEFAULTS | {"level": 2, "pumps": (3, 4)}
    patch = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
    answer = server.ask("/boards/tank", BEARER | patch, "PATCH", '{"count": 18446744073709551614}')
    assert answer.status == 200
    assert pegel.Reader(tank).read()["count"] == 2**64 - 2


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        ({"level": 5.1}, "level", "must be between 0 and 5 m (got 5.1)"),
        ({"level": "high"}, "level", 'must be f64 (got "high")'),
        ({"level": 1e999}, "level", "must be f64"),
        ({"level": None}, "level", ""),
        ({"pumps": [1]}, "pumps", "2"),
        ({"pumps": [1, 70000]}, "pumps", "70000"),
        ({"pumps": [1, -1]}, "pumps", "-1"),
        ({"note": "x" * 25}, "note", "24"),
        ({"note": 3}, "note", "must be text (got 3)"),
        ({"count": 2**64}, "count", "must be u64"),
        ({"depth": 1}, "depth", "The fields are level"),
    ],
)
def test_values_that_cannot_be(
    server: Server, tank: Path, record: dict[str, Any], field: str, reason: str
) -> None:
    for method in ("PUT", "PATCH"):
        # JSON has no infinity, but numbers as large.
        body = json.dumps(record).replace("Infinity", "1e999")
        answer = server.ask("/boards/tank", BEARER | JSON, method, body)
        assert answer.status == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json
        assert problem["path"] == str(tank.parent / "pegel.tank")
        assert [fault["field"] for fault in problem["errors"]] == [field]
        assert reason in problem["errors"][0]["detail"]
    assert pegel.Reader(tank).sequence == 1


def test_reports_all_faults_at_once(server: Server, tank: Path) -> None:
    pegel.Writer(tank.parent / "pair", a=pegel.i8(), b=pegel.i8()).close()
    with serving(
        tank.parent, "--write", "pair", "--status", "pegel-serve-2", *token_file(tank.parent)
    ) as server:
        answer = server.write("PATCH", "/boards/pair", {"a": 1})
        assert (answer.status, answer.json["errors"][0]["field"]) == (409, "b")
        answer = server.write("PUT", "/boards/pair", {"a": 1000, "c": 1})
        faults = {fault["field"] for fault in answer.json["errors"]}
        assert (answer.status, faults) == (422, {"a", "b", "c"})
        assert server.write("PATCH", "/boards/pair", {"a": 1, "b": 2}).status == 200


def test_rejects_bodies_that_are_not_json_objects(server: Server) -> None:
    def put(body: str | bytes, kind: str = "application/json") -> int:
        return server.ask("/boards/tank", BEARER | {"Content-Type": kind}, "PUT", body).status

    assert put("{") == 400
    assert put(b"\xff") == 400
    assert put("[" * 100_000) == 400
    assert put("[]") == 422
    assert put("level=1", "application/x-www-form-urlencoded") == 415
    assert put(b" " * 100_000) == 400
    # The board can hold no more.
    assert put(b" " * (1 << 20)) == 413
    assert server.ask("/boards/tank").json["sequence"] == 1


def test_only_one_of_many_forms_is_saved(server: Server, tank: Path) -> None:
    tag = server.ask("/boards/tank").tag
    statuses: list[int] = []

    def save(level: int) -> None:
        answer = server.write("PATCH", "/boards/tank", {"level": level / 10}, If_Match=tag)
        statuses.append(answer.status)

    forms = [threading.Thread(target=save, args=[level]) for level in range(20)]
    for form in forms:
        form.start()
    for form in forms:
        form.join()
    assert sorted(statuses) == [200] + 19 * [412]
    problem = server.write("PUT", "/boards/tank", {}, If_Match=tag).json
    assert (problem["sequence"], problem["board"]) == (2, "tank")
    assert server.ask("/boards/tank").tag in problem["detail"]
    assert server.write("PUT", "/boards/tank", {}, If_None_Match="*").status == 412
    assert server.write("PUT", "/boards/tank", {}, If_Match="*").status == 200
    assert server.write("PUT", "/boards/tank", {}, If_Match="3").status == 400


def test_changes_of_many_are_all_kept(server: Server, tank: Path) -> None:
    publish(tank, count=0)

    def add() -> None:
        while True:
            now = server.ask("/boards/tank")
            count = now.json["record"]["count"]
            changed = {"count": count + 1}
            if server.write("PATCH", "/boards/tank", changed, If_Match=now.tag).status == 200:
                return

    adders = [threading.Thread(target=add) for _ in range(12)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    assert pegel.Reader(tank).read()["count"] == 12


def test_a_board_that_another_program_holds(tank: Path) -> None:
    with (
        serving(
            tank.parent, "--write", "tank", "--timeout", "0.05", *token_file(tank.parent)
        ) as server,
        pegel.Writer.open(tank, timeout=WATCHDOG) as writer,
    ):
        answer = server.write("PATCH", "/boards/tank", {"level": 2})
        assert (answer.status, answer.json["code"]) == (423, "LOCKED")
        # No number of waiting writes delays a read.
        waiting = [
            threading.Thread(target=server.write, args=["PATCH", "/boards/tank", {"level": 2}])
            for _ in range(20)
        ]
        for one in waiting:
            one.start()
        assert server.ask("/boards/tank").status == 200
        for one in waiting:
            one.join()
        writer.close()
        assert server.write("PATCH", "/boards/tank", {"level": 2}).status == 200


def test_who_has_asked_is_answered_before_the_end(tank: Path) -> None:
    arguments = ["--write", "tank", "--timeout", str(WATCHDOG), *token_file(tank.parent)]
    answers = []
    with serving(tank.parent, *arguments) as server:
        writer = pegel.Writer.open(tank, timeout=WATCHDOG)

        def change() -> None:
            answers.append(server.write("PATCH", "/boards/tank", {"level": 2}).status)

        asker = threading.Thread(target=change)
        asker.start()
        # Its first request makes a thread that waits.
        tasks = Path(f"/proc/{server.process.pid}/task")
        wait_until(lambda: len(list(tasks.iterdir())) > 1)
        server.process.send_signal(signal.SIGTERM)
        # Nobody else is let in any more.
        wait_until(lambda: not server.is_there())
        writer.close()
        asker.join()
    assert answers == [200]
    assert pegel.Reader(tank).read()["level"] == 2


def test_problems_name_the_board(server: Server, tank: Path) -> None:
    answer = server.ask("/boards/none")
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert (answer.status, problem["status"], problem["code"]) == (404, 404, "NOT_FOUND")
    assert str(tank.parent / "pegel.none") in problem["detail"]
    for path in ("/boards/none/level", "/boards/none/schema", "/boards/none/events"):
        assert server.ask(path).status == 404
    assert server.ask("/boards/Roof").status == 400
    assert server.ask(f"/boards/{str(tank).replace('/', '%2F')}").status == 404
    answer = server.ask("/boards/%FF")
    assert (answer.status, answer.json["title"]) == (400, "Bad Request")
    assert server.ask("/elsewhere").status == 404
    answer = server.ask("/boards/tank", BEARER, "DELETE")
    assert (answer.status, answer.json["status"]) == (405, 405)
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT", "PATCH"}
    assert server.ask("/boards/tank", method="HEAD").tag


def test_a_board_that_is_replaced_or_removed(server: Server, tank: Path) -> None:
    publish(tank, level=2)
    before = server.ask("/boards/tank").tag
    more = FIELDS | {"temperature": pegel.f32("°C", optional=True)}
    pegel.Writer(tank, more).close()
    answer = server.ask("/boards/tank")
    # Its records were carried over. A client that has them does not have the new field.
    record = answer.json["record"]
    assert (answer.json["sequence"], record["level"], record["temperature"]) == (2, 2, None)
    assert server.ask("/boards/tank", {"If-None-Match": before}).status == 200
    assert server.write("PUT", "/boards/tank", DEFAULTS, If_Match=before).status == 412
    pegel.unlink(tank)
    assert server.ask("/boards/tank").status == 404
    assert server.write("PUT", "/boards/tank", {}).status == 404


def test_only_what_is_named_is_served(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for board in (tmp_path / "tank", tmp_path / "secret", other / "config"):
        pegel.Writer(board, FIELDS).close()
    arguments = ["--board", "tank", "--write", str(other / "config"), *token_file(tmp_path)]
    with serving(tmp_path, *arguments) as server:
        names = [board["board"] for board in server.ask("/boards").json["boards"]]
        assert names == ["config", "tank"]
        assert server.ask("/boards/secret").status == 404
        assert "secret" not in server.ask("/metrics").text
        answer = server.write("PUT", "/boards/tank", {})
        assert (answer.status, "--write tank" in answer.json["detail"]) == (403, True)
        assert server.write("PUT", "/boards/config", {}).status == 200
        assert pegel.Reader(other / "config").sequence == 2
    # Without --board, one of another directory comes in addition.
    with serving(tmp_path, *arguments[2:]) as server:
        names = [board["board"] for board in server.ask("/boards").json["boards"]]
        assert names == ["config", "secret", "tank"]
