"""Pages that bring a dataset in and hand one out as an archive."""

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.datasets.models import ReleaseImport
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_round_trip import elsewhere as elsewhere
from tests.people import signed_in


def url(name: str, project: Project, *args: Any) -> str:
    return reverse(f"datasets:{name}", args=[project.slug, *args])


def test_an_archive_that_is_handed_out_comes_in_again(
    project: Project, round: Round, elsewhere: Project, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    browser = signed_in(mia)
    release = released(round, mia, "Über <1>")
    answer: Any = browser.get(url("archive", project, release.pk))
    data = b"".join(answer.streaming_content)
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == release.files.count()
    again: Any = browser.get(url("archive", project, release.pk))
    assert b"".join(again.streaming_content) == data
    assert "Import a dataset" in browser.get(url("bring", elsewhere)).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        sent = browser.post(url("bring", elsewhere), {"file": SimpleUploadedFile("it.zip", data)})
    into = ReleaseImport.objects.get()
    assert sent["Location"] == url("imported", elsewhere, into.pk)
    page = browser.get(sent["Location"]).content.decode()
    assert "All of it is here" in page
    assert "Über &lt;1&gt;" in page
    assert "hx-trigger" not in page
    assert into.run is not None
    assert browser.get(url("job", elsewhere, into.run.pk))["Location"] == sent["Location"]
    assert release.run is not None
    assert browser.get(url("job", project, release.run.pk))["Location"] == url("release", project, release.pk)
    assert "it.zip" not in signed_in(mia).get(url("bring", project)).content.decode()


def test_what_is_no_release_says_so_on_its_page(
    elsewhere: Project, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    browser = signed_in(mia)
    with django_capture_on_commit_callbacks(execute=True):
        sent = browser.post(url("bring", elsewhere), {"file": SimpleUploadedFile("<b>.zip", b"no archive")})
    page = browser.get(sent["Location"]).content.decode()
    assert "the archive cannot be read" in page
    assert "<b>.zip" not in page


def test_nothing_and_too_much_come_back_as_an_error(elsewhere: Project, mia: User, settings: Any) -> None:
    browser = signed_in(mia)
    assert "Choose the archive" in browser.post(url("bring", elsewhere), {}).content.decode()
    settings.MAX_UPLOAD_BYTES = 10
    answer = browser.post(url("bring", elsewhere), {"file": SimpleUploadedFile("it.zip", b"x" * 11)})
    assert (answer.status_code, "manage.py release import" in answer.content.decode()) == (422, True)
    assert ReleaseImport.objects.count() == 0


def test_only_managers_bring_datasets_in(elsewhere: Project, project: Project, ada: User, vic: User) -> None:
    for person in (ada, vic):
        assert signed_in(person).get(url("bring", project)).status_code == 404
        assert signed_in(person).post(url("bring", project), {}).status_code == 404


@pytest.mark.parametrize("page", ["archive", "job"])
def test_who_is_blind_gets_no_archive(
    project: Project, round: Round, mia: User, ana: User, page: str
) -> None:
    release = released(round, mia)
    make.round(project, [round.items.order_by("order")[0].transcript], [ana, mia], overlap=1)
    pk = release.pk if page == "archive" else 10**9
    assert signed_in(ana).get(url(page, project, pk)).status_code == 404
