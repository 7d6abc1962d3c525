"""Does the commands of others in their order: doer.py at-most-once | at-least-once."""

import sys
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


def main(form: str) -> None:
    pegel.Writer("commands", COMMANDS, mode=0o660, timeout=5).close()
    with pegel.Writer("answers", ANSWERS) as answers:
        last = answers.read()
        if not last["done"]:
            answers.publish(command=last["command"], done=True, message="interrupted")
        for command in pegel.Reader("commands").follow(after=last["command"], every=True):
            if form == "at-most-once":
                answers.publish(command=command.sequence, done=False, message="accepted")
            message = limit_to(command["limit"])
            answers.publish(command=command.sequence, done=True, message=message)


main(*sys.argv[1:])
