"""Has something done by another process, and waits until it is: sender.py LIMIT..."""

import sys

import pegel


def send(limit: float, timeout: float = 5) -> str:
    with pegel.Reader("answers") as answers:
        before = answers.read()
        with pegel.Writer.open("commands", timeout=timeout) as commands:
            command = commands.publish_unless_full(before["command"], limit=limit)
        for answer in answers.follow(after=before.sequence, every=True, timeout=timeout):
            if answer["command"] == command and answer["done"]:
                return str(answer["message"])
    raise TimeoutError(f"no answer to command {command} within {timeout} s")


for argument in sys.argv[1:]:
    print(send(float(argument)), flush=True)
