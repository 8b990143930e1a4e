"""Pages of datasets: who sees what, downloads that are downloads, and words that stay words."""

from typing import Any

from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.datasets.models import Release
from labeling.queues import actions as queues
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.people import signed_in

HOSTILE = '<script>alert("x")</script>'


def url(name: str, project: Project, *args: Any) -> str:
    return reverse(f"datasets:{name}", args=[project.slug, *args])


def test_a_manager_makes_a_dataset_by_form(
    project: Project, round: Round, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    browser = signed_in(mia)
    assert "Round one" in browser.get(url("new", project)).content.decode()
    form = {"name": "By form", "round": round.pk, "licence": "cc0-1.0", "include_text": "on", "seed": "0"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = browser.post(url("new", project), form)
    release = Release.objects.get(name="By form")
    assert answer["Location"] == url("release", project, release.pk)
    assert (release.parameters["licence"], release.parameters["evidence"]) == ("cc0-1.0", "none")
    page = browser.get(answer["Location"]).content.decode()
    assert "labels.parquet" in page
    assert "style=" not in page


def test_a_taken_name_comes_back_as_an_error(project: Project, round: Round, mia: User) -> None:
    released(round, mia)
    form = {"name": "First", "round": round.pk, "licence": "cc0-1.0", "seed": "0"}
    answer = signed_in(mia).post(url("new", project), form)
    assert answer.status_code == 422
    assert "never overwritten" in answer.content.decode()


def test_only_managers_make_datasets(project: Project, round: Round, ada: User, vic: User, cy: User) -> None:
    for person in (ada, vic, cy):
        assert signed_in(person).get(url("new", project)).status_code == 404
        assert signed_in(person).post(url("new", project), {}).status_code == 404


def test_a_viewer_reads_and_downloads(project: Project, round: Round, mia: User, vic: User) -> None:
    release = released(round, mia)
    browser = signed_in(vic)
    assert "First" in browser.get(url("list", project)).content.decode()
    assert "Cite as" in browser.get(url("release", project, release.pk)).content.decode()
    for file in release.files.all():
        answer: Any = browser.get(url("download", project, release.pk, file.name))
        content = b"".join(answer.streaming_content)
        assert len(content) == file.size
        assert answer["Content-Disposition"] == f'attachment; filename="{file.name}"'
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert not answer["Content-Type"].startswith("text/html")


def test_a_stranger_gets_404_everywhere(project: Project, round: Round, mia: User, cy: User) -> None:
    release = released(round, mia)
    browser = signed_in(cy)
    for address in (
        url("list", project), url("release", project, release.pk), url("download", project, release.pk, "labels.jsonl")
    ):  # fmt: skip
        assert browser.get(address).status_code == 404
    assert browser.post(url("build_again", project, release.pk)).status_code == 404


def test_a_release_of_another_project_is_not_there(
    project: Project, round: Round, mia: User, cy: User
) -> None:
    from auditor.accounts.actions import create_project

    release = released(round, mia)
    other = create_project(name="Other", owner=cy)
    assert signed_in(cy).get(url("release", other, release.pk)).status_code == 404
    assert signed_in(cy).get(url("download", other, release.pk, "labels.jsonl")).status_code == 404


def test_a_name_that_is_no_file_is_not_found(project: Project, round: Round, mia: User) -> None:
    release = released(round, mia)
    for name in ("other.txt", "..%2f..%2fetc%2fpasswd", "labels.jsonl%00"):
        assert signed_in(mia).get(url("release", project, release.pk) + "files/" + name).status_code == 404


def test_a_reviewer_of_the_open_round_cannot_read_others_labels_in_the_release(
    project: Project, round: Round, mia: User, ana: User
) -> None:
    release = released(round, mia)
    browser = signed_in(ana)
    page = browser.get(url("release", project, release.pk)).content.decode()
    assert "still hidden from you" in page
    assert "labels.jsonl" not in page
    assert "Strategic deception" not in page
    assert browser.get(url("download", project, release.pk, "labels.jsonl")).status_code == 404
    queues.close_round(round=round, actor=mia)
    answer: Any = browser.get(url("download", project, release.pk, "labels.jsonl"))
    assert b"Strategic deception" in b"".join(answer.streaming_content)


def test_hostile_names_stay_words(project: Project, round: Round, mia: User) -> None:
    release = released(round, mia, HOSTILE)
    for address in (url("list", project), url("release", project, release.pk)):
        text = signed_in(mia).get(address).content.decode()
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


def test_an_open_run_is_followed_and_a_failed_one_offered_again(
    project: Project, mia: User, vic: User, ana: User, bo: User
) -> None:
    made = make.round(project, [make.transcript(project)], [ana, bo])
    release = released(made, mia)
    page = signed_in(mia).get(url("release", project, release.pk)).content.decode()
    assert "Nothing to release yet" in page
    assert "Build it again" in page
    assert "Build it again" not in signed_in(vic).get(url("release", project, release.pk)).content.decode()
    signed_in(mia).post(url("build_again", project, release.pk))
    page = signed_in(mia).get(url("release", project, release.pk)).content.decode()
    assert 'hx-trigger="every 2s"' in page


def test_empty_lists_say_what_to_do(project: Project, mia: User, vic: User) -> None:
    assert "Make the first" in signed_in(mia).get(url("list", project)).content.decode()
    assert "A manager makes one" in signed_in(vic).get(url("list", project)).content.decode()
    assert "No round to take labels from" in signed_in(mia).get(url("new", project)).content.decode()


def test_pages_take_a_fixed_number_of_queries(
    project: Project, round: Round, mia: User, django_assert_max_num_queries: Any
) -> None:
    releases = [released(round, mia, f"Release {n}") for n in range(3)]
    browser = signed_in(mia)
    with django_assert_max_num_queries(8):
        browser.get(url("list", project))
    with django_assert_max_num_queries(12):
        browser.get(url("release", project, releases[0].pk))
