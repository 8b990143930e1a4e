"""What fuzzing once found stays found: each file in these folders broke a reader, and no longer does.

The folders are written by `make campaign ONLY=fuzzing`, one for each target. Beside them a short seeded
search over every target, by the same changes of form but without coverage to guide it.
"""

from pathlib import Path
from random import Random
from time import process_time

import pytest

from bench.campaign.fuzz.mutate import mutated
from bench.campaign.fuzz.targets import targets

HERE = Path(__file__).resolve().parent
TARGETS = targets()
FOUND = sorted(path for name in TARGETS for path in (HERE / name).glob("*"))
ROUNDS = 150  # changed files of each target
SLOW = 5.0  # seconds of the processor for one file


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_once_holds_now(path: Path) -> None:
    TARGETS[path.parent.name].check(path.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_nothing_that_a_file_may_hold_breaks_its_reader(name: str) -> None:
    target, rng = TARGETS[name], Random(name)
    for _ in range(ROUNDS):
        data = rng.choice(target.seeds)
        for _ in range(rng.randint(0, 3)):
            data = mutated(data, 100_000, rng.randrange(2**31), lambda raw, most: _bytes(raw, rng))
        began = process_time()
        target.check(data)
        assert process_time() - began < SLOW, data[:200]


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_search_begins_with_files_that_hold(name: str) -> None:
    assert TARGETS[name].seeds
    for seed in TARGETS[name].seeds:
        TARGETS[name].check(seed)


def _bytes(data: bytes, rng: Random) -> bytes:
    """A few bytes put in, taken out or changed."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(3):
            case 0:
                out[at:at] = rng.choice(
                    [b"\x00", b"\xff\xfe", b"\\ud800", b'"', b"[" * 300, b"{", b"1e999", b"\r\n"]
                )
            case 1:
                del out[at : at + rng.randint(1, 20)]
            case _:
                out[at : at + 1] = bytes([rng.randrange(256)])
    return bytes(out)
