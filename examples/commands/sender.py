"""Has something done by another process, and waits until it is: sender.py LIMIT...

Exits with 3, and sends nothing, if nobody listens.
"""

import sys

import pegel


def send(limit: float, timeout: float = 5) -> str:
    with pegel.Reader("answers") as answers:
        before = answers.read()
        if not before.writer_alive:
            print("nobody listens: the doer does not run", file=sys.stderr)
            sys.exit(3)
        with pegel.Writer.open("commands", timeout=timeout) as commands:
            command = commands.publish_unless_full(before["command"], limit=limit)
        for answer in answers.follow(after=before.sequence, every=True, timeout=timeout):
            if answer["command"] == command and answer["done"]:
                return str(answer["message"])
    raise TimeoutError(f"no answer to command {command} within {timeout} s")


for argument in sys.argv[1:]:
    print(send(float(argument)), flush=True)
