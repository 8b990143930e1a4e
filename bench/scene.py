"""Invented transcripts of 10 messages and 4 KB, the same for the same seed."""

import json
from pathlib import Path
from random import Random

WORDS = (
    "ledger payment harbour reference cleared quarter annex invoice schedule museum patient record check found "
    "missing figure table confirm sent reply account branch report train ticket weather harvest index field note"
).split()
MESSAGES = 10
MESSAGE_CHARS = 360  # with roles and structure about 4 KB a transcript


def write_jsonl(path: Path, size: int, *, seed: int = 7) -> Path:
    """A chat JSONL file of `size` transcripts with a model, a condition and two judges' scores."""
    rng = Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(size):
            messages = [
                {"role": "user" if turn % 2 == 0 else "assistant", "content": _text(rng)} for turn in range(MESSAGES)
            ]
            record = {
                "id": f"bench-{number:07d}",
                "model": f"model-{number % 3}",
                "condition": ("monitored", "unmonitored")[number % 2],
                "messages": messages,
                "judges": {name: {"score": rng.randrange(101)} for name in ("quill", "sable")},
            }
            file.write(json.dumps(record) + "\n")
    return path


MAPPING = {
    "conversation": "messages",
    "id": ["id"],
    "model": "model",
    "conditions": {"oversight": "condition"},
    "scores": [{"path": "judges.*.score", "channel": "judge.*", "kind": "judge"}],
}


def _text(rng: Random) -> str:
    words: list[str] = []
    length = 0
    while length < MESSAGE_CHARS:
        word = rng.choice(WORDS)
        words.append(word)
        length += len(word) + 1
    return " ".join(words)
