"""Does the commands of others in their order: doer.py FORM [MAX_AGE [ROUND]].

FORM is at-most-once or at-least-once. A command older than MAX_AGE seconds (60) is refused. With
ROUND, the program is a loop of its own, which takes what has come every ROUND seconds.
"""

import sys
import time
from pathlib import Path

import pegel

COMMANDS = {"limit": pegel.f64("%", min=0, max=100)}
ANSWERS = {
    "command": pegel.u64(default=0),
    "done": pegel.bool_(default=True),
    "message": pegel.text(80, default=""),
}


def limit_to(limit: float) -> str:
    with Path("limits.log").open("a") as log:
        log.write(f"{limit}\n")
    return f"limited to {limit:g} %"


def do(command: pegel.Snapshot, answers: pegel.Writer, form: str, max_age: float) -> None:
    number = command.sequence
    if command.age > max_age:
        answers.publish(command=number, done=True, message=f"too old: {command.age:.1f} s")
        return
    if form == "at-most-once":
        answers.publish(command=number, done=False, message="accepted")
    answers.publish(command=number, done=True, message=limit_to(command["limit"]))


def main(form: str, max_age: float = 60, pause: float | None = None) -> None:
    pegel.Writer("commands", COMMANDS, mode=0o660, timeout=5).close()
    with pegel.Writer("answers", ANSWERS) as answers:
        last = answers.read()
        if not last["done"]:
            answers.publish(command=last["command"], done=True, message="interrupted")
        commands = pegel.Reader("commands").follow(after=last["command"], every=True)
        if pause is None:
            for command in commands:
                do(command, answers, form, max_age)
        while pause is not None:
            while (new := commands.poll()) is not None:
                do(new, answers, form, max_age)
            time.sleep(pause)  # the loop's own work


main(sys.argv[1], *map(float, sys.argv[2:]))
