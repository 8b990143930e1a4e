"""Discussion for programs."""

from auditor.accounts.models import Project, User
from labeling.discussion.models import Comment, Thread
from tests import make
from tests.programs import program, read


def test_a_thread_is_opened_answered_and_resolved(project: Project, ana: User, bo: User, vic: User) -> None:
    transcript = make.transcript(project)
    robot = program(ana, project)
    place = {"position": 1, "part": "text", "start": 5, "end": 15, "quote": "it cleared"}
    body = {"text": "Did it?", "transcript": transcript.pk, "place": place, "addressed": [bo.pk], "key": "k1"}
    thread = robot.does("/threads", body)
    assert thread["place"]["quote"] == "it cleared"
    assert robot.does("/threads", body)["id"] == thread["id"]
    assert Thread.objects.count() == 1
    other = program(bo, project)
    (told,) = other.gets("/inbox")["items"]
    assert (told["thread"], told["why"], told["read"]) == (thread["id"], "addressed", False)
    for _ in range(2):
        whole = other.does(f"/threads/{thread['id']}/comments", {"text": "No.", "key": "k2"})
    assert [one["text"] for one in whole["comments"]] == ["Did it?", "No."]
    assert Comment.objects.count() == 2
    assert robot.does(f"/threads/{thread['id']}/resolved", {"resolved": True})["resolved_at"]
    assert robot.does(f"/threads/{thread['id']}/resolved", {"resolved": False})["resolved_at"] is None
    assert [one["id"] for one in robot.gets("/threads", transcript=transcript.pk)["items"]] == [thread["id"]]
    assert robot.gets("/threads", codebook=1)["items"] == []
    assert program(vic, project).sends("/threads", body).status_code == 403


def test_who_is_blind_sees_no_thread_of_others(project: Project, ana: User, bo: User) -> None:
    transcript = make.transcript(project)
    thread = program(bo, project).does("/threads", {"text": "It lies.", "transcript": transcript.pk})
    make.round(project, [transcript], [ana])
    robot = program(ana, project)
    assert robot.gets("/threads")["items"] == []
    assert robot.asks(f"/threads/{thread['id']}").status_code == 404
    own = robot.does("/threads", {"text": "Hm.", "transcript": transcript.pk})
    assert [one["id"] for one in robot.gets("/threads")["items"]] == [own["id"]]


def test_what_cannot_be_written_is_refused(project: Project, ana: User, cy: User) -> None:
    transcript = make.transcript(project)
    robot = program(ana, project)
    for body, field in (
        ({"text": "", "transcript": transcript.pk}, "text"),
        ({"text": "x"}, "text"),
        ({"text": "x", "transcript": 1 << 40}, "place"),
        ({"text": "x", "transcript": transcript.pk, "place": {"position": 99}}, "place"),
        ({"text": "x", "transcript": transcript.pk, "addressed": [cy.pk]}, "addressed"),
    ):
        answer = robot.sends("/threads", body)
        assert (answer.status_code, read(answer)["errors"][0]["field"]) == (422, field), body
    assert not Thread.objects.exists()
