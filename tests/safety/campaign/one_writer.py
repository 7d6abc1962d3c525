"""One writer at a time: each holds the board until it is killed."""

import time
from bisect import bisect

from safety.campaign.readers import Readers, first_record, pattern, record_size
from safety.campaign.scenario import Setting, Stage
from safety.campaign.workers import Player

# Seconds: other writers are struck about when they take over.
TAKING_OVER = 0.001


class OneWriter(Stage):
    """A writer holds the board until it is killed, and the next one takes over."""

    def __init__(self, setting: Setting, words: int) -> None:
        form = f"one writer {record_size(words)}"
        super().__init__(setting, form, pattern(words), first_record(words))
        self.words = words
        # The first sequence of each writer; one killed before it published has that of the next.
        self.firsts, self.authors = [1], [0]

    def is_author(self, sequence: int, author: int) -> bool:
        return self.authors[bisect(self.firsts, sequence) - 1] == author

    def report(self, writer: Player, sequence: int) -> None:
        first = self.firsts[-1]
        if sequence < first or sequence <= writer.sequence:
            self.blame(writer.language, "repeated", f"{sequence} was published before")
        elif not writer.sequence and sequence > first:
            self.blame(writer.language, "lost", f"began with {sequence} where {first} was next")
        writer.sequence = sequence

    def play(self, seconds: float) -> None:
        readers = Readers(self, self.words)
        successor = self.hire_successor()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            writer, successor = successor, self.hire_successor()
            self.live(writer, readers)
            readers.disturb()

    def hire_successor(self) -> Player:
        return self.hire("write", self.draw_language(), self.words, is_eager=False)

    def live(self, writer: Player, readers: Readers) -> None:
        """One writer, from its start to its death."""
        self.until(lambda: writer.is_ready)
        newest, generation = self.board.sequence, self.board.info.generation
        self.firsts.append(newest + 1)
        self.authors.append(writer.number)
        writer.begin()
        if self.chance.random() < 0.8:
            self.until(lambda: writer.lines)
            self.pause()
        else:
            self.watch(self.chance.uniform(0, TAKING_OVER))
        if self.chance.random() < 0.1:
            self.stop(writer)
            readers.see_them_read()
            if self.chance.random() < 0.5:
                writer.go_on()
                lines = writer.lines
                self.until(lambda: writer.lines > lines)
        self.kill(writer)
        self.look_back(writer, newest, generation)

    def look_back(self, writer: Player, newest: int, generation: int) -> None:
        """Checks what a writer left, given what it found."""
        now = self.board.read()
        self.count(writer, "publications", now.sequence - newest)
        if now.sequence < max(newest, writer.sequence):
            complaint = f"the newest is {now.sequence}, {writer.sequence} was published"
            self.blame(writer.language, "lost", complaint)
        if not self.is_author(now.sequence, now["author"]):
            self.blame(writer.language, "repeated", f"{now.sequence} is not {now['author']}'s")
        generations = self.board.info.generation - generation
        if generations not in ((1,) if writer.lines else (0, 1)):
            fault = "repeated" if generations > 1 else "lost"
            self.blame(writer.language, fault, f"it was counted as {generations} writers")
