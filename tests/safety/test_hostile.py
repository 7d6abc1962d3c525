"""Boards with hostile bytes; `make campaign` tries ten million."""

import pytest

from helpers.programs import built, run


@pytest.mark.long
@pytest.mark.parametrize("half", ["one", "other"])
def test_hostile_bytes_are_an_error_or_a_record(half: str) -> None:
    """Each run takes half a minute; a failure reports the seed."""
    done = run([str(built("target/release/hostile")), "600000"])
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    outcomes = [line.rsplit(maxsplit=1) for line in done.stdout.splitlines()[1:]]
    often = {outcome for outcome, times in outcomes if int(times) > 1000}
    # Without each of these results, the fuzzer would get stuck at the first check.
    ways = ("mapped", "mapped, spoilt", "other version", "unmapped", "unmapped, cut off")
    assert {f"{way}, read: {outcome}" for way in ways for outcome in ("fine", "Corrupt")} <= often
    assert {"publish: fine", "take over: fine", "grow: fine", "replace: fine"} <= often
