"""A writer stopped and killed at many instructions; `make campaign` takes every one."""

from helpers.programs import built, run


def test_every_instruction_leaves_the_record_before_or_the_one_after() -> None:
    done = run([str(built("target/release/instructions")), "60", "100"])
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()[1:]]
    acts = [line[:2] for line in lines]
    publications = ("Publish", "PublishIf", "PublishOn", "PublishUnstamped")
    names = ("Create", "TakeOver", *publications, "Replace", "Close")
    assert acts == [[name, size] for size in ("64", "1024") for name in names]
    # Not every act runs the same instructions twice.
    assert all(
        int(kills) > 0.9 * min(100, int(instructions)) for _, _, instructions, _, kills in lines
    )
