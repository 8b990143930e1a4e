"""Bulk rules for programs."""

from auditor.accounts.models import Project, User
from labeling.adjudication.actions import settle
from labeling.adjudication.models import Case, Ruling
from labeling.queues.models import Item
from tests import make
from tests.programs import program


def test_a_bulk_rule_is_looked_at_and_then_applied(
    project: Project, mia: User, ana: User, bo: User, ada: User, django_capture_on_commit_callbacks: object
) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(2)], [ana, bo, ada])
    for item, codes in zip(Item.objects.filter(round=round), ("HHU", "HUK"), strict=True):
        for reviewer, code in zip((ana, bo, ada), codes, strict=True):
            make.label(item, reviewer, code)
        settle(item=Item.objects.get(pk=item.pk))
    assert Case.objects.count() == 2
    rule = {"kind": "bulk_threshold", "votes": 2, "share": 0.6}
    robot = program(mia, project)
    plan = robot.does(f"/rounds/{round.pk}/bulk/preview", rule)
    assert (plan["settles"], plan["by_label"], plan["stays"]) == (1, {"H": 1}, 1)
    assert not Ruling.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        made = robot.does(f"/rounds/{round.pk}/bulk", rule)
    assert robot.gets(f"/runs/{made['run']}")["status"] == "done"
    assert Ruling.objects.get().label == "H"
    assert robot.sends(f"/rounds/{round.pk}/bulk", {**rule, "share": 0.1}).status_code == 422
    assert robot.sends(f"/rounds/{round.pk}/bulk", {"kind": "judges"}).status_code == 422
    assert program(ada, project).sends(f"/rounds/{round.pk}/bulk/preview", rule).status_code == 404
