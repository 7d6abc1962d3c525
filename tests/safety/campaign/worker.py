"""Writes and reads boards for workers.py, which describes its arguments and lines."""

import sys

import pegel

BURST = 300
REPORT_EVERY = 100


def record(sequence: int, author: int, words: int) -> dict[str, object]:
    mark = (sequence + author * 65537) * 0x5BD1E995 & 0xFFFFFFFF
    return {"sequence": sequence, "author": author, "pattern": (mark,) * words}


def publish_unless_full(writer: pegel.Writer, sequence: int, author: int, words: int) -> int:
    published = writer.publish(record(sequence + 1, author, words))
    if published != sequence + 1:
        sys.exit(f"published {published} after {sequence}")
    return published


def write(board: str, author: int, words: int) -> None:
    fields = {
        "sequence": pegel.u64(),
        "author": pegel.u64(),
        "pattern": pegel.u32(count=words),
    }
    with pegel.Writer(board, fields) as writer:
        sequence = first = writer.sequence
        while True:
            sequence = publish_unless_full(writer, sequence, author, words)
            if (sequence - first) % REPORT_EVERY == 1:
                print(sequence, flush=True)


def share(board: str, author: int, words: int) -> None:
    while True:
        with pegel.Writer.open(board) as writer:
            sequence = publish_unless_full(writer, writer.sequence, author, words)
        print(sequence, flush=True)


def read(board: str, after: int, words: int) -> None:
    reader = pegel.Reader(board)
    sequence, author = after, 0
    while True:
        torn = repeated = 0
        for _ in range(BURST):
            now = reader.read()
            torn += dict(now) != record(now.sequence, now["author"], words)
            is_other = now.sequence == sequence and author not in (0, now["author"])
            repeated += now.sequence < sequence or is_other
            sequence, author = now.sequence, now["author"]
        print(BURST, torn, repeated, sequence, author, flush=True)
        try:
            reader.wait(sequence, timeout=0.001)
        except pegel.Timeout:
            # Nothing has been published yet: continue.
            continue


def update(board: str, _author: int, times: int) -> None:
    for _ in range(times):
        with pegel.Writer.open(board) as writer:
            sequence = writer.update(lambda now: {"count": now["count"] + 1})
        print(sequence, flush=True)


def publish_if(board: str, _author: int, times: int) -> None:
    reader = pegel.Reader(board)
    done = 0
    while done < times:
        now = reader.read()
        try:
            with pegel.Writer.open(board) as writer:
                sequence = writer.publish_if(now.sequence, count=now["count"] + 1)
        except pegel.Conflict:
            continue
        print(sequence, flush=True)
        done += 1


if __name__ == "__main__":
    _, role, board, number, amount = sys.argv
    print("ready", flush=True)
    if sys.stdin.readline():
        roles = (write, share, read, update, publish_if)
        {play.__name__: play for play in roles}[role](board, int(number), int(amount))
