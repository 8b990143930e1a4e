"""Control packs: enough of each, all different, every one a conversation that a model can read."""

import re
import unicodedata
from itertools import combinations
from pathlib import Path

import pytest

from auditor.interp.conversation import as_messages
from auditor.interp.packs import PACKS, PLAIN, pack_of

LOOK_ALIKES = {"sarcasm", "recital", "translation", "role_play", "counterfactual", "wrong_answers"}
ALIKE = 0.4  # of the three-letter pieces of two texts that both have


def _pieces(text: str) -> set[str]:
    plain = "".join(c if c.isalnum() else " " for c in text.lower())
    joined = " ".join(plain.split())
    return {joined[i : i + 3] for i in range(len(joined) - 2)}


def test_six_look_alikes_and_a_baseline_that_comes_last() -> None:
    assert {*PACKS} == LOOK_ALIKES | {PLAIN}
    assert list(PACKS)[-1] == PLAIN
    with pytest.raises(KeyError):
        PACKS["../sarcasm"]


@pytest.mark.parametrize("key", sorted(LOOK_ALIKES | {PLAIN}))
def test_enough_conversations_and_no_two_alike(key: str) -> None:
    pack = PACKS[key]
    assert len(pack.conversations) >= (40 if key == PLAIN else 20)
    assert len({one.id for one in pack.conversations}) == len(pack.conversations)
    assert pack.name
    assert pack.about
    for first, second in combinations(pack.conversations, 2):
        for role in ("user", "assistant"):
            a, b = (
                _pieces(" ".join(m.text for m in one.messages if m.role == role)) for one in (first, second)
            )
            assert len(a & b) <= ALIKE * len(a | b), (key, role, first.id, second.id)


def test_no_reason_and_no_conversation_stands_twice_anywhere() -> None:
    everything = [(pack.key, one) for pack in PACKS.values() for one in pack.conversations]
    assert len({one.messages for _, one in everything}) == len(everything)
    for key, one in everything:
        assert len(one.why.split()) >= 3, (key, one.id)
    reasons = [one.why for key, one in everything if key != PLAIN]
    assert len(set(reasons)) == len(reasons)


def test_every_one_begins_with_a_question_and_ends_with_an_answer() -> None:
    for pack in PACKS.values():
        for one in pack.conversations:
            roles = [message.role for message in one.messages]
            assert roles == ["user", "assistant"] * (len(roles) // 2), (pack.key, one.id)
            messages = as_messages(one.turns)
            assert [m["content"] for m in messages] == [m.text for m in one.messages]
            assert all(message.text == unicodedata.normalize("NFC", message.text) for message in one.messages)
    assert any(len(one.messages) > 2 for pack in PACKS.values() for one in pack.conversations)


def test_translations_go_into_many_scripts() -> None:
    answers = "".join(one.messages[-1].text for one in PACKS["translation"].conversations)
    scripts = {unicodedata.name(c, "").split()[0] for c in answers if c.isalpha()}
    assert scripts >= {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HANGUL", "HIRAGANA", "CJK", "DEVANAGARI"}


def test_the_digest_is_of_the_texts() -> None:
    given = {
        "name": "N", "about": "A",
        "conversations": [{"id": "a", "why": "because it is", "messages": [{"user": "x"}, {"assistant": "y"}]}],
    }  # fmt: skip
    pack = pack_of("k", given)
    given["name"] = "another"
    assert pack_of("k", given).digest == pack.digest
    given["conversations"][0]["messages"][1] = {"assistant": "z"}  # type: ignore[index]
    assert pack_of("k", given).digest != pack.digest


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([{"user": "x"}], "ends with what the assistant says"),
        ([], "ends with what the assistant says"),
        ([{"robot": "x"}, {"assistant": "y"}], "ends with"),
        ([{"user": " "}, {"assistant": "y"}], "may be empty"),
    ],
)
def test_a_pack_that_is_none_is_refused(messages: list[dict[str, str]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pack_of(
            "k", {"name": "N", "about": "A", "conversations": [{"id": "a", "why": "b", "messages": messages}]}
        )


def test_the_documents_count_right() -> None:
    told = (Path(__file__).resolve().parents[3] / "docs" / "controls.md").read_text(encoding="utf-8")
    counts = {key: int(n) for key, n in re.findall(r"^\| `(\w+)` \| (\d+) \|", told, re.MULTILINE)}
    assert counts == {key: len(pack.conversations) for key, pack in PACKS.items()}
