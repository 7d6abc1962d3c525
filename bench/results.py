"""The results of a measuring program in target/bench/.

Each line is a measure and a peer, each number a round.

The peers of a measure run one after the other in each round: two peers' rounds can be divided.
"""

import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "target/bench"
OWN = "pegel"


class Results:
    """The results of one program, for a file and the terminal."""

    def __init__(self, name: str, versions: Mapping[str, str]) -> None:
        self.path = TARGET / f"{name}.jsonl"
        self.lines: list[str] = [json.dumps({"versions": dict(versions)})]
        self.medians: dict[tuple[str, str], dict[str, float]] = {}

    def add(
        self,
        measure: str,
        unit: str,
        peers: Mapping[str, list[float]],
        *,
        size: int | None = None,
        note: str = "",
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Adds one measure, by peer, with a note on all peers, and on some."""
        for peer, rounds in peers.items():
            line = {
                "measure": measure,
                "size": size,
                "peer": peer,
                "unit": unit,
                "rounds": [float(f"{number:.6g}") for number in rounds],
                "note": "; ".join(filter(None, [note, (notes or {}).get(peer, "")])),
            }
            self.lines.append(json.dumps(line, ensure_ascii=False))
            self.medians.setdefault((measure, unit), {})[peer] = statistics.median(rounds)

    def save(self) -> None:
        """Writes the file, and prints the medians."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        for (measure, unit), peers in self.medians.items():
            print(f"\n{measure} [{unit}]")
            for peer, median in peers.items():
                own = peers.get(OWN)
                ratio = f"{median / own:9.2f} x" if own else ""
                print(f"  {peer:24}{median:12.2f}{ratio}")


def take_turns(rounds: int, turns: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The figures of all peers, one round each; each round begins with another peer."""
    figures: dict[str, list[float]] = {peer: [] for peer in turns}
    peers = list(turns)
    for number in range(rounds):
        first = number % len(peers)
        for peer in peers[first:] + peers[:first]:
            figures[peer].append(turns[peer]())
    return figures
