"""What `pegel mqtt` announces to Home Assistant."""

from pathlib import Path

import jinja2

import pegel
from helpers.mqtt import Broker, bridged, listening
from helpers.programs import wait_until

HERE = ("--prefix", "site")


def test_home_assistant_discovers_the_boards(broker: Broker, boards: Path) -> None:
    fields = {
        "power": pegel.f64("W", label="Power now"),
        "yield_day": pegel.f64("kWh"),
        "temperature": pegel.f32("°C", optional=True),
        "strings": pegel.u16("V", count=2),
        "on": pegel.bool_(),
        "note": pegel.text(24),
        "items": pegel.u32(),
    }
    pegel.Writer(boards / "inverter", fields, description="North roof").close()
    limits = {
        "limit": pegel.u16("%", default=80, min=2, max=100),
        "boost": pegel.bool_(default=False),
    }
    limits |= {"name": pegel.text(12, default=""), "gain": pegel.f64(default=1.0)}
    pegel.Writer(boards / "config", limits).close()
    options = ("--board", "inverter", "--write", "config", "--home-assistant")
    with listening(broker) as now, bridged(boards, broker, *HERE, *options):
        now.wait_for("homeassistant/device/site_inverter/config")
        device = now.json("homeassistant/device/site_inverter/config")
        assert device["device"]["name"] == "North roof"
        assert device["origin"]["name"] == "pegel"
        assert device["state_topic"] == "site/inverter"
        assert device["availability"][0]["topic"] == "site/inverter/writer"
        parts = device["components"]
        ids = [part["unique_id"] for part in parts.values()]
        assert len(set(ids)) == len(ids) == 8
        assert parts["power"] == {
            "platform": "sensor",
            "unique_id": "site_inverter_power",
            "name": "Power now",
            "value_template": "{{ None if value_json.record['power'] in ['NaN', 'Infinity', "
            "'-Infinity'] else value_json.record['power'] }}",
            "unit_of_measurement": "W",
            "device_class": "power",
            "state_class": "measurement",
        }
        energy = parts["yield_day"]
        assert (energy["device_class"], energy["state_class"]) == ("energy", "total_increasing")
        assert parts["temperature"]["device_class"] == "temperature"
        assert parts["strings-1"]["value_template"] == "{{ value_json.record['strings'][1] }}"
        assert parts["on"]["platform"] == "binary_sensor"
        assert "state_class" not in parts["note"]
        assert "device_class" not in parts["items"]
        now.wait_for("homeassistant/device/site_config/config")
        parts = now.json("homeassistant/device/site_config/config")["components"]
        limit = parts["limit"]
        assert (limit["platform"], limit["min"], limit["max"], limit["step"]) == (
            "number",
            2,
            100,
            1,
        )
        assert limit["command_topic"] == "site/config/set/limit"
        assert (parts["boost"]["platform"], parts["boost"]["payload_on"]) == ("switch", "true")
        assert (parts["name"]["platform"], parts["name"]["max"]) == ("text", 12)
        assert parts["gain"]["step"] == 0.001
        # What a form then sends is done.
        now.say(parts["boost"]["command_topic"], parts["boost"]["payload_on"])
        now.wait_for("site/config/fields/boost", "true")


def test_templates_give_what_home_assistant_expects(broker: Broker, boards: Path) -> None:
    """By Jinja, in which it renders them."""
    fields = {"items": pegel.u32(), "on": pegel.bool_(optional=True), "pair": pegel.u16(count=2)}
    with pegel.Writer(boards / "tank", fields) as writer:
        writer.publish(items=5, on=True, pair=[3, 4])
        with listening(broker) as now, bridged(boards, broker, *HERE, "--home-assistant"):
            now.wait_for("homeassistant/device/site_tank/config")
            device = now.json("homeassistant/device/site_tank/config")
            parts = device["components"]

            def state(name: str) -> str:
                template = jinja2.Template(parts[name]["value_template"])
                return str(template.render(value_json=now.json("site/tank")))

            now.wait_for("site/tank")
            assert [state(name) for name in parts] == ["5", "true", "3", "4"]
            writer.publish(items=6, on=None, pair=[3, 4])
            wait_until(lambda: state("items") == "6")
            assert state("on") == "None"
            available = jinja2.Template(device["availability"][0]["value_template"])
            states = [available.render(value=value) for value in ("alive", "shared", "gone")]
            assert states == ["online", "online", "offline"]


def test_numbers_beyond_json_are_unknown(broker: Broker, boards: Path) -> None:
    fields = {"level": pegel.f64(), "flow": pegel.f32(), "sum": pegel.f64(optional=True)}
    with pegel.Writer(boards / "tank", fields) as writer:
        writer.publish(level=float("nan"), flow=float("-inf"), sum=float("inf"))
        with listening(broker) as now, bridged(boards, broker, *HERE, "--home-assistant"):
            now.wait_for("site/tank/fields/sum", "Infinity")
            assert now.values["site/tank/fields/level"] == "NaN"
            assert now.values["site/tank/fields/flow"] == "-Infinity"
            now.wait_for("homeassistant/device/site_tank/config")
            parts = now.json("homeassistant/device/site_tank/config")["components"]
            record = now.json("site/tank")
            assert record["record"] == {"level": "NaN", "flow": "-Infinity", "sum": "Infinity"}
            for part in parts.values():
                template = jinja2.Template(part["value_template"])
                assert template.render(value_json=record) == "None"
            writer.publish(level=0.5, flow=-1.5, sum=None)
            now.wait_for("site/tank/fields/level", "0.5")
            wait_until(lambda: now.json("site/tank")["record"]["level"] == 0.5)
            rendered = [
                jinja2.Template(part["value_template"]).render(value_json=now.json("site/tank"))
                for part in parts.values()
            ]
            assert rendered == ["0.5", "-1.5", "None"]


def test_boards_with_similar_names_are_different_devices(broker: Broker, boards: Path) -> None:
    names = ["a.b", "a_b", "a-b"]
    for name in names:
        pegel.Writer(boards / name, {"level": pegel.f64(default=1.5)}).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--home-assistant"):
        for name in names:
            now.wait_for(f"site/{name}/writer")
            now.wait_for(f"site/{name}/age")

        def configs() -> list[str]:
            return [topic for topic in now.values if topic.startswith("homeassistant/")]

        wait_until(lambda: len(configs()) == 3)
        devices = [now.json(topic) for topic in configs()]
        assert {device["state_topic"] for device in devices} == {f"site/{name}" for name in names}
        ids = {device["components"]["level"]["unique_id"] for device in devices}
        assert len(ids) == len({device["device"]["identifiers"][0] for device in devices}) == 3
