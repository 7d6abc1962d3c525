"""A writer stopped, and killed, all over its way; `make campaign` takes every instruction."""

from programs import built, run


def test_every_instruction_leaves_the_record_before_or_the_one_after() -> None:
    done = run([str(built("target/release/instructions")), "60", "2"])
    assert (done.returncode, done.stderr) == (0, "")
    acts = [line.split()[:2] for line in done.stdout.splitlines()[1:]]
    names = ("Create", "TakeOver", "Publish", "PublishIf", "Replace", "Close")
    assert acts == [[name, size] for size in ("64", "1024") for name in names]
