"""Writers and readers killed and stopped at random; `make campaign` runs for longer."""

import pytest

from helpers.programs import WATCHDOG
from safety.campaign.campaign import run
from safety.campaign.counters import FAULTS, Tally
from safety.campaign.workers import LANGUAGES

# With it, the very first writer is one in C.
SEED = 1


@pytest.mark.long
def test_no_death_tears_loses_repeats_or_blocks_a_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # On a slow machine that takes longer.
    tally = run(seconds=10, seed=SEED, is_enough=lambda tally: tally.kills() > 60)
    assert (tally.faults(), capsys.readouterr().err) == ({}, "")
    assert {language for _, language in tally.counts} == set(LANGUAGES)
    assert len({form for form, _ in tally.counts}) == 6
    assert tally.kills() > 60
    assert tally.total("writers stopped") > 0
    assert tally.total("reads") > tally.kills()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_writer_with_a_fault_is_found_out(fault: str) -> None:
    patience = 2 if fault == "stuck" else WATCHDOG
    tally = run(seconds=2, seed=SEED, fault=fault, patience=patience, is_enough=Tally.faults)
    assert list(tally.faults()) == [fault]
