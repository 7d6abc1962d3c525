"""One board, the players on it, and whether their reports can be true."""

import random
import selectors
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import pegel
from safety.campaign.counters import Tally
from safety.campaign.workers import Cast, Player

# How often a killed writer's successor is of a language: more often of those that start fast.
WEIGHTS = {"c": 5, "php": 1, "python": 1, "rust": 5}
# Seconds until a player is struck.
LONGEST_PAUSE = 0.02


class NoProgressError(Exception):
    """A player is silent for too long, or exited; this board is given up."""


@dataclass(frozen=True)
class Setting:
    """What all stages of a campaign share."""

    cast: Cast
    tally: Tally
    chance: random.Random
    # Seconds of silence that count as stuck.
    patience: float


class Stage:
    def __init__(
        self,
        setting: Setting,
        form: str,
        fields: dict[str, pegel.Field],
        first: dict[str, object],
    ) -> None:
        """Publishes the first record, that of author 0."""
        self.setting, self.form = setting, form
        self.chance = setting.chance
        self.path = setting.cast.directory / form.replace(" ", "-").lower()
        with pegel.Writer(self.path, fields) as writer:
            writer.publish(first)
        self.board = pegel.Reader(self.path)
        self.players: set[Player] = set()
        self.hired = 0
        self.selector = selectors.DefaultSelector()
        # The newest sequence when a reader reported the last time but one, and the last time.
        self.floors: dict[Player, tuple[int, int]] = {}

    def play(self, seconds: float) -> None:
        raise NotImplementedError

    def report(self, writer: Player, sequence: int) -> None:
        """Handles a writer's report of a publication."""
        raise NotImplementedError

    def is_author(self, sequence: int, author: int) -> bool:
        """Whether a record can be by this author, as far as known."""
        raise NotImplementedError

    def count(self, player: Player, column: str, by: int = 1) -> None:
        self.setting.tally.count(self.form, player.language, column, by)

    def blame(self, language: str, fault: str, complaint: str, by: int = 1) -> None:
        tally = self.setting.tally
        if not tally.of(self.form, language, fault):
            # The others of its kind are only counted.
            print(f"{fault}: {self.form}, {language}: {complaint}", file=sys.stderr)
        tally.count(self.form, language, fault, by)

    def fail(self, player: Player, complaint: str) -> NoReturn:
        self.blame(player.language, "stuck", f"{player.role}: {complaint}")
        raise NoProgressError

    def draw_language(self) -> str:
        return self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def hire(self, role: str, language: str, amount: int, is_eager: bool = True) -> Player:
        """Starts a writer with a new author number."""
        self.hired += 1
        return self.start(role, language, self.hired, amount, is_eager)

    def seat(self, language: str, words: int, after: int) -> Player:
        """Starts a reader."""
        return self.start("read", language, after, words)

    def start(
        self, role: str, language: str, number: int, amount: int, is_eager: bool = True
    ) -> Player:
        player = self.setting.cast.start(language, role, self.path, number, amount, is_eager)
        assert player.process.stdout
        self.selector.register(player.process.stdout, selectors.EVENT_READ, player)
        self.players.add(player)
        return player

    def let_go(self, player: Player) -> None:
        assert player.process.stdout
        self.selector.unregister(player.process.stdout)
        self.players.remove(player)
        player.kill()
        self.hear(player)
        player.close()

    def kill(self, player: Player) -> None:
        self.count(player, "readers killed" if player.role == "read" else "writers killed")
        self.let_go(player)

    def stop(self, player: Player) -> None:
        self.count(player, "readers stopped" if player.role == "read" else "writers stopped")
        player.stop()

    def close(self) -> None:
        for player in list(self.players):
            player.kill()
            player.close()
        self.selector.close()
        self.board.close()

    def pause(self) -> None:
        self.watch(self.chance.uniform(0, LONGEST_PAUSE))

    def watch(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.listen(left)

    def until(self, condition: Callable[[], object]) -> None:
        """Waits for what players do; `listen` gives up when they are silent."""
        while not condition():
            self.listen(self.setting.patience)

    def listen(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            player: Player = key.data
            self.hear(player)
            if player.has_ended:
                self.see_off(player)
        for player in self.players:
            if player.is_silent(self.setting.patience):
                self.fail(player, f"said nothing for {self.setting.patience} s")

    def see_off(self, player: Player) -> None:
        """Only a player that has done its amount can exit by itself."""
        self.let_go(player)
        if player.process.returncode != 0 or player.role not in ("update", "publish_if"):
            self.fail(player, f"ended with {player.process.returncode}")

    def hear(self, player: Player) -> None:
        newest = self.board.sequence
        lines = player.hear()
        for line in lines:
            words = line.split()
            if not all(word.isdecimal() for word in words):
                # Its last output, of which a part can still come.
                player.process.wait(self.setting.patience)
                self.fail(player, "\n".join([*lines[lines.index(line) :], *player.hear()]))
            numbers = [int(word) for word in words]
            if player.role == "read":
                self.sight(player, *numbers)
            else:
                self.report(player, *numbers)
        if lines:
            # The next line but one reports only reads that came after this time.
            self.floors[player] = (self.floors.get(player, (0, 0))[1], newest)

    def sight(
        self, reader: Player, reads: int, torn: int, repeated: int, sequence: int, author: int
    ) -> None:
        """Handles a reader's report of its reads."""
        self.count(reader, "reads", reads)
        if torn:
            complaint = f"{torn} records up to {sequence} are not whole"
            self.blame(reader.language, "torn", complaint, torn)
        if repeated:
            complaint = f"{repeated} records up to {sequence} were before, or were others"
            self.blame(reader.language, "repeated", complaint, repeated)
        if not self.is_author(sequence, author):
            self.blame(reader.language, "repeated", f"{sequence} is not {author}'s")
        floor, _ = self.floors.get(reader, (0, 0))
        if sequence < floor:
            self.blame(reader.language, "stuck", f"still at {sequence} when {floor} was published")
        reader.sequence = sequence
