"""The simulated world: repeatable, and wrong when it is asked to be."""

import numpy

import hoymiles
from helpers.programs import WATCHDOG, wait_until
from helpers.station import DAY, HM300, HM600, HM1200, HOUR, MIDSUMMER, change, newest, reader
from temporary import Station
from world import LAG, RESTART_TIME, World

SERIALS = (HM300, HM600, HM1200)


def day(seed: int, until_hour: float = 24.0) -> tuple[World, list[tuple[float, float, float]]]:
    """A world, and its power, available power and house of each five minutes."""
    world = World(seed, SERIALS, 52.5, 13.4, MIDSUMMER)
    seen = []
    moment = MIDSUMMER
    while moment < MIDSUMMER + until_hour * HOUR:
        moment += 300
        world.advance(moment)
        seen.append((world.power, world.available, world.house))
    return world, seen


def test_the_same_seed_gives_the_same_day() -> None:
    first, second, other = day(1), day(1), day(2)
    assert first[1] == second[1]
    assert first[1] != other[1]
    moment = MIDSUMMER + DAY
    for serial in SERIALS:
        one, two = (world.inverters[serial].reading(moment) for world, _ in (first, second))
        assert one == two


def test_a_day_has_a_night_and_its_energies_add_up() -> None:
    world, seen = day(1)
    power = numpy.array([power for power, _, _ in seen])
    assert power[0] == power[-1] == 0
    assert power.max() > 1000
    made = sum(sum(world.inverters[one].reading(0).strings.energy_daily) for one in SERIALS)
    # Direct current is a little more than what comes out.
    assert power.sum() / 12 < made < power.sum() / 12 * 1.07
    assert world.imported > 272_716
    assert world.exported > 104_021


def test_an_inverter_comes_to_its_limit_by_and_by() -> None:
    world, _ = day(3, until_hour=13)
    inverter = world.inverters[HM1200]
    before = inverter.power
    half = hoymiles.Control(hoymiles.Action.LIMIT, round(before / 2))
    assert inverter.control(half, world.moment)
    world.advance(world.moment + LAG)
    assert before / 2 < inverter.power < before
    world.advance(world.moment + 10 * LAG)
    assert abs(inverter.power - before / 2) < 2
    assert not inverter.control(hoymiles.Control(hoymiles.Action.LIMIT, 1300), world.moment)


def test_a_restart_forgets_what_is_not_for_good() -> None:
    world, _ = day(3, until_hour=13)
    inverter = world.inverters[HM600]
    for limit, is_permanent in ((200.0, True), (50.0, False)):
        limit_to = hoymiles.Control(hoymiles.Action.LIMIT, limit, is_permanent=is_permanent)
        assert inverter.control(limit_to, world.moment)
    assert inverter.limit == 50.0
    inverter.control(hoymiles.Control(hoymiles.Action.RESTART), world.moment)
    assert inverter.is_silent(world.moment)
    assert inverter.limit == 200.0
    world.advance(world.moment + RESTART_TIME + 5)
    assert not inverter.is_silent(world.moment)
    assert inverter.event_count == 0


def test_the_meter_speaks_and_falls_silent_and_vanishes(station: Station) -> None:
    station.start_simulator()
    station.start_meter()
    meter = reader(station, "meter")
    meter.wait(0, WATCHDOG)
    assert meter.read()["id"] == "1EBZ0100000000"
    change(station, "faults", meter_silent=True)
    wait_until(lambda: meter.read().age > 1.0, "silence")
    last = meter.sequence
    change(station, "faults", meter_silent=False)
    meter.wait(last, WATCHDOG)
    change(station, "faults", meter_unplugged=True)
    wait_until(lambda: not newest(station, "meter-serial")["connected"], "the port is gone")
    last = meter.sequence
    change(station, "faults", meter_unplugged=False, noise=0.5)
    wait_until(lambda: newest(station, "meter-serial")["bad"] > 0, "noise")
    change(station, "faults", noise=0.0)
    meter.wait(meter.sequence, WATCHDOG)
    assert meter.read()["import"] > 272
