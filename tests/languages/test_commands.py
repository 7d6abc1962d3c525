"""Command boards: what docs/commands.md promises, with doers and senders killed at random."""

import random
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, pairwise
from pathlib import Path

import pytest

import pegel
from helpers.programs import ROOT, WATCHDOG, built, environment, php, python, run, wait_until

LANGUAGES = ("c", "php", "python", "rust")
KILLS = 40
COMMANDS = 300
# All that is sent and answered in a test stays in the rings, to be checked afterwards.
SLOTS = 1024
# A sender's exit status when no doer runs; it has sent nothing then.
NOBODY = 3
ENDS = (0, NOBODY, -signal.SIGKILL)

Program = Callable[[str, str], list[str]]


@pytest.fixture
def program(c_program: Callable[[str], list[str]], tmp_path: Path) -> Program:
    """The command line of a doer or a sender in a language."""
    # The PHP programs find the package where composer would have put it.
    autoload = tmp_path / "vendor/autoload.php"
    autoload.parent.mkdir()
    autoload.write_text(f"<?php require '{ROOT}/php-ffi/autoload.php';")

    def command(language: str, role: str) -> list[str]:
        source = f"examples/commands/{role}"
        match language:
            case "c":
                return c_program(f"{source}.c")
            case "php":
                return php(f"{source}.php")
            case "python":
                return python(f"{source}.py")
            case _:
                return [str(built(f"target/release/{role}"))]

    return command


@contextmanager
def start(command: list[str], boards: Path) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment(boards), cwd=boards, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def create_boards(boards: Path) -> None:
    """As the doers do, but with room for all of a test."""
    limit = pegel.f64("%", min=0, max=100)
    pegel.Writer(boards / "commands", limit=limit, mode=0o660, slots=SLOTS).close()
    pegel.Writer(
        boards / "answers",
        command=pegel.u64(default=0),
        done=pegel.bool_(default=True),
        message=pegel.text(80, default=""),
        slots=SLOTS,
    ).close()


@pytest.mark.parametrize("role", ["doer", "sender"])
def test_the_document_prints_the_programs(role: str) -> None:
    printed = (ROOT / "docs/commands.md").read_text()
    assert f"```python\n{(ROOT / f'examples/commands/{role}.py').read_text()}```" in printed


@pytest.mark.parametrize("form", ["at-most-once", "at-least-once"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_command_is_lost_doubled_or_overtaken(
    language: str, form: str, program: Program, tmp_path: Path
) -> None:
    create_boards(tmp_path)
    chance = random.Random(f"{language} {form}")
    limits = (index / 100 for index in count(1))
    commands, answers = pegel.Reader(tmp_path / "commands"), pegel.Reader(tmp_path / "answers")
    doer_command = [*program(language, "doer"), form]
    kills = 0
    with ExitStack() as programs:

        def start_sender(sender_language: str) -> subprocess.Popen[str]:
            batch = [str(next(limits)) for _ in range(5)]
            command = [*program(sender_language, "sender"), *batch]
            return programs.enter_context(start(command, tmp_path))

        senders = {sender: start_sender(sender) for sender in LANGUAGES}
        while kills < KILLS or commands.sequence < COMMANDS:
            with start(doer_command, tmp_path) as doer:
                seen, silent = answers.sequence, 0
                while answers.sequence < seen + chance.randint(2, 20):
                    try:
                        answers.wait(answers.sequence, timeout=0.1)
                        silent = 0
                    except pegel.Timeout:
                        # All senders may have ended; they are started again below.
                        silent += 1
                        assert silent < 10 * WATCHDOG, "nothing is answered any more"
                    assert doer.poll() is None, doer.communicate()
                    for sender, process in senders.items():
                        if chance.random() < 0.05:
                            process.kill()
                        if process.poll() is not None:
                            assert process.returncode in ENDS, process.communicate()
                            senders[sender] = start_sender(sender)
                doer.kill()
                kills += 1
        with start(doer_command, tmp_path):
            for process in senders.values():
                assert process.wait(timeout=WATCHDOG) in ENDS, process.communicate()
            while (last := answers.read())["command"] < commands.sequence or not last["done"]:
                answers.wait(last.sequence, timeout=WATCHDOG)

    sent = {command.sequence: command["limit"] for command in commands.last(SLOTS)}
    assert list(sent) == list(range(1, len(sent) + 1))
    final = [answer for answer in answers.last(SLOTS)[1:] if answer["done"]]
    assert [answer["command"] for answer in final] == list(sent)
    order = {round(limit, 2): sequence for sequence, limit in sent.items()}
    effects = [order[float(line)] for line in (tmp_path / "limits.log").read_text().splitlines()]
    if form == "at-most-once":
        assert all(one < other for one, other in pairwise(effects))
        sure = {answer["command"] for answer in final if answer["message"] != "interrupted"}
        assert sure <= set(effects)
    else:
        assert all(one <= other for one, other in pairwise(effects))
        assert set(effects) == set(sent)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unanswered_command_is_not_overwritten(
    language: str, program: Program, tmp_path: Path
) -> None:
    limit = pegel.f64("%", min=0, max=100)
    answer = {
        "command": pegel.u64(default=0),
        "done": pegel.bool_(default=True),
        "message": pegel.text(80, default=""),
    }
    with pegel.Writer(tmp_path / "commands", limit=limit, slots=4) as commands:
        for value in (1, 2, 3):
            commands.publish_unless_full(0, limit=value)
        with pytest.raises(pegel.Full, match="3 publications"):
            commands.publish_unless_full(0, limit=4)
    # A doer that is there, and answers nothing.
    with pegel.Writer(tmp_path / "answers", answer):
        done = run([*program(language, "sender"), "4"], environment(tmp_path), tmp_path)
    assert done.returncode not in (0, NOBODY)
    assert "3 publications wait to be acknowledged" in done.stderr + done.stdout
    waiting = pegel.Reader(tmp_path / "commands").last(10)
    assert [command["limit"] for command in waiting] == [1, 2, 3]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sender_sends_nothing_when_no_doer_runs(
    language: str, program: Program, tmp_path: Path
) -> None:
    create_boards(tmp_path)
    done = run([*program(language, "sender"), "4"], environment(tmp_path), tmp_path)
    assert (done.returncode, done.stdout) == (NOBODY, "")
    assert "nobody listens" in done.stderr
    assert pegel.Reader(tmp_path / "commands").sequence == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_doer_refuses_an_old_command_and_does_a_new_one(
    language: str, program: Program, tmp_path: Path
) -> None:
    create_boards(tmp_path)
    commands, answers = pegel.Reader(tmp_path / "commands"), pegel.Reader(tmp_path / "answers")

    def send(limit: float) -> None:
        with pegel.Writer.open(tmp_path / "commands", timeout=WATCHDOG) as writer:
            writer.publish_unless_full(answers.read()["command"], limit=limit)

    def message(max_age: float) -> str:
        with start([*program(language, "doer"), "at-most-once", str(max_age)], tmp_path):
            number = commands.sequence
            wait_until(lambda: (now := answers.read())["command"] == number and now["done"])
        return str(answers.read()["message"])

    send(40)
    wait_until(lambda: commands.read().age > 0.1)
    assert re.fullmatch(r"too old: \d+\.\d s", message(max_age=0.1))
    assert not (tmp_path / "limits.log").exists()
    # It waited for a doer, too, but not for long.
    send(50)
    assert message(max_age=WATCHDOG) == "limited to 50 %"
    assert float((tmp_path / "limits.log").read_text()) == 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_loop_of_its_own_takes_all_that_has_come(
    language: str, program: Program, tmp_path: Path
) -> None:
    create_boards(tmp_path)
    answers = pegel.Reader(tmp_path / "answers")
    doer = [*program(language, "doer"), "at-most-once", str(WATCHDOG), "0.01"]
    with start(doer, tmp_path):
        wait_until(lambda: answers.writer_alive)
        done = run([*program(language, "sender"), "4", "5", "6"], environment(tmp_path), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"limited to {limit} %" for limit in (4, 5, 6)]
