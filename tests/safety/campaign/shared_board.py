"""A shared board: each writer opens it, publishes once, and closes it, at random killed."""

import time
from array import array

import pegel
from safety.campaign.readers import Readers, first_record, pattern, record_size
from safety.campaign.scenario import Setting, Stage
from safety.campaign.workers import LANGUAGES, Player

# More than any writer adds before it is killed.
ENDLESS = 1_000_000_000


class SharedBoard(Stage):
    """Every opening is one publication, and no writer waits for a killed one."""

    role: str
    amount: int

    def __init__(
        self,
        setting: Setting,
        form: str,
        fields: dict[str, pegel.Field],
        first: dict[str, object],
    ) -> None:
        super().__init__(setting, form, fields, first)
        # The author of each sequence, as far as known.
        self.authors = array("I")
        self.reports = self.deaths = 0

    def is_author(self, sequence: int, author: int) -> bool:
        """The first report, by the writer or a reader, decides; all others must match."""
        self.authors.extend([0] * (sequence + 1 - len(self.authors)))
        known = self.authors[sequence]
        self.authors[sequence] = author
        return known in (0, author)

    def report(self, writer: Player, sequence: int) -> None:
        self.reports += 1
        self.count(writer, "publications")
        newest = self.board.sequence
        if sequence > newest:
            complaint = f"{sequence} was published, the newest is {newest}"
            self.blame(writer.language, "lost", complaint)
            return
        if sequence <= writer.sequence or not self.is_author(sequence, writer.number):
            self.blame(writer.language, "repeated", f"{sequence} was published before")
        writer.sequence = sequence

    def hire_writer(self, language: str) -> Player:
        return self.hire(self.role, language, self.amount)

    def disturb(self, crew: list[Player]) -> None:
        """Stops, continues or kills one writer, wherever it is."""
        self.pause()
        place = self.chance.randrange(len(crew))
        writer = crew[place]
        if writer.is_stopped and self.chance.random() < 0.5:
            writer.go_on()
        elif not writer.is_stopped and self.chance.random() < 0.2:
            self.stop(writer)
        elif writer.is_playing:
            self.end(writer)
            crew[place] = self.hire_writer(self.draw_language())

    def end(self, writer: Player) -> None:
        self.kill(writer)
        self.deaths += 1

    def finish(self, crew: list[Player]) -> None:
        """Kills all writers, which is one more death for each."""
        for writer in crew:
            self.end(writer)
        self.check_sum("publications", self.board.sequence - 1)

    def check_sum(self, what: str, found: int) -> None:
        """Checks for as many as the writers reported, and at most one more for each death."""
        least, most = self.reports, self.reports + self.deaths
        complaint = f"{least} to {most} {what} were reported, the board has {found}"
        if found < least:
            self.blame("any", "lost", complaint, least - found)
        if found > most:
            self.blame("any", "repeated", complaint, found - most)


class SharedRecords(SharedBoard):
    role = "share"
    # One in each language, and more of those that are fast.
    crew = (*LANGUAGES, "c", "rust")

    def __init__(self, setting: Setting, words: int) -> None:
        form = f"shared {record_size(words)}"
        super().__init__(setting, form, pattern(words), first_record(words))
        self.amount = words

    def play(self, seconds: float) -> None:
        readers = Readers(self, self.amount)
        crew = [self.hire_writer(language) for language in self.crew]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.disturb(crew)
            readers.disturb()
        self.finish(crew)
        self.check_sum("takings", self.board.info.generation - 1)


class Counter(SharedBoard):
    """Eight writers add to a count, and no addition is lost."""

    def __init__(self, setting: Setting, role: str) -> None:
        super().__init__(setting, role, {"count": pegel.u64()}, {"count": 0})
        self.role = role

    def play(self, seconds: float) -> None:
        # First undisturbed: the writers exit by themselves, and the count is exact.
        self.amount = round(20 * seconds)
        for language in LANGUAGES * 2:
            self.hire_writer(language)
        self.until(lambda: not self.players)
        self.check_sum("additions", self.board.read()["count"])
        self.amount = ENDLESS
        crew = [self.hire_writer(language) for language in LANGUAGES * 2]
        end = time.monotonic() + seconds / 2
        while time.monotonic() < end:
            self.disturb(crew)
        self.finish(crew)
        self.check_sum("additions", self.board.read()["count"])
