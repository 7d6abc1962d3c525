"""Mosquitto, a client of it, and `pegel mqtt`, for the tests."""

import base64
import json
import queue
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

import pegel
from helpers.programs import WATCHDOG, Service, built, environment, free_port, listens, wait_until

TANK = {
    "level": pegel.f64("m", min=0, max=5, default=1.5, label="Level"),
    "pumps": pegel.u16(count=2, default=[1, 2]),
    "note": pegel.text(24, default=""),
    "count": pegel.u64(default=2**64 - 1),
    "on": pegel.bool_(default=False),
    "fault": pegel.i32(optional=True),
}
# The command lines of two machines: a board of the first is mirrored on the second.
HERE = ("--prefix", "here", "--board", "tank")
THERE = ("--prefix", "there", "--mirror", "here/tank")
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")


class Broker:
    """A broker that can be killed and started again, at the same port."""

    def __init__(self, place: Path, *lines: str) -> None:
        assert MOSQUITTO, "mosquitto is missing: `make test` installs it"
        place.mkdir(exist_ok=True)
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.configuration = place / "mosquitto.conf"
        # Else it would become another user, which cannot open this directory.
        text = [
            f"listener {self.port} 127.0.0.1",
            "user root",
            *(lines or ["allow_anonymous true"]),
        ]
        self.configuration.write_text("\n".join(text) + "\n")
        self.start()

    def start(self) -> None:
        assert MOSQUITTO
        command = [MOSQUITTO, "-c", str(self.configuration)]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=null, stderr=null)
        wait_until(self.is_there, "the start of the broker")

    def is_there(self) -> bool:
        assert self.process.poll() is None, "mosquitto has ended"
        return listens(self.port)

    def kill(self) -> None:
        """With all that it knew."""
        self.process.kill()
        self.process.wait()


class Listener:
    """A client that knows what stands at each topic, and all that came."""

    def __init__(self, broker: Broker, topic: str = "#") -> None:
        self.values: dict[str, str] = {}
        self.retained: dict[str, bool] = {}
        self.arrived: queue.Queue[tuple[str, str]] = queue.Queue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self.hear
        subscribed: queue.Queue[None] = queue.Queue()
        self.client.on_subscribe = lambda *_: subscribed.put(None)
        self.client.connect_timeout = WATCHDOG
        self.client.connect("127.0.0.1", broker.port, keepalive=WATCHDOG)
        self.client.subscribe(topic, 1)
        self.client.loop_start()
        subscribed.get(timeout=WATCHDOG)

    def hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        payload = message.payload.decode(errors="replace")
        self.values[message.topic] = payload
        self.retained[message.topic] = message.retain
        self.arrived.put((message.topic, payload))

    def json(self, topic: str) -> Any:
        return json.loads(self.values[topic])

    def wait_for(self, topic: str, payload: str | None = None) -> str:
        """Until that stands there, or anything."""

        def stands() -> bool:
            now = self.values.get(topic)
            return now is not None and payload in (None, now)

        wait_until(stands, f"{topic} {payload}")
        return self.values[topic]

    def next(self, topic: str) -> Any:
        """What comes next there, as JSON."""
        while True:
            came, payload = self.arrived.get(timeout=WATCHDOG)
            if came == topic:
                return json.loads(payload)

    def say(self, topic: str, payload: object, *, retain: bool = False) -> None:
        text = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        sent = self.client.publish(topic, text, 1, retain)
        sent.wait_for_publish(WATCHDOG)

    def end(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def listening(broker: Broker, topic: str = "#") -> Iterator[Listener]:
    listener = Listener(broker, topic)
    try:
        yield listener
    finally:
        listener.end()


class Bridge(Service):
    """The program, between the boards of a directory and a broker."""

    # What it complained of until its end.
    log: str

    def __init__(self, place: Path, url: str, *arguments: str) -> None:
        built("target/release/pegel-mqtt")
        self.place = place
        self.command = [str(built("target/release/pegel")), "mqtt", "--broker", url, *arguments]
        self.log = ""
        self.start()

    def start(self) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            self.command, env=environment(self.place), stdout=pipe, stderr=pipe, text=True
        )

    def status(self) -> dict[str, Any]:
        """Its status board; nothing before its start."""
        try:
            with pegel.Reader(self.place / "pegel-mqtt") as reader:
                return dict(reader.read()) if reader.writer_alive else {}
        except pegel.NotFound:
            assert self.process.poll() is None, self.process.communicate()
            return {}

    def wait_until_well(self) -> None:
        def is_well() -> bool:
            now = self.status()
            return bool(now) and now["connections"] == now["connected"] > 0

        wait_until(is_well, "the connection")

    def end(self) -> str:
        """Ends it well; what it complained of."""
        self.log = super().end()
        return self.log


@contextmanager
def bridged(
    place: Path, broker: Broker | str, *arguments: str, complaint: str | None = None
) -> Iterator[Bridge]:
    """At the end it has complained of nothing, or of that."""
    place.mkdir(exist_ok=True)
    url = broker if isinstance(broker, str) else broker.url
    bridge = Bridge(place, url, *arguments)
    try:
        yield bridge
        log = bridge.end()
        if complaint is None:
            assert log == "", log
        else:
            assert complaint in log
    finally:
        bridge.kill()


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class Machines:
    """Two, each with boards and a bridge; `tank` of the first is mirrored on the second."""

    def __init__(self, place: Path) -> None:
        self.here, self.there = place / "here", place / "there"
        for machine in (self.here, self.there):
            machine.mkdir()

    def wait_for(self, number: int) -> pegel.Snapshot:
        """Until the mirror shows that record."""
        shown: list[pegel.Snapshot] = []

        def shows() -> bool:
            try:
                shown[:] = [pegel.Reader(self.there / "tank").read()]
            except (pegel.NotFound, pegel.Gone):
                return False
            return bool(shown[0]["number"] == number)

        wait_until(shows, f"record {number}")
        return shown[0]


def record_message(schema: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A message as the other bridge sends them."""
    message = {
        "format": 1,
        "schema": schema["hash"],
        "lineage": "00000000000000aa",
        "sequence": 3,
        "generation": 1,
        "published": time.time_ns(),
        "age": 0,
        "present": "0",
        "record": base64.b64encode((42).to_bytes(8, "little")).decode(),
    }
    return message | changes
