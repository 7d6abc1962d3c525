"""The records that check themselves, and their readers."""

import pegel
from safety.campaign.scenario import Stage
from safety.campaign.workers import LANGUAGES


def pattern(words: int) -> dict[str, pegel.Field]:
    return {
        "sequence": pegel.u64(),
        "author": pegel.u64(),
        "pattern": pegel.u32(count=words),
    }


def record_size(words: int) -> str:
    return f"{16 + 4 * words} B"


def first_record(words: int) -> dict[str, object]:
    """Sequence 1 of author 0, with the pattern that the programs compute from it."""
    return {"sequence": 1, "author": 0, "pattern": [0x5BD1E995] * words}


class Readers:
    """One reader in each language, replaced when it is killed."""

    def __init__(self, stage: Stage, words: int) -> None:
        self.stage, self.words = stage, words
        self.players = [stage.seat(language, words, after=1) for language in LANGUAGES]

    def disturb(self) -> None:
        """Mostly nothing; otherwise stops, continues or kills one reader."""
        stage = self.stage
        if stage.chance.random() < 0.8:
            return
        place = stage.chance.randrange(len(self.players))
        reader = self.players[place]
        if reader.is_stopped and stage.chance.random() < 0.5:
            reader.go_on()
        elif not reader.is_stopped and stage.chance.random() < 0.5:
            stage.stop(reader)
        else:
            stage.kill(reader)
            # It must not read what its predecessor has read.
            after = max(reader.sequence, reader.number)
            self.players[place] = stage.seat(reader.language, self.words, after)

    def see_them_read(self) -> None:
        """Waits for two lines of each: the second one reports only reads that came after now."""
        seen = {
            reader: reader.lines
            for reader in self.players
            if reader.is_playing and not reader.is_stopped
        }
        self.stage.until(lambda: all(reader.lines >= seen[reader] + 2 for reader in seen))
