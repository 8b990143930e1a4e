"""Long jobs for programs."""

from auditor.accounts.models import Project, User
from auditor.runs.actions import open_run
from tests.programs import program


def test_a_run_is_watched_and_stopped(project: Project, mia: User, ada: User) -> None:
    run = open_run(project_id=project.pk, kind="import", title="logs", task="x", actor=mia, total=9)
    robot = program(mia, project)
    assert [one["id"] for one in robot.gets("/runs")["items"]] == [run.pk]
    assert robot.gets(f"/runs/{run.pk}")["status"] == "queued"
    for _ in range(2):
        assert robot.does(f"/runs/{run.pk}/cancel")["status"] == "cancelled"
    assert program(ada, project).asks(f"/runs/{run.pk}").status_code == 404
