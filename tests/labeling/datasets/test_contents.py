"""What goes into records: by source, filter, fields and patterns."""

from typing import Any

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from labeling.agreement.queries import made_now, scope_of
from labeling.datasets.actions import CannotRelease
from labeling.datasets.exporters import FORMATS
from labeling.datasets.models import Release
from labeling.datasets.redaction import BLOCK
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_build import bytes_of, records_of

SPLITS = [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}]


def test_majority_takes_what_more_than_half_say(round: Round, mia: User) -> None:
    release = released(round, mia, source="majority", least_labels=2)
    assert {one["transcript"]["external_id"]: one["source"]["label"] for one in records_of(release)} == {
        "pay-0": "U"
    }
    assert records_of(release)[0]["source"] == {
        "kind": "majority", "label": "U", "words": records_of(release)[0]["source"]["words"], "group": "hallucination",
        "grade": "I0", "how": "2 of 2", "share": 1.0, "of": 2,
    }  # fmt: skip
    reasons = {one["reason"]: one["n"] for one in release.manifest["exclusions"]}
    assert reasons == {"few_labels": 1, "no_majority": 2}


def test_the_model_of_all_reviewers_says_how_sure_it_is(
    project: Project, mia: User, ana: User, bo: User
) -> None:
    transcripts = [make.transcript(project) for _ in range(8)]
    made = make.round(project, transcripts, [ana, bo])
    for n, item in enumerate(made.items.order_by("order")):
        for reviewer in (ana, bo):
            make.label(item, reviewer, "D" if n % 2 else "H")
    records = records_of(released(made, mia, source="dawid_skene"))
    assert [one["source"]["label"] for one in records] == ["H", "D"] * 4
    assert all(one["source"]["share"] > 0.99 and one["source"]["how"] == "posterior" for one in records)


def test_all_labels_have_no_winner(round: Round, mia: User) -> None:
    release = released(round, mia, source="all")
    records = records_of(release)
    assert len(records) == 4
    assert {one["source"]["label"] for one in records} == {None}
    soft = {one["transcript"]["external_id"]: one["soft"] for one in records}
    assert soft["pay-2"] == [{"label": "D", "n": 1, "share": 0.5}, {"label": "U", "n": 1, "share": 0.5}]
    assert [one["ruling"] is None for one in records] == [False, False, True, True]


def test_a_filter_lets_in_what_it_matches_and_counts_the_rest(
    project: Project, round: Round, mia: User
) -> None:
    channel = make.channel(project)
    for n, item in enumerate(round.items.order_by("order")):
        make.reading(channel, item.transcript, n / 10)
    release = released(round, mia, filter={"where": "judge.quill < 0.05"})
    assert [one["transcript"]["external_id"] for one in records_of(release)] == ["pay-0"]
    assert {one["reason"]: one["n"] for one in release.manifest["exclusions"]} == {"filtered": 3}
    with pytest.raises(CannotRelease, match="nosuch"):
        released(round, mia, "Wrong", filter={"where": "nosuch.channel > 1"})


def test_the_newer_of_two_rounds_holds_for_a_transcript_of_both(
    project: Project, round: Round, mia: User, ana: User, bo: User
) -> None:
    first = round.items.order_by("order")[0].transcript
    again = make.round(project, [first, make.transcript(project)], [ana, bo], name="Again")
    for item in again.items.all():
        for reviewer in (ana, bo):
            make.label(item, reviewer, "H")
    from labeling.datasets.actions import open_release
    from labeling.datasets.tasks import build_release

    release = open_release(project=project, name="Both", rounds=[round, again], parameters={}, actor=mia)
    build_release(release.run_id)
    release.refresh_from_db()
    labels = [(one["round"]["name"], one["source"]["label"]) for one in records_of(release)]
    assert labels == [("Round one", "D"), ("Again", "H"), ("Again", "H")]
    assert {one["reason"]: one["n"] for one in release.manifest["exclusions"]}["again"] == 1


def test_what_is_not_chosen_stays_out_and_its_quotes_with_it(
    project: Project, mia: User, ana: User, bo: User
) -> None:
    made = agreed(project, [ana, bo])
    release = released(
        made, mia, reasoning=False, tools=False, rationales=False, metadata=["kept"], evidence="none",
        formats=list(FORMATS),
    )  # fmt: skip
    record = records_of(release)[0]
    assert record["transcript"]["messages"][1]["reasoning"] is None
    assert record["transcript"]["metadata"] == {"kept": "yes"}
    assert (record["labels"][1]["rationale"], record["evidence"]) == (None, None)
    assert record["labels"][1]["spans"][0]["quote"] == "Ada"
    without = records_of(released(made, mia, "Without", messages=False))[0]
    assert without["transcript"]["messages"] is None
    assert without["labels"][1]["spans"][0]["quote"] is None


def test_patterns_are_blacked_out_everywhere_and_spans_hold(
    project: Project, mia: User, ana: User, bo: User
) -> None:
    made = agreed(project, [ana, bo])
    channel = make.channel(project)
    make.reading(channel, made.items.get().transcript, 0.5, explanation="Ada said it.")
    patterns = [{"text": "Ada", "name": "people"}, {"text": r"sk-[a-z0-9]+", "regex": True}]
    release = released(made, mia, redactions=patterns)
    record = records_of(release)[0]
    text = record["transcript"]["messages"][1]["text"]
    assert text == f"{BLOCK * 3} knows 👍 the key {BLOCK * 6}."
    for label in record["labels"]:
        for span in label["spans"]:
            assert text[span["start"] : span["end"]] == span["quote"] == BLOCK * 3
    assert record["labels"][1]["rationale"] == f"{BLOCK * 3} invented it."
    assert record["evidence"][0]["readings"][0]["explanation"] == f"{BLOCK * 3} said it."
    for file in release.files.exclude(name="verify.py"):
        assert b"Ada" not in bytes_of(release, file.name), file.name
        assert b"sk-" not in bytes_of(release, file.name), file.name
    assert release.manifest["redaction"]["records"] == 1
    places = {one["name"]: one["places"] for one in release.manifest["redaction"]["patterns"]}
    assert places["expression 2"] == 1
    assert "are blacked out" in bytes_of(release, "README.md").decode()


def test_splits_keep_one_prompt_together(project: Project, mia: User, ana: User, bo: User) -> None:
    transcripts = [
        make.transcript(
            project,
            [
                ParsedMessage("user", f"Prompt {n // 2}"),
                ParsedMessage("assistant", f"Reply {n} of its own {n * 7}"),
            ],
        )
        for n in range(12)
    ]
    made = make.round(project, transcripts, [ana, bo])
    for item in made.items.all():
        for reviewer in (ana, bo):
            make.label(item, reviewer, "H")
    release = released(made, mia, splits=SPLITS)
    parts: dict[str, set[str]] = {}
    for one in records_of(release):
        parts.setdefault(one["transcript"]["messages"][0]["text"], set()).add(one["split"])
    assert all(len(some) == 1 for some in parts.values())
    assert {one["name"]: one["n"] for one in release.manifest["splits"]} == {"train": 6, "test": 6}
    assert dict(release.items.values_list("transcript__external_id", "split")) == {
        one["transcript"]["external_id"]: one["split"] for one in records_of(release)
    }


def test_people_by_name_only_where_somebody_says_so(round: Round, mia: User) -> None:
    records = records_of(released(round, mia, pseudonyms=False))
    assert {one["reviewer"] for record in records for one in record["labels"]} == {"Ana", "Bo"}
    assert records[1]["ruling"]["adjudicator"] == "Ada"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sorce": "all"}, "no setting 'sorce'"),
        ({"source": "vote"}, "no source 'vote'"),
        ({"tracks": ["judge.none"]}, "no channel 'judge.none'"),
        ({"splits": "train"}, "list of objects"),
        ({"formats": ["xls"]}, "no format 'xls'"),
        ({"filter": {"channels": [{"key": "nosuch"}]}}, "nosuch"),
    ],
)
def test_what_cannot_be_is_refused_before_a_run_is_opened(
    round: Round, mia: User, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(CannotRelease, match=words):
        released(round, mia, **wrong)
    assert not Release.objects.exists()


def test_agreement_is_what_its_own_pages_say(project: Project, mia: User, ana: User, bo: User) -> None:
    made = make.round(project, [make.transcript(project) for _ in range(12)], [ana, bo])
    for n, item in enumerate(made.items.order_by("order")):
        make.label(item, ana, "D" if n % 3 else "H", stage="blind", finishes=False)
        make.label(item, ana, "D" if n % 3 else "H")
        make.label(item, bo, "D" if n % 4 else "H")
    stated = {
        (one["measure"], one["stage"]): one for one in released(made, mia).manifest["agreement"]["figures"]
    }
    report = made_now(scope_of([made], whole=False), [])
    for key, name in (("label", "Label"), ("group", "Group")):
        (line,) = (
            one for one in report.of(stage="final", measure=key, cut="all") if one.coefficient == "alpha"
        )
        one = stated[name, "final"]
        assert line.value is not None
        assert (one["value"], one["n"]) == (pytest.approx(line.value, abs=1e-6), line.n)
        assert one["low"] < one["value"] < one["high"]
        assert one["seed"] is not None
    assert stated["Label", "blind"]["value"] is None  # one alone labelled blind
    assert stated["Label", "blind"]["reason"]


def agreed(project: Project, people: list[User]) -> Round:
    """One transcript that both label alike, with a name and a key in it."""
    transcript = make.transcript(
        project, [ParsedMessage("user", "Who?"), ParsedMessage("assistant", "Ada knows 👍 the key sk-a1b.")],
        metadata={"kept": "yes", "left": "Ada"},
    )  # fmt: skip
    made = make.round(project, [transcript], people)
    for reviewer in people:
        make.label(made.items.get(), reviewer, "U", stage="blind", finishes=False)
        make.label(
            made.items.get(),
            reviewer,
            "U",
            spans=[("misleads", 1, 0, 3, "Ada")],
            rationale="Ada invented it.",
        )
    return made
