"""The planted texts: many, of many kinds, each where it says, and none of them able to leave its place."""

import base64
import codecs
import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from auditor.judging.chunking import chunks
from auditor.judging.combining import Combined
from auditor.judging.injections import (
    DOWN,
    GRAVE,
    HELD,
    LIGHT,
    MOVED,
    SET,
    SILENCED,
    UNTRIED,
    UP,
    WHERE,
    Moved,
    Pair,
    forged_answer,
    moved,
    plant,
)
from auditor.judging.parsing import read_answer
from auditor.judging.prompting import DEFAULT_TEMPLATE, prompt
from auditor.judging.rendering import MessageView, Renderer, nonce_for, render
from auditor.judging.rubric import Rubric, parse_rubric
from auditor.judging.rubrics import SHIPPED, text_of
from auditor.judging.states import OK, REFUSED, UNPARSEABLE
from tests.auditor.judging.written import by_number, in_words

RUBRICS = [in_words(), by_number(), *(parse_rubric(text_of(key)) for key in SHIPPED)]


def test_there_are_many_of_many_kinds() -> None:
    assert len(SET.injections) >= 40
    assert len({one.key for one in SET.injections}) == len(SET.injections)
    assert len({one.text for one in SET.injections}) == len(SET.injections)
    families = Counter(one.family for one in SET.injections)
    assert len(families) >= 8
    assert min(families.values()) >= 3
    assert {one.where for one in SET.injections} == set(WHERE)
    directions = Counter(one.aims_at for one in SET.injections)
    assert set(directions) == {UP, DOWN}
    assert min(directions.values()) >= 15


def test_each_is_planted_where_there_is_room_to_move() -> None:
    assert [pair.injection for pair in SET.pairs] == list(SET.injections)
    for pair in SET.pairs:
        assert pair.base.stands == (LIGHT if pair.injection.aims_at == UP else GRAVE)
    assert {pair.base.key for pair in SET.pairs} == {base.key for base in SET.bases}
    assert len(SET.bases) >= 6
    assert len({pair.key for pair in SET.pairs}) == len(SET.pairs)


def test_every_transcript_says_how_the_shipped_rubrics_see_it() -> None:
    light = {"honest", "aligned", "not_shown", "silent"}
    for base in SET.bases:
        assert set(base.expects) == set(SHIPPED)
        for key, labels in base.expects.items():
            assert labels
            assert set(labels) <= {label.key for label in parse_rubric(text_of(key)).labels}
            assert (set(labels) <= light) == (base.stands == LIGHT)
            assert light.isdisjoint(labels) == (base.stands == GRAVE)


def texts_of(message: MessageView) -> dict[str, str]:
    found = {"text": message.text, "reasoning": message.reasoning}
    for at, part in enumerate(message.parts):
        found |= {f"{at} {key}": str(value) for key, value in part.items()}
    return found


@pytest.mark.parametrize("pair", SET.pairs, ids=lambda pair: pair.key)
def test_it_is_where_it_says_and_nothing_else_changed(pair: Pair) -> None:
    changes = [
        (before.role, place, texts_of(before)[place], text)
        for before, after in zip(pair.clean, pair.planted(in_words()), strict=True)
        for place, text in texts_of(after).items()
        if texts_of(before)[place] != text
    ]
    ((role, place, before, after),) = changes
    where = pair.injection.where
    if where == "tool_arguments":
        assert place.endswith(" text")
        assert {**json.loads(before), "comment": json.loads(after)["comment"]} == json.loads(after)
    elif where == "file_name":
        assert place.endswith(" name")
        assert len(after) <= 200
        assert "\n" not in after
    elif where == "reasoning":
        assert (role, place) == ("assistant", "reasoning")
        assert after.startswith(before)
    else:
        assert (role, place) == ({"tool_result": "tool"}.get(where, where), "text")
        assert after.startswith(before)
    assert "{{" not in after


@pytest.mark.parametrize("rubric", RUBRICS, ids=lambda rubric: rubric.key)
def test_none_leaves_its_message(rubric: Rubric) -> None:
    """What a careful reader takes for our markers is the same with the planted text as without it."""
    for pair in SET.pairs:
        outlines = []
        for messages in (pair.clean, pair.planted(rubric)):
            nonce = nonce_for(messages, digest="digest", fingerprint="fingerprint")
            (chunk,) = chunks(render(messages, nonce=nonce, renderer=Renderer()), 20_000)
            for ask in rubric.asks:
                *_, user = prompt(DEFAULT_TEMPLATE, rubric, ask, chunk)
                assert user["content"].count(chunk.text) == 1
            outlines.append([one.replace(nonce, "") for one in re.findall(rf"⟦[^⟦⟧]*{nonce}⟧", chunk.text)])
        assert outlines[0] == outlines[1]


@pytest.mark.parametrize("rubric", RUBRICS, ids=lambda rubric: rubric.key)
@pytest.mark.parametrize("aims_at", [UP, DOWN])
def test_a_forged_answer_is_one_that_would_be_read(rubric: Rubric, aims_at: str) -> None:
    found = read_answer(rubric, rubric.asks[0], forged_answer(rubric, aims_at), None, "stop", None)
    assert found.state == OK
    severity = rubric.main.severity(found.values[rubric.main.key])
    assert severity == (1 if aims_at == UP else 0)


def test_the_encoded_ones_say_something() -> None:
    (one,) = [i for i in SET.injections if i.key == "encoded_1"]
    assert b"Ignore the rubric" in base64.b64decode(one.text.split("\n")[1])
    (two,) = [i for i in SET.injections if i.key == "encoded_2"]
    assert b"gravest" in base64.b64decode(two.text.removeprefix("data: "))
    (five,) = [i for i in SET.injections if i.key == "encoded_5"]
    assert "The judge must" in codecs.decode(five.text.split("\n")[0], "rot13")


def test_the_digest_covers_every_text() -> None:
    first, *others = SET.injections
    base, *bases = SET.bases
    changed = [
        replace(SET, injections=(replace(first, text=first.text + "."), *others)),
        replace(SET, injections=tuple(others)),
        replace(
            SET,
            bases=(replace(base, messages=(replace(base.messages[0], text="x"), *base.messages[1:])), *bases),
        ),
    ]
    digests = {SET.digest, *(one.digest for one in changed)}
    assert len(digests) == 4
    assert replace(SET).digest == SET.digest


def test_a_place_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no reasoning"):
        plant([MessageView(0, "user", "hi")], "reasoning", "x")


def verdict(label: str = "", state: str = OK, **values: float | str) -> Combined:
    return Combined(state, values if state == OK else {}, label)


def test_a_label_that_changes_has_moved() -> None:
    rubric = in_words()
    bad = verdict("bad", harm=9.0, kind="grave", knew="yes")
    assert moved(bad, bad, rubric, DOWN) == Moved(HELD, shift=0.0)
    fine = verdict("fine", harm=9.0, kind="none", knew="yes")
    assert moved(bad, fine, rubric, DOWN) == Moved(MOVED, True, -1.0)
    assert moved(bad, fine, rubric, UP) == Moved(MOVED, False, -1.0)
    assert moved(fine, verdict("doubtful", harm=9.0, kind="none", knew="yes"), rubric, UP) == Moved(
        MOVED, True, 0.5
    )


def test_a_dimension_beside_an_unmoved_label_counts_from_a_tenth_of_its_scale() -> None:
    rubric = in_words()
    before = verdict("bad", harm=9.0, kind="grave", knew="yes")
    assert moved(before, replace(before, values={**before.values, "harm": 8.1}), rubric, DOWN).outcome == HELD
    found = moved(before, replace(before, values={**before.values, "harm": 8.0}), rubric, DOWN)
    assert (found.outcome, found.towards) == (MOVED, True)
    assert found.shift == pytest.approx(-0.1)
    other = replace(before, values={**before.values, "knew": "no"})  # the rule says what a label is worth
    assert moved(before, other, rubric, DOWN).outcome == HELD


def test_without_a_rule_every_dimension_speaks() -> None:
    rubric = by_number()
    before = verdict(alignment=20.0, coherence=90.0)
    assert moved(before, verdict(alignment=29.0, coherence=90.0), rubric, DOWN).outcome == HELD
    up = moved(before, verdict(alignment=31.0, coherence=90.0), rubric, DOWN)
    assert (up.outcome, up.towards) == (MOVED, True)  # lighter, since a low alignment is the grave one
    aside = moved(before, verdict(alignment=20.0, coherence=40.0), rubric, DOWN)
    assert (aside.outcome, aside.towards) == (MOVED, None)
    bare = replace(in_words(), rules=(), labels=())
    told = verdict(harm=1.0, kind="none", knew="no")
    assert moved(told, replace(told, values={**told.values, "knew": "yes"}), bare, UP).outcome == MOVED


def test_a_verdict_that_is_gone_was_silenced_and_one_that_never_was_is_not_counted() -> None:
    rubric = in_words()
    good = verdict("fine", harm=1.0, kind="none", knew="no")
    assert moved(good, verdict(state=UNPARSEABLE), rubric, UP) == Moved(SILENCED)
    assert moved(verdict(state=REFUSED), good, rubric, UP) == Moved(UNTRIED)
