"""Reads an inverter's board until the end of its input, and counts what must never happen."""

import json
import select
import sys

import pegel


def is_whole(now: pegel.Snapshot) -> bool:
    """Whether sums and quotients fit the numbers that they were made of."""
    power = sum(now["string_power"])
    fits: bool = (
        now["serial"] == "114181807700"
        and now["yield_total"] == sum(now["string_energy_total"])
        and now["yield_today"] == sum(now["string_energy_daily"])
        and now["efficiency"] == (round(100 * now["ac_power"] / power, 2) if power else 0.0)
    )
    return fits


def main() -> None:
    reads = torn = backwards = sequence = 0
    failed: list[str] = []
    inverter = pegel.Reader("inverter-114181807700")
    # A thousandth of a second between two reads leaves the machine to the others.
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        try:
            now = inverter.read()
        except pegel.Error as error:
            failed.append(str(error))
            continue
        reads += 1
        torn += not is_whole(now)
        backwards += now.sequence < sequence
        sequence = now.sequence
    counts = {"reads": reads, "torn": torn, "backwards": backwards, "sequence": sequence}
    print(json.dumps(counts | {"failed": failed}))


if __name__ == "__main__":
    main()
