"""`pegel serve`: the numbers of boards for Prometheus, as its own tool takes them."""

import re
import subprocess
from pathlib import Path

import pegel
from helpers.http import Server, serving
from helpers.programs import built


def metrics(server: Server) -> dict[str, str]:
    """Each metric with its labels, and its value; after Prometheus' own look at them."""
    answer = server.ask("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    command = [str(built("target/promtool")), "check", "metrics"]
    done = subprocess.run(command, input=answer.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    pairs = [line.rpartition(" ")[::2] for line in lines]
    assert len(dict(pairs)) == len(pairs), "a metric stands twice"
    return dict(pairs)


def test_numbers_in_base_units(tmp_path: Path) -> None:
    fields = {
        "ac_power": pegel.f32("kW", label="Power"),
        "string": pegel.f64("mV", count=2, description="Voltage of a string"),
        "temperature": pegel.f64("°C"),
        "efficiency": pegel.f64("%"),
        "energy_joules": pegel.u64("Wh"),
        "price": pegel.f64("EUR/kWh", optional=True),
        "limit": pegel.u16("W", optional=True),
        "on": pegel.bool_(),
        "serial": pegel.text(16),
        "events": pegel.u64(),
        "worst": pegel.f64(count=3),
    }
    writer = pegel.Writer(tmp_path / "roof-1.west", fields)
    writer.publish(
        ac_power=0.4125,
        string=[230.1, 229.9],
        temperature=-3.5,
        efficiency=98.6,
        energy_joules=5,
        limit=600,
        on=True,
        serial='11"6\\\n',
        events=2**64 - 1,
        worst=[float("nan"), float("inf"), float("-inf")],
    )
    with serving(tmp_path) as server:
        found = metrics(server)
        board = 'board="roof-1.west"'
        assert 0 <= float(found.pop(f"pegel_board_age_seconds{{{board}}}")) <= writer.read().age
        name = "pegel_roof_1_west_"
        assert found == {
            f"pegel_board_up{{{board}}}": "1",
            f"pegel_board_sequence{{{board}}}": "1",
            f"pegel_board_writer_alive{{{board}}}": "1",
            f"{name}ac_power_watts{{{board}}}": "412.5",
            f'{name}string_volts{{{board},index="0"}}': "0.2301",
            f'{name}string_volts{{{board},index="1"}}': "0.2299",
            f"{name}temperature_celsius{{{board}}}": "-3.5",
            f"{name}efficiency_ratio{{{board}}}": "0.986",
            f"{name}energy_joules{{{board}}}": "18000",
            f"{name}limit_watts{{{board}}}": "600",
            f"{name}on{{{board}}}": "1",
            f'{name}serial_info{{{board},value="11\\"6\\\\\\n"}}': "1",
            f"{name}events{{{board}}}": "18446744073709551615",
            f'{name}worst{{{board},index="0"}}': "NaN",
            f'{name}worst{{{board},index="1"}}': "+Inf",
            f'{name}worst{{{board},index="2"}}': "-Inf",
        }
        helps = re.findall("^# HELP (.*)$", server.ask("/metrics").text, re.MULTILINE)
        power = "Power (field ac_power of board roof-1.west, in watts of kW)"
        assert f"{name}ac_power_watts {power}" in helps
    writer.close()


def test_what_there_is_not_is_left_out(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert metrics(server) == {}
        pegel.Writer(tmp_path / "fresh", level=pegel.f64("m")).close()
        (tmp_path / "pegel.broken").write_text("no board")
        with pegel.Writer(tmp_path / "ahoy", pegel.json(64)) as writer:
            writer.publish({"power": 21.8})
            found = metrics(server)
        assert float(found.pop('pegel_board_age_seconds{board="ahoy"}')) >= 0
        assert found == {
            'pegel_board_up{board="ahoy"}': "1",
            'pegel_board_sequence{board="ahoy"}': "1",
            'pegel_board_writer_alive{board="ahoy"}': "1",
            'pegel_board_up{board="broken"}': "0",
            'pegel_board_up{board="fresh"}': "1",
            'pegel_board_sequence{board="fresh"}': "0",
            'pegel_board_writer_alive{board="fresh"}': "0",
        }


def test_names_that_become_the_same_stay_apart(tmp_path: Path) -> None:
    fields = {"power": pegel.f64("W", default=1), "power_watts": pegel.f64(default=2)}
    for board in ("roof-1", "roof_1"):
        pegel.Writer(tmp_path / board, fields).close()
    up = {"up": pegel.bool_(default=False), "sequence": pegel.u8(default=9)}
    pegel.Writer(tmp_path / "board", up).close()
    with serving(tmp_path) as server:
        found = metrics(server)
    assert found['pegel_board_up{board="board"}'] == "1"
    assert found['pegel_board_up{board="board",field="up"}'] == "0"
    assert found['pegel_board_sequence{board="board",field="sequence"}'] == "9"
    for board in ("roof-1", "roof_1"):
        for field, value in (("power", "1"), ("power_watts", "2")):
            labels = f'{{board="{board}",field="{field}"}}'
            assert found[f"pegel_roof_1_power_watts{labels}"] == value
