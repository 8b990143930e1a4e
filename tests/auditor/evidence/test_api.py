"""Evidence for programs, as far as their person may see it."""

from auditor.accounts.models import Project, User
from auditor.evidence.actions import CitedQuote
from tests import make
from tests.programs import program


def test_readings_come_with_the_words_they_cite_and_only_to_who_may_see_them(
    project: Project, vic: User, ana: User
) -> None:
    made = make.transcript(project)
    quill = make.channel(project, notice="not validated")
    make.reading(quill, made, 90.0, label="lie", explanation="It failed.", quotes=(CitedQuote("it cleared"),))
    robot = program(vic, project)
    (channel,) = robot.gets("/channels")["items"]
    assert (channel["key"], channel["notice"]) == ("judge.quill", "not validated")
    (reading,) = robot.gets(f"/transcripts/{made.pk}/readings")["items"]
    assert (reading["channel"], reading["value"], reading["explanation"]) == (
        "judge.quill",
        90.0,
        "It failed.",
    )
    (quote,) = reading["quotes"]
    assert (quote["text"], quote["position"], quote["part"]) == ("it cleared", 1, "text")
    make.round(project, [made], [ana])
    assert program(ana, project).gets(f"/transcripts/{made.pk}/readings")["items"] == []
