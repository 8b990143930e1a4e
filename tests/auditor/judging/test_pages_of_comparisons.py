"""The comparison page: rates, agreement, flips and the way into review, over what is stored."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence.filters import Filter, matching
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.judging.boundaries import Boundary
from auditor.judging.comparing import Comparison, compare, offered, sides_of
from auditor.judging.models import JudgeVersion, Verdict
from auditor.sampling.models import Sample
from labeling.overview.actions import begin_project
from tests import make
from tests.people import signed_in
from tests.story import Person, imports

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT.parent / "shared" / "data" / "lie-detector" / "857_items_5_judges.jsonl"
MAPPING = json.loads((ROOT / "docs/tutorial/lie-detector.mapping.json").read_text(encoding="utf-8"))


def spoken(
    project: Project,
    key: str,
    said: Sequence[tuple[float | None, str] | None],
    on: Sequence[Transcript],
    **more,
) -> Channel:  # type: ignore[no-untyped-def]
    """A channel that says these things of these transcripts."""
    channel = make.channel(project, key, name=key.removeprefix("judge."), **more)
    for one, transcript in zip(said, on, strict=True):
        if one is not None:
            make.reading(channel, transcript, one[0], label=one[1])
    return channel


@pytest.fixture
def six(project: Project) -> list[Transcript]:
    return [make.transcript(project, external_id=f"t{k}") for k in range(6)]


def page(reader: Client, project: Project, query: str = "", name: str = "compare", status: int = 200) -> str:
    response = reader.get(reverse(f"judging:{name}", args=[project.slug]) + query)
    assert response.status_code == status
    if response.streaming:
        return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return response.content.decode()


def made(
    project: Project, person: User, channels: Sequence[Channel], *boundaries: Boundary, **more
) -> Comparison:  # type: ignore[no-untyped-def]
    sight = visible_to(person)
    sides = sides_of(channels, sight=sight)
    given = {one.key: one for one in boundaries} or {side.key: offered(side, sides) for side in sides}
    return compare(
        sides, given, chosen=None, by_labels=more.pop("by_labels", False), project_id=project.pk, sight=sight
    )


def test_two_judges_are_needed(project: Project, mia: User, six: list[Transcript]) -> None:
    reader = signed_in(mia)
    assert "Two judges are needed" in page(reader, project)
    spoken(project, "judge.a", [(1.0, "")] * 6, six)
    spoken(project, "judge.b", [(1.0, "")] * 6, six)
    assert "Choose two or more judges." in page(reader, project)
    page(reader, project, "?judge=1", name="compare_csv", status=422)


def test_labels_by_hand(project: Project, mia: User, six: list[Transcript]) -> None:
    """a: lie lie lie honest honest -, b: lie lie honest honest lie honest; five in common, 3 the same."""
    a = spoken(project, "judge.a", [*[(None, "lie")] * 3, *[(None, "honest")] * 2, None], six)
    said = ("lie", "lie", "honest", "honest", "lie", "honest")
    b = spoken(project, "judge.b", [(None, word) for word in said], six)
    found = made(project, mia, [a, b])
    assert [boundary.label for boundary in found.boundaries] == ["honest", "honest"]  # 5 honest of 11, 6 lie
    found = made(project, mia, [a, b], Boundary("judge.a", "is", "lie"), Boundary("judge.b", "is", "lie"))
    (_, _, first), (_, _, second) = found.rates
    assert (first.yes, first.known, first.missing) == (3, 5, 1)
    assert (first.low, first.high) == (3 / 6, 4 / 6)
    assert (second.yes, second.known, second.missing) == (3, 6, 0)
    (row,) = found.pairs
    assert (row.pair.n, row.pair.same) == (5, 3)
    # p_e = (3/5)(3/5) + (2/5)(2/5) = 13/25; kappa = (15/25 - 13/25) / (12/25)
    assert row.pair.kappa == pytest.approx(1 / 6)
    assert row.flips is not None
    assert [found.universe[at] for at in row.flips.to_yes] == [six[4].pk]
    assert [found.universe[at] for at in row.flips.to_no] == [six[2].pk]
    assert row.flips.p == 1.0
    assert [one.transcript_id for one in found.splits] == [six[2].pk, six[4].pk]


def test_the_filter_holds_for_the_disagreements_and_no_others(
    project: Project, mia: User, six: list[Transcript]
) -> None:
    a = spoken(
        project, "judge.a", [(10.0, "x"), (30.0, "x"), (30.5, "y"), (80.0, ""), None, (90.0, "y")], six
    )
    b = spoken(
        project, "judge.b", [(5.0, "y"), (80.0, "x"), (80.0, "y"), (90.0, "x"), (10.0, "x"), (None, "y")], six
    )
    c = spoken(
        project, "judge.odd key", [(5.0, "y"), (5.0, "x"), (5.0, "y"), (5.0, ""), (5.0, "x"), (5.0, "z")], six
    )

    def matched(found: Comparison) -> list[int]:
        chosen = Filter.from_query(QueryDict(mutable=True))
        chosen = Filter(where=found.filter)
        rows = matching(chosen, project_id=project.pk, sight=visible_to(mia)).rows
        return sorted(rows.values_list("pk", flat=True))

    for op in ("below", "at_most", "at_least", "above"):
        found = made(project, mia, [a, b], *(Boundary(k, op, at=30) for k in ("judge.a", "judge.b")))
        assert matched(found) == sorted(one.transcript_id for one in found.splits), op
    strict = made(project, mia, [a, b], *(Boundary(k, "below", at=30) for k in ("judge.a", "judge.b")))
    loose = made(project, mia, [a, b], *(Boundary(k, "at_most", at=30) for k in ("judge.a", "judge.b")))
    assert [one.transcript_id for one in strict.splits] == []
    assert [one.transcript_id for one in loose.splits] == [six[1].pk]
    mixed = made(
        project,
        mia,
        [a, b, c],
        Boundary("judge.a", "is", "x"),
        Boundary("judge.b", "above", at=7),
        Boundary("judge.odd key", "at_least", at=5),
    )
    assert matched(mixed) == sorted(one.transcript_id for one in mixed.splits) != []
    labels = made(project, mia, [a, b, c], by_labels=True)
    assert matched(labels) == sorted(one.transcript_id for one in labels.splits) == [six[0].pk, six[5].pk]
    argmax = made(
        project,
        mia,
        [a, b],
        Boundary("judge.a", "below", at=30, reads="argmax"),
        Boundary("judge.b", "below", at=30),
    )
    assert argmax.filter == ""


def test_disagreements_become_a_sample_in_one_step(
    project: Project, mia: User, six: list[Transcript]
) -> None:
    a = spoken(project, "judge.a", [(float(k), "") for k in range(6)], six)
    b = spoken(project, "judge.b", [(float(5 - k), "") for k in range(6)], six)
    reader = signed_in(mia)
    query = f"?judge={a.pk}&judge={b.pk}&op.{a.pk}=below&at.{a.pk}=2&op.{b.pk}=below&at.{b.pk}=2&id=t*&q="
    shown = page(reader, project, query)
    assert "4\N{NO-BREAK SPACE}transcripts of 6 that all judged" in shown
    link = next(
        part
        for part in shown.split('"')
        if part.startswith(reverse("sampling:new", args=[project.slug]) + "?")
    )
    link = link.replace("&amp;", "&")
    assert parse_qs(urlsplit(link).query)["id"] == ["t*"]
    assert "4\N{NO-BREAK SPACE}transcripts" in reader.get(link).content.decode()
    sent = {"name": "Disputed", "n": 4, "seed": 1, "allocation": "equal"}
    assert reader.post(link, sent).status_code == 302
    drawn = Sample.objects.get().items.values_list("transcript__external_id", flat=True)
    assert sorted(drawn) == ["t0", "t1", "t4", "t5"]
    within = page(reader, project, f"?judge={a.pk}&judge={b.pk}&sample={Sample.objects.get().pk}")
    assert "a filter cannot ask for those of a sample" in within


def test_boundaries_and_readings_move_the_rate(project: Project, mia: User, six: list[Transcript]) -> None:
    a = make.channel(project, "judge.a", lo=0.0, hi=100.0)
    b = spoken(project, "judge.b", [(30.0, "")] * 6, six)
    for transcript, numbers in zip(
        six,
        ({30: 1.0}, {20: 0.5, 60: 0.5}, {10: 0.6, 90: 0.4}, {90: 1.0}, {25: 1.0}, {80: 0.6, 5: 0.4}),
        strict=True,
    ):
        score = sum(number * p for number, p in numbers.items())
        best = max(numbers.values())
        top = [number for number, p in numbers.items() if p == best]
        kept = {
            "score": score, "mass": 1.0, "argmax": top[0] if len(top) == 1 else None, "from_logprobs": True,
            "distribution": {str(number): p for number, p in numbers.items()}, "others": {},
        }  # fmt: skip
        make.reading(a, transcript, score, detail={"expected": [kept]})
    reader = signed_in(mia)
    base = f"?judge={a.pk}&judge={b.pk}&op.{a.pk}=below&at.{a.pk}=30"
    found = made(
        project, mia, [a, b], Boundary("judge.a", "below", at=30), Boundary("judge.b", "below", at=30)
    )
    by_words = {(one.side.key, one.words): one.rate for one in found.senses}
    # expected values: 30, 40, 42, 90, 25, 50; likeliest: 30, none, 10, 90, 25, 80
    assert by_words["judge.a", "score < 30"].value == pytest.approx(1 / 6)
    assert by_words["judge.a", "score ≤ 30"].value == pytest.approx(2 / 6)
    likeliest = by_words["judge.a", "likeliest score < 30"]
    assert (likeliest.yes, likeliest.known, likeliest.missing) == (2, 5, 1)
    assert by_words["judge.a", "likeliest score ≤ 30"].yes == 3
    assert ("judge.b", "likeliest score < 30") not in by_words  # it has no distributions
    assert found.spread is not None
    assert [one.words for one in found.spread] == ["score < 30", "score ≤ 30"]
    assert [one.side.key for one in found.spread] == ["judge.b", "judge.b"]
    argmax = page(reader, project, f"{base}&as.{a.pk}=argmax")
    assert "likeliest score &lt; 30" in argmax
    assert "Read the expected value instead" in argmax


def test_what_the_address_says_wrongly_is_left_at_what_is_offered(
    project: Project, mia: User, six: list[Transcript]
) -> None:
    a = spoken(project, "judge.a", [(1.0, "x")] * 6, six)
    b = spoken(project, "judge.b", [(2.0, "y")] * 6, six)
    reader = signed_in(mia)
    for wrong in (
        "op.{0}=below&at.{0}=much",
        "op.{0}=below&at.{0}=nan",
        "op.{0}=is&at.{0}=zzz",
        "op.{0}=odd",
        "at.{0}=3",
        "op.{0}=below&at.{0}=1e99",
    ):
        shown = page(reader, project, f"?judge={a.pk}&judge={b.pk}&" + wrong.format(a.pk))
        assert "label is x" in shown, wrong
    assert "Fleiss&#x27; kappa" in shown or "Fleiss' kappa" in shown


def test_transcripts_that_got_no_value_are_missing_and_not_forgotten(
    project: Project, mia: User, six: list[Transcript]
) -> None:
    from auditor.judging.models import JudgeRun
    from auditor.judging.recording import declare
    from auditor.judging.rubric import parse_rubric
    from auditor.runs.actions import open_run
    from tests.auditor.judging.scene import endpoint, version

    written = version(endpoint(project, mia, "http://127.0.0.1:9/v1"), mia)
    run = open_run(project_id=project.pk, kind="judging", title="x", task="judging.judge", actor=mia)
    judging = JudgeRun.objects.create(
        project=project, version=written, run=run, chosen={}, created_by=mia, laid=True
    )
    for transcript in six[:3]:
        Verdict.objects.create(run=judging, transcript=transcript, state="refused")
    own = declare(written, parse_rubric(written.rubric))[""]
    make.reading(own, six[3], 4.0)
    other = spoken(project, "judge.b", [None] * 3 + [(5.0, "")] * 2 + [None], six)
    found = made(project, mia, [own, other])
    assert found.sides[0].version == JudgeVersion.objects.get(pk=written.pk)
    assert found.universe == tuple(one.pk for one in six[:5])
    assert [(rate.known, rate.missing) for _, _, rate in found.rates] == [(1, 4), (2, 3)]


def test_who_labels_blind_sees_nothing_of_it(
    project: Project, mia: User, ana: User, six: list[Transcript]
) -> None:
    a = spoken(project, "judge.a", [(1.0, "canary-word")] * 6, six)
    b = spoken(project, "judge.b", [(1.0, "canary-word")] * 6, six)
    make.round(project, six, [ana])
    query = f"?judge={a.pk}&judge={b.pk}"
    assert "canary-word" in page(signed_in(mia), project, query)
    hidden = page(signed_in(ana), project, query)
    assert "canary-word" not in hidden
    assert "you have yet to label blind are left out" in hidden
    assert "canary-word" not in page(signed_in(ana), project, query, name="compare_csv")


def test_too_much_for_one_page_is_said_and_a_sample_helps(
    project: Project, mia: User, six: list[Transcript], monkeypatch: pytest.MonkeyPatch
) -> None:
    a = spoken(project, "judge.a", [(1.0, "x")] * 6, six)
    b = spoken(project, "judge.b", [(1.0, "y")] * 6, six)
    drawn = make.sample(project, six[:2])
    monkeypatch.setattr("auditor.judging.comparing.MOST_SAID", 5)
    query = f"?judge={a.pk}&judge={b.pk}"
    assert "12 verdicts are more than can be compared" in page(signed_in(mia), project, query, status=422)
    page(signed_in(mia), project, query, name="compare_csv", status=422)
    assert "of 2" in page(signed_in(mia), project, f"{query}&sample={drawn.pk}")


def test_csv_holds_rows_and_figures_and_no_formulas(
    project: Project, mia: User, six: list[Transcript]
) -> None:
    a = spoken(project, "judge.a", [(1.5, "=HYPER()")] * 6, six)
    b = spoken(project, "judge.b", [(-2.0, "x")] * 5 + [None], six)
    reader, query = signed_in(mia), f"?judge={a.pk}&judge={b.pk}"
    rows = list(csv.reader(io.StringIO(page(reader, project, query, name="compare_csv"))))
    assert rows[0] == [
        "transcript",
        "external_id",
        "judge.a value",
        "judge.a label",
        "judge.a says",
        "judge.b value",
        "judge.b label",
        "judge.b says",
    ]
    assert rows[1][2:] == ["1.5", "'=HYPER()", "yes", "-2.0", "x", "yes"]
    assert rows[6][5:] == ["", "", ""]
    figures = list(csv.reader(io.StringIO(page(reader, project, f"{query}&of=figures", name="compare_csv"))))
    assert ["unanimous", "", "", "5", "1.0", "", "", ""] in figures
    assert ["Fleiss kappa", "", "", "5", "", "", "", ""] in figures


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not FILE.exists(), reason=f"needs {FILE.name} in ../shared/data/lie-detector")
@pytest.mark.django_db(transaction=True)
def test_five_published_judges() -> None:
    """Figures known from the data's own page: Fleiss 0.362, observed 0.688, 36.6% unanimous, pairs 0.237 to 0.472."""
    from auditor.accounts import actions as accounts

    owner = accounts.create_user(email="mia@example.org", name="Mia", may_create_projects=True)
    project = begin_project(name="Lie or honest mistake?", owner=owner)
    browser = Client()
    browser.force_login(owner)
    mia = Person(browser, project.slug)
    assert imports(mia, FILE.name, FILE.read_bytes(), MAPPING).status == "done"
    judges = list(project.channels.filter(kind="judge").order_by("key"))
    assert JudgeVersion.objects.filter(imported=True, channel__in=judges).count() == 5
    query = "?" + "&".join(f"judge={one.pk}&op.{one.pk}=is&at.{one.pk}=lie" for one in judges)
    for by in ("", "&by=labels"):
        shown = mia.sees("judging:compare", query=query + by)
        assert "<b>857</b><span>transcripts that all 5 judged, of 857" in shown
        assert "<b>0.362</b>" in shown
        assert "<b>0.688</b>" in shown
        assert "<b>36.6%</b>" in shown
        assert "Lowest kappa 0.237 (judge.gpt-4o / judge.gpt-oss-120b)" in shown
        assert "highest 0.472 (judge.claude-opus-4 / judge.claude-sonnet-4)" in shown
