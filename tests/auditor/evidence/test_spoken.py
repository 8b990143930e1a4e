"""What channels of machines said of many transcripts: as of a moment, in order, and never past a veil."""

from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lay_veils
from auditor.evidence.models import HUMAN, Quote, Reading
from auditor.evidence.queries import visible_to
from tests import make


def test_readings_come_with_their_quotes_oldest_first(project: Project, mia: User) -> None:
    one, other, beside = (make.transcript(project) for _ in range(3))
    channel = make.channel(project)
    make.reading(channel, other, 0.25, detail={"why": ["x"]})
    make.reading(channel, one, 0.75)
    make.reading(channel, beside, 1.0)
    first = Reading.objects.get(transcript=other)
    for words in ("Yes", "No"):
        Quote.objects.create(reading=first, text=words, status="unfindable")
    found = visible_to(mia).spoken_at([one.pk, other.pk], timezone.now())
    assert [(said.transcript_id, said.value, said.detail) for said in found] == [
        (other.pk, 0.25, {"why": ["x"]}),
        (one.pk, 0.75, {}),
    ]
    assert [[quote["text"] for quote in said.quotes] for said in found] == [["Yes", "No"], []]


def test_what_was_current_at_the_moment_counts(project: Project, mia: User) -> None:
    transcript = make.transcript(project)
    channel = make.channel(project)
    before = timezone.now()
    make.reading(channel, transcript, 0.5)
    meanwhile = timezone.now()
    Reading.objects.filter(transcript=transcript).update(superseded_at=timezone.now())
    make.reading(channel, transcript, 0.9)
    sight = visible_to(mia)
    values = [
        [said.value for said in sight.spoken_at([transcript.pk], at)]
        for at in (before, meanwhile, timezone.now())
    ]
    assert values == [[], [0.5], [0.9]]


def test_neither_people_nor_what_is_veiled_is_among_them(project: Project, mia: User, ana: User) -> None:
    veiled, shown = make.transcript(project), make.transcript(project)
    person = make.channel(project, "human.label", kind=HUMAN)
    for transcript in (veiled, shown):
        make.reading(make.channel(project), transcript, 0.5)
        make.reading(person, transcript, 1.0)
    lay_veils(person_ids=[ana.pk], transcript_ids=[veiled.pk], round_key="round:1", scopes=["machine"])

    def seen(by: User) -> set[tuple[int, float | None]]:
        found = visible_to(by).spoken_at([veiled.pk, shown.pk], timezone.now())
        return {(said.transcript_id, said.value) for said in found}

    assert seen(ana) == {(shown.pk, 0.5)}
    assert seen(mia) == {(veiled.pk, 0.5), (shown.pk, 0.5)}
