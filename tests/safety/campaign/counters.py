"""What happened in a campaign, counted for each form of a board and each language."""

from collections import Counter

FAULTS = ("torn", "lost", "repeated", "stuck")
WIDTHS = {
    "writers killed": 8,
    "writers stopped": 8,
    "readers killed": 8,
    "readers stopped": 8,
    "publications": 13,
    "reads": 11,
    "torn": 5,
    "lost": 5,
    "repeated": 9,
    "stuck": 6,
}


def row(form: str, language: str, cells: dict[str, object]) -> str:
    return f"{form:<18}{language:<8}" + "".join(
        f"{cells.get(column, 0)!s:>{width}}" for column, width in WIDTHS.items()
    )


class Tally:
    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], Counter[str]] = {}

    def count(self, form: str, language: str, column: str, by: int = 1) -> None:
        assert column in WIDTHS
        self.counts.setdefault((form, language), Counter())[column] += by

    def of(self, form: str, language: str, column: str) -> int:
        return self.counts.get((form, language), Counter())[column]

    def total(self, column: str) -> int:
        return sum(counts[column] for counts in self.counts.values())

    def kills(self) -> int:
        return self.total("writers killed") + self.total("readers killed")

    def faults(self) -> dict[str, int]:
        """The columns that have counts."""
        return {fault: self.total(fault) for fault in FAULTS if self.total(fault)}

    def table(self) -> str:
        # One word above the other keeps the columns narrow.
        words = {column: column.rpartition(" ") for column in WIDTHS}
        forms = list(dict.fromkeys(form for form, _ in self.counts))
        order = sorted(self.counts, key=lambda both: (forms.index(both[0]), both[1]))
        totals: dict[str, object] = {column: self.total(column) for column in WIDTHS}
        return "\n".join(
            [
                row("", "", {column: first for column, (first, _, _) in words.items()}),
                row("form", "language", {column: last for column, (_, _, last) in words.items()}),
                *(row(*both, dict(self.counts[both])) for both in order),
                row("all", "", totals),
            ]
        )
