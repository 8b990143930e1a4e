"""What a training learns from: layers, groups that nothing straddles, and a digest that is the same everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.interp.learning import joined, layers_of, training_digest
from auditor.runs.actions import Refused


def test_layers_are_those_named_or_evenly_spaced_to_the_last() -> None:
    assert layers_of(32, [8, 4, 8]) == [4, 8]
    assert layers_of(4, []) == [0, 1, 2, 3]
    spaced = layers_of(80, [])
    assert (len(spaced), spaced[0], spaced[-1]) == (12, 0, 79)
    with pytest.raises(Refused, match="blocks 0 to 3, and no 4"):
        layers_of(4, [4])


def test_a_group_joins_by_likeness_and_by_prompt() -> None:
    near = {1: 1, 2: 1, 3: 3, 4: 4, 5: 5, 6: 6}
    prompts = {1: "a", 2: "b", 3: "b", 4: "c", 5: "", 6: ""}
    assert joined(near, prompts) == {1: 1, 2: 1, 3: 1, 4: 4, 5: 5, 6: 6}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_nothing_alike_and_no_prompt_is_in_two_groups(rows: list[tuple[int, int]]) -> None:
    """Every group is closed, and the number of groups is that of a plain search."""
    firsts: dict[int, int] = {}
    near = {pk: firsts.setdefault(likeness, pk) for pk, (likeness, _) in enumerate(rows)}
    prompts = {pk: "" if prompt == 0 else str(prompt) for pk, (_, prompt) in enumerate(rows)}
    found = joined(near, prompts)
    unseen, expected = set(near), {}
    while unseen:
        start = min(unseen)
        reached, edge = set(), {start}
        while edge:
            here = edge.pop()
            reached.add(here)
            edge |= {
                pk for pk in near
                if pk not in reached and (near[pk] == near[here] or (prompts[pk] and prompts[pk] == prompts[here]))
            }  # fmt: skip
        expected |= dict.fromkeys(reached, start)
        unseen -= reached
    assert found == expected


def test_the_digest_is_of_records_and_labels_and_not_of_this_database() -> None:
    one = [
        {"transcript": 5, "record": "r1:0", "label": 1, "split": "", "held": False},
        {"transcript": 7, "record": "r2:0", "label": 0, "split": "", "held": False},
    ]
    elsewhere = [{**row, "transcript": row["transcript"] + 100} for row in reversed(one)]
    assert training_digest(one, {"seed": 1}) == training_digest(elsewhere, {"seed": 1})
    assert training_digest(one, {"seed": 2}) != training_digest(one, {"seed": 1})
    changed = [{**one[0], "label": 0}, one[1]]
    assert training_digest(changed, {"seed": 1}) != training_digest(one, {"seed": 1})
