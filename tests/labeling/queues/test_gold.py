"""Answers known beforehand: they teach before the work, and check silently during it."""

import re

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lift_veils
from auditor.evidence.models import Reading
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import Content
from labeling.codebooks.actions import adopt_default
from labeling.queues import actions, queries
from labeling.queues.actions import CannotChange, CannotOpen, Paused, take_next
from labeling.queues.actions.checking import Answer
from labeling.queues.models import (
    BLIND_ONLY,
    GOLD,
    TRAINING,
    WORK,
    GoldItem,
    GoldResult,
    GoldSet,
    Item,
    Lease,
    Round,
)
from tests import make
from tests.people import signed_in

RIGHT = Content.of(answers={"truth": "true"}, confidence=4)
WRONG = Content.of(answers=make.ANSWERS["U"], confidence=4)


def known(project: Project, mia: User, n: int, name: str = "Known") -> GoldSet:
    """So many transcripts that are known to be honest."""
    codebook = adopt_default(project=project, actor=mia).codebook
    made = actions.create_gold_set(project=project, name=name, codebook=codebook, actor=mia)
    answers = [Answer(make.transcript(project).pk, ("H",), "It says what is so.") for _ in range(n)]
    actions.add_answers(gold_set=made, answers=answers, codes=["H", "U"], actor=mia)
    return made


def label_all(round: Round, reviewer: User, content: Content, most: int = 99) -> list[Item]:
    met: list[Item] = []
    while len(met) < most and (lease := take_next(round=round, reviewer=reviewer)) is not None:
        commit_blind(item=lease.item, reviewer=reviewer, content=content)
        met.append(lease.item)
    return met


@pytest.fixture
def trained(project: Project, ana: User, mia: User) -> Round:
    """Three items of training before two of work."""
    return make.round(
        project, [make.transcript(project) for _ in range(2)], [ana], policy=BLIND_ONLY, pass_mark=60,
        training_set=known(project, mia, 3),
    )  # fmt: skip


@pytest.fixture
def checked(project: Project, ana: User, bo: User, mia: User) -> Round:
    """Twenty items of work for each of two, and a fifth of what they meet is gold."""
    return make.round(
        project, [make.transcript(project) for _ in range(20)], [ana, bo], policy=BLIND_ONLY,
        gold_set=known(project, mia, 9), gold_rate=20, gold_bar=60,
    )  # fmt: skip


def test_the_training_comes_first_and_lets_who_passes_to_the_work(trained: Round, ana: User) -> None:
    assert queries.desk_of(trained, ana).training
    assert queries.desk_of(trained, ana).open == 3
    met = label_all(trained, ana, RIGHT)
    assert [item.role for item in met] == [TRAINING] * 3 + [WORK] * 2
    assert queries.gold_accuracy(trained, TRAINING)[ana.pk].share == 1.0


def test_who_does_not_pass_waits_for_a_manager(trained: Round, ana: User, mia: User) -> None:
    label_all(trained, ana, RIGHT, most=1)
    with pytest.raises(Paused, match="1 of 3 were right"):
        label_all(trained, ana, WRONG)
    assert "1 of 3 were right" in queries.desk_of(trained, ana).waits_for
    assert not GoldResult.objects.filter(item__role=WORK).exists()
    actions.resume_member(round=trained, user=ana, actor=mia)
    assert [item.role for item in label_all(trained, ana, RIGHT)] == [WORK] * 2


@pytest.mark.parametrize("asks", [{}, {"Desk-Part": "here"}])
def test_after_a_training_label_its_answer_is_shown(
    project: Project, trained: Round, ana: User, bo: User, asks: dict[str, str]
) -> None:
    lease = take_next(round=trained, reviewer=ana)
    assert lease is not None
    browser = signed_in(ana)
    address = reverse("queues:feedback", args=[project.slug, lease.item_id])
    assert browser.get(address).status_code == 404  # not before her own label
    sent = {"stage": "blind", "base": 0, "content": WRONG.plain()}
    answer = browser.post(
        reverse("annotations:commit", args=[project.slug, lease.item_id]),
        sent,
        content_type="application/json",
        headers=asks,
    )
    assert answer["Location"] == address
    page = browser.get(address).content.decode()
    assert "Settled differently" in page
    assert "It says what is so." in page
    assert "2\xa0items to go" in page
    assert signed_in(bo).get(address).status_code == 404


def test_a_training_that_ran_out_comes_back_to_the_same_person(trained: Round, ana: User) -> None:
    lease = take_next(round=trained, reviewer=ana)
    assert lease is not None
    Lease.objects.update(expires_at=lease.taken_at)
    actions.release_expired()
    assert len(label_all(trained, ana, RIGHT)) == 5


def test_everybody_meets_the_same_gold_at_the_rate(checked: Round, ana: User, bo: User) -> None:
    gold = {}
    for reviewer in (ana, bo):
        roles = [item.role for item in label_all(checked, reviewer, RIGHT)]
        assert len(roles) == 25
        assert roles.count(GOLD) == 5
        stretches = [roles[at : at + 5].count(GOLD) for at in range(0, 25, 5)]
        assert stretches == [1] * 5
        gold[reviewer.pk] = set(
            GoldResult.objects.filter(reviewer=reviewer).values_list("item_id", flat=True)
        )
    assert gold[ana.pk] == gold[bo.pk]


def test_gold_is_no_part_of_progress_readings_or_the_sample(checked: Round, ana: User, bo: User) -> None:
    for reviewer in (ana, bo):
        label_all(checked, reviewer, RIGHT)
    found = queries.progress(checked)
    assert (found.items, found.finished, found.labels, found.labels_wanted) == (20, 20, 40, 40)
    assert found.pairs[ana.pk, bo.pk] == found.planned[ana.pk, bo.pk] == 20
    gold = checked.items.filter(role=GOLD).values("transcript")
    assert not Reading.objects.filter(transcript__in=gold).exists()
    assert Reading.objects.filter(channel__key="people.label").count() == 40


def test_nothing_on_the_desk_tells_gold_from_work(project: Project, checked: Round, ana: User) -> None:
    """The pages are the same but for numbers and words of the transcript, and ids are strewn."""
    shapes: dict[str, set[str]] = {WORK: set(), GOLD: set()}
    browser = signed_in(ana)
    label_all(checked, ana, RIGHT, most=1)  # before the first there is nothing to go back to
    for _ in range(12):
        lease = take_next(round=checked, reviewer=ana)
        assert lease is not None
        page = browser.get(reverse("annotations:item", args=[project.slug, lease.item_id])).content.decode()
        shapes[lease.item.role].add(
            re.sub(
                r'<span class="wide-only"> · ~[^<]* left</span>|\d+|csrfmiddlewaretoken\" value="\w+|[\w-]{43,}',
                "",
                page,
            )
        )
        commit_blind(item=lease.item, reviewer=ana, content=RIGHT)
    assert shapes[GOLD]
    assert shapes[GOLD] <= shapes[WORK]
    ids = list(checked.items.order_by("pk").values_list("role", flat=True))
    gold = [place for place, role in enumerate(ids) if role == GOLD]
    assert gold != list(range(20, 25))
    assert min(gold) < 20


def test_who_is_surely_below_the_bar_is_paused_and_kindly_told(
    project: Project, checked: Round, ana: User, mia: User
) -> None:
    with pytest.raises(Paused, match="Talk to a manager"):
        label_all(checked, ana, WRONG)
    results = GoldResult.objects.filter(reviewer=ana)
    assert [one.right for one in results] == [False] * 3  # 0 of 3: at most 56 percent; 0 of 2 could be 66
    page = signed_in(mia).get(reverse("queues:round", args=[project.slug, checked.pk])).content.decode()
    assert "0 of 3" in page
    assert "Let Ana go on" in page
    told = signed_in(ana).get(reverse("annotations:desk", args=[project.slug, checked.pk])).content.decode()
    assert "Talk to a manager" in told
    assert (
        "0 of 3"
        not in signed_in(ana).get(reverse("queues:round", args=[project.slug, checked.pk])).content.decode()
    )
    signed_in(mia).post(reverse("queues:resume", args=[project.slug, checked.pk]), {"user": ana.pk})
    assert take_next(round=checked, reviewer=ana) is not None


def test_a_manager_who_reviews_sees_neither_answers_nor_scores(
    project: Project, mia: User, ana: User
) -> None:
    gold = known(project, mia, 3)
    round = make.round(
        project, [make.transcript(project) for _ in range(8)], [mia, ana], gold_set=gold, gold_rate=20
    )
    page = signed_in(mia).get(reverse("queues:gold_set", args=[project.slug, gold.pk])).content.decode()
    hidden = set(round.items.filter(role=GOLD).values_list("transcript__external_id", flat=True))
    assert hidden
    assert not any(name in page for name in hidden)
    assert "not shown" in page
    assert (
        "Right on gold"
        not in signed_in(mia).get(reverse("queues:round", args=[project.slug, round.pk])).content.decode()
    )


def test_rulings_become_answers_as_far_as_one_may_see_them(project: Project, mia: User) -> None:
    seen, hidden = make.transcript(project), make.transcript(project)
    round = make.round(project, [seen, hidden], [mia], name="Ruled")
    channel = make.channel(project, "people.ruling", kind="human")
    for transcript in (seen, hidden):
        make.reading(channel, transcript, None, label="D", identifier=round.veil_key)
    lift_veils(round_key=round.veil_key, scopes=["human"], transcript_id=seen.pk)
    gold = known(project, mia, 0)
    address = reverse("queues:gold_rulings", args=[project.slug, gold.pk])
    assert signed_in(mia).post(address, {"round": round.pk}).status_code == 302
    (one,) = GoldItem.objects.filter(gold_set=gold)
    assert (one.transcript_id, one.labels, one.source) == (seen.pk, ["D"], "Ruled")


def test_an_answer_is_entered_changed_and_taken_out(project: Project, mia: User) -> None:
    gold, transcript = known(project, mia, 0), make.transcript(project, external_id="case-7")
    address = reverse("queues:gold_set", args=[project.slug, gold.pk])
    browser = signed_in(mia)
    assert browser.post(address, {"transcript": "nothing", "labels": ["H"]}).status_code == 422
    assert browser.post(address, {"transcript": "case-7", "labels": ["?!"]}).status_code == 422
    for labels in (["H"], ["U", "H"]):
        assert browser.post(address, {"transcript": "case-7", "labels": labels}).status_code == 302
    assert GoldItem.objects.get(gold_set=gold).labels == ["H", "U"]
    browser.post(reverse("queues:gold_remove", args=[project.slug, gold.pk]), {"transcript": transcript.pk})
    assert not gold.items.exists()


def test_a_gold_set_is_made_by_form(project: Project, mia: User) -> None:
    codebook = adopt_default(project=project, actor=mia).codebook
    address = reverse("queues:gold_sets", args=[project.slug])
    sent = {"name": "First", "codebook": codebook.pk}
    assert signed_in(mia).post(address, sent).status_code == 302
    assert signed_in(mia).post(address, sent).status_code == 422
    assert "First" in signed_in(mia).get(address).content.decode()


def test_what_answers_nothing_is_refused(project: Project, mia: User, ana: User) -> None:
    gold, transcript = known(project, mia, 1), make.transcript(project)
    with pytest.raises(CannotChange):
        actions.add_answers(gold_set=gold, answers=[Answer(transcript.pk, ())], codes=["H"], actor=mia)
    with pytest.raises(CannotChange):
        actions.add_answers(gold_set=gold, answers=[Answer(0, ("H",))], codes=["H"], actor=mia)
    only = GoldItem.objects.get(gold_set=gold).transcript
    with pytest.raises(CannotOpen, match="no transcript that is not in the sample"):
        make.round(project, [only], [ana], training_set=gold)


def test_a_reviewer_in_a_reveal_round_is_judged_by_the_label_that_counts(
    project: Project, ana: User, mia: User
) -> None:
    round = make.round(project, [make.transcript(project)], [ana], training_set=known(project, mia, 1))
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    commit_blind(item=lease.item, reviewer=ana, content=WRONG)
    assert not GoldResult.objects.exists()
    commit_final(item=lease.item, reviewer=ana, content=RIGHT, base=0)
    assert GoldResult.objects.get().right
