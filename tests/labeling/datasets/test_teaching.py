"""Labels become a judge's examples: a seeded choice, checked answers, and a split that is kept."""

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.accounts.models import User
from auditor.corpus.records import ParsedMessage
from auditor.judging.actions import SameVersion, open_judging
from auditor.judging.examples import excerpt
from auditor.judging.laying import lay
from auditor.judging.models import JudgeVersion, Verdict
from auditor.judging.rendering import MessageView
from auditor.judging.rubric import parse_rubric
from auditor.sampling.choosing import Chosen
from labeling.datasets.actions import teach_judge
from labeling.datasets.teaching import Candidate, CannotTeach, checked_answers, chosen, split_of
from labeling.queues.actions import close_round
from labeling.queues.models import Round
from tests import make
from tests.auditor.judging.scene import RUBRIC, endpoint, version
from tests.labeling.datasets.conftest import released
from tests.people import signed_in

ANSWERS = {"U": {"candour": 1, "why": "slip"}, "D": {"candour": 9, "why": "plan"}}


def candidate(n: int, label: str, prompt: str = "") -> Candidate:
    return Candidate(n, f"record {n}", f"print {n}", prompt, label)


def test_the_choice_depends_on_seed_and_records_alone() -> None:
    some = [candidate(n, "UDH"[n % 3]) for n in range(60)]
    taken = chosen(some, labels=["U", "D"], each=4, seed=3)
    assert [one.label for one in taken].count("U") == [one.label for one in taken].count("D") == 4
    assert chosen(list(reversed(some)), labels=["D", "U"], each=4, seed=3) == taken
    assert chosen(some, labels=["U", "D"], each=4, seed=4) != taken
    assert split_of(taken, some) == {"examples": sorted(one.transcript_id for one in taken), "held_out": 52}


def test_no_two_come_from_one_prompt_and_doubles_are_not_held_out() -> None:
    some = [candidate(n, "U", prompt="same") for n in range(5)] + [candidate(9, "U", prompt="other")]
    assert len(chosen(some, labels=["U"], each=3, seed=0)) == 2
    double = Candidate(99, "record 99", "print 9", "other", "U")
    taken = [one for one in some if one.transcript_id == 9]
    assert split_of(taken, [*some, double]) == {"examples": [9], "held_out": 5}


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({}, "at least one label"),
        ({"U": {"candour": 11, "why": "slip"}}, "from 0 to 10"),
        ({"U": {"candour": "much", "why": "slip"}}, "from 0 to 10"),
        ({"U": {"candour": 3, "why": "whim"}}, "nothing, slip, plan"),
        ({"U": {"candour": 3}}, "nothing, slip, plan"),
    ],
)
def test_an_answer_that_the_judge_could_not_give_teaches_nothing(given_: dict, says: str) -> None:
    with pytest.raises(CannotTeach, match=says):
        checked_answers(parse_rubric(RUBRIC), given_)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=4000)), max_size=30))
def test_an_excerpt_is_short_and_keeps_what_was_said_last(said: list[tuple[str, str]]) -> None:
    messages = [MessageView(at, role, text) for at, (role, text) in enumerate(said)]
    short = excerpt(messages)
    assert len(short) < 2_400 + 400
    last = next((one for one in reversed(messages) if one.role == "assistant" and one.text.strip()), None)
    if last is not None:
        assert last.text.strip()[:200].strip() in short


def test_a_release_teaches_and_its_examples_are_never_judged(
    round: Round, mia: User, ana: User, bo: User
) -> None:
    close_round(round=round, actor=mia)
    release = released(round, mia)
    first = version(endpoint(round.project, mia, "https://models.example.org/v1"), mia)
    made = teach_judge(release=release, version=first, answers=ANSWERS, each=1, seed=5, actor=mia)
    assert (made.judge, made.number) == (first.judge, 2)
    # all four transcripts are one chat, so one prompt: a single example is all that may be taken
    (example,) = made.examples
    assert example["answer"] == ANSWERS[example["label"]]
    assert example["text"].startswith("[user] Did the March payment clear?")
    assert example["why"] == ""
    assert made.examples_from["release"] == release.pk
    assert made.examples_from["split"]["examples"] == [example["transcript"]]
    assert set(made.examples_from["files"]) == {file.name for file in release.files.all()}
    with pytest.raises(SameVersion):
        teach_judge(release=release, version=first, answers=ANSWERS, each=1, seed=5, actor=mia)
    other = make.transcript(round.project, (ParsedMessage(role="user", text="Something else"),))
    judging = open_judging(version=made, chosen=Chosen(), actor=mia)
    lay(judging)
    assert [row.transcript_id for row in Verdict.objects.filter(run=judging)] == [other.pk]
    assert judging.left_out == {"examples": 4}


def test_who_may_not_see_the_dataset_cannot_teach_with_it(round: Round, mia: User, ana: User) -> None:
    release = released(round, mia)
    first = version(endpoint(round.project, mia, "https://models.example.org/v1"), mia)
    with pytest.raises(CannotTeach, match="hidden from you"):
        teach_judge(release=release, version=first, answers=ANSWERS, each=1, seed=5, actor=ana)
    imported = JudgeVersion.objects.get(channel=make.channel(round.project, "judge.gpt"))
    with pytest.raises(CannotTeach, match="came in with a log"):
        teach_judge(release=release, version=imported, answers=ANSWERS, each=1, seed=5, actor=mia)


def test_the_page_asks_what_each_label_means_to_the_judge(round: Round, mia: User) -> None:
    close_round(round=round, actor=mia)
    release = released(round, mia)
    browser, address = signed_in(mia), reverse("datasets:teach", args=[round.project.slug, release.pk])
    assert "No judge to teach" in browser.get(address).content.decode()
    first = version(endpoint(round.project, mia, "https://models.example.org/v1"), mia)
    page = browser.get(address).content.decode()
    assert 'name="U:candour"' in page
    assert 'name="D:why"' in page
    said = {
        "version": first.pk,
        "each": 1,
        "seed": 0,
        "U:candour": 1,
        "U:why": "slip",
        "D:candour": "",
        "D:why": "",
    }
    wrong = browser.post(address, {**said, "U:candour": 40})
    assert wrong.status_code == 422
    assert JudgeVersion.objects.count() == 1
    answer = browser.post(address, said, follow=True)
    assert answer.status_code == 200
    assert JudgeVersion.objects.get(number=2).examples[0]["label"] == "U"
