"""The page of a run: how far it is, how to stop it, and who may look."""

import pytest
from django.test import Client
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.runs import queries
from auditor.runs.actions import carry, open_run
from auditor.runs.models import Run
from tests.people import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def run(project: Project, mia: User) -> Run:
    return open_run(
        project_id=project.pk,
        kind="import",
        title="Import <b>x</b>",
        task="intake.import_batch",
        actor=mia,
        total=2_000_000,
        unit="bytes",
    )


def address(run: Run, rest: str = "") -> str:
    return f"/p/{run.project.slug}/runs/{run.pk}/{rest}"


def test_an_open_run_polls_and_can_be_cancelled(run: Run, mia: User) -> None:
    page = signed_in(mia).get(address(run)).content.decode()
    assert 'hx-trigger="every 1s"' in page
    assert f'action="{address(run, "cancel/")}"' in page
    assert "Import &lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


def test_the_fragment_says_how_far_it_is(run: Run, mia: User) -> None:
    Run.objects.filter(pk=run.pk).update(status="running", attempts=1, done=500_000, note="12 transcripts")
    response = signed_in(mia).get(address(run), headers=HTMX)
    words = response.content.decode().replace("\xa0", " ")
    assert response.status_code == 200
    assert "<html" not in words
    assert "500 kB of 2.0 MB" in words
    assert "12 transcripts" in words
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_polling_stops_when_it_is_over(run: Run, mia: User, status: str) -> None:
    Run.objects.filter(pk=run.pk).update(status=status)
    response = signed_in(mia).get(address(run), headers=HTMX)
    assert response.status_code == 286
    assert "hx-trigger" not in response.content.decode()
    assert 'hx-swap-oob="true"' in response.content.decode()
    assert f"/import/runs/{run.pk}/" in response.content.decode()
    assert signed_in(mia).get(address(run)).status_code == 200


def test_cancel_is_a_post(run: Run, mia: User) -> None:
    client = signed_in(mia)
    assert client.get(address(run, "cancel/")).status_code == 405
    assert client.post(address(run, "cancel/")).url == address(run)  # type: ignore[attr-defined]
    run.refresh_from_db()
    assert run.status == "cancelled"
    with carry(run.pk) as ticket:
        assert ticket is None


def test_a_cancel_without_token_is_refused(run: Run, mia: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(mia)
    assert client.post(address(run, "cancel/")).status_code == 403
    run.refresh_from_db()
    assert run.status == "queued"


@pytest.mark.parametrize("name", ["ana", "ada", "vic", "cy"])
def test_others_get_404(run: Run, name: str, request: pytest.FixtureRequest) -> None:
    client = signed_in(request.getfixturevalue(name))
    assert client.get(address(run)).status_code == 404
    assert client.post(address(run, "cancel/")).status_code == 404
    assert client.get(f"/p/{run.project.slug}/runs/").status_code == 404


def test_a_missing_worker_is_named(
    run: Run, mia: User, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "STARTED_AT", timezone.now() - queries.STARTING)
    settings.CELERY_TASK_ALWAYS_EAGER = False  # type: ignore[attr-defined]
    assert "No worker answers" in signed_in(mia).get(address(run)).content.decode()


def test_the_list_shows_the_newest_first(run: Run, mia: User) -> None:
    page = signed_in(mia).get(f"/p/{run.project.slug}/runs/").content.decode()
    assert address(run) in page
