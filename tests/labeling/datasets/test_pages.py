"""Pages of datasets: who sees what, downloads that are downloads, and words that stay words."""

from typing import Any

from django.urls import reverse

from auditor.accounts.models import Project, Role, User
from labeling.datasets.models import Release
from labeling.queues import actions as queues
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_build import bytes_of
from tests.labeling.datasets.test_standing import refused
from tests.people import signed_in

HOSTILE = '<script>alert("x")</script>'


FORM = {
    "source": "adjudicated", "least_labels": 1, "split_seed": 3, "splits": "train 50%, test 50%", "messages": "on",
    "reasoning": "on", "tools": "on", "rationales": "on", "metadata": "*", "evidence": "none", "pseudonyms": "on",
    "seed": 0, "licence": "cc0-1.0", "redactions": "Ledger\n/sk-[a-z]+/", "formats": ["csv"],
}  # fmt: skip


def url(name: str, project: Project, *args: Any) -> str:
    return reverse(f"datasets:{name}", args=[project.slug, *args])


def test_a_manager_makes_a_dataset_by_form(
    project: Project, round: Round, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    browser = signed_in(mia)
    assert "Round one" in browser.get(url("new", project)).content.decode()
    form = {**FORM, "name": "By form", "rounds": [round.pk]}
    with django_capture_on_commit_callbacks(execute=True):
        answer = browser.post(url("new", project), form)
    release = Release.objects.get(name="By form")
    assert answer["Location"] == url("release", project, release.pk)
    assert (release.parameters["licence"], release.parameters["evidence"]) == ("cc0-1.0", "none")
    assert release.parameters["splits"] == [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}]
    assert [one["regex"] for one in release.parameters["redactions"]] == [False, True]
    page = browser.get(answer["Location"]).content.decode()
    assert "labels.csv" in page
    assert "sk-[a-z]" not in page
    assert "style=" not in page


def test_a_taken_name_comes_back_as_an_error(project: Project, round: Round, mia: User) -> None:
    released(round, mia)
    form = {**FORM, "name": "First", "rounds": [round.pk]}
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
    with django_assert_max_num_queries(14):
        browser.get(url("release", project, releases[0].pk))


def test_the_preview_counts_before_anything_is_built(
    project: Project, round: Round, mia: User, ada: User
) -> None:
    answer = signed_in(mia).post(url("preview", project), {**FORM, "rounds": [round.pk]})
    text = answer.content.decode().replace("\xa0", " ")
    assert "<b>2 records</b> of 4 items" in text
    assert "reviewers disagree and nobody has ruled yet" in text
    assert "train 2" in text  # both are of one prompt
    assert not Release.objects.exists()
    wrong = signed_in(mia).post(
        url("preview", project), {**FORM, "rounds": [round.pk], "splits": "train 0.5"}
    )
    assert "Shares add up to 1" in wrong.content.decode()
    assert signed_in(ada).post(url("preview", project), FORM).status_code == 404


def test_presets_fill_the_form(project: Project, round: Round, mia: User) -> None:
    page = signed_in(mia).get(url("new", project), {"preset": "train"}).content.decode()
    assert "train 0.8, validation 0.1, test 0.1" in page


def test_a_mistake_stands_beside_its_field(project: Project, round: Round, mia: User) -> None:
    for wrong, words in (
        ({"redactions": "/(a/"}, "cannot be read"),
        ({"where": "nonsense = = 1"}, "error"),
        ({"as_of": "yesterday"}, "A moment is written as"),
        ({"splits": "Train one"}, "a name and a share"),
        ({"rounds": []}, "required"),
    ):
        answer = signed_in(mia).post(
            url("new", project), {**FORM, "name": "Wrong", "rounds": [round.pk], **wrong}
        )
        assert answer.status_code == 422
        assert words in answer.content.decode()


def test_the_card_is_read_written_and_frozen(project: Project, round: Round, mia: User, vic: User) -> None:
    release = released(round, mia)
    browser = signed_in(mia)
    page = signed_in(vic).get(url("card", project, release.pk)).content.decode()
    assert "Krippendorff" in page
    assert "Write on the card" not in page
    assert signed_in(vic).post(url("card", project, release.pk), {"about": "x"}).status_code == 404
    said = {"about": "For **nobody** <script>alert(1)</script>", "limits": "", "uses": ""}
    assert browser.post(url("card", project, release.pk), said).status_code == 302
    page = browser.get(url("card", project, release.pk)).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    release.refresh_from_db()
    readme = release.files.get(name="README.md")
    assert {one["name"]: one["sha256"] for one in release.manifest["files"]}["README.md"] == readme.digest
    assert b"## What it is for" in bytes_of(release, "README.md")
    assert readme.digest in bytes_of(release, "SHA256SUMS").decode()
    browser.post(url("freeze", project, release.pk))
    assert browser.post(url("card", project, release.pk), {"about": "Otherwise"}).status_code == 422
    refused(release.files.filter(name="README.md").delete)


def test_a_dataset_that_must_be_kept_says_so(project: Project, round: Round, mia: User, ada: User) -> None:
    release = released(round, mia)
    owner = project.memberships.get(role=Role.OWNER).user
    assert signed_in(ada).post(url("keep", project, release.pk), {"kept": "1"}).status_code == 404
    signed_in(owner).post(url("keep", project, release.pk), {"kept": "1"})
    assert "must be kept" in signed_in(mia).get(url("release", project, release.pk)).content.decode()


def test_a_check_is_asked_for_and_its_end_is_shown(
    project: Project, round: Round, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    release = released(round, mia)
    with django_capture_on_commit_callbacks(execute=True):
        signed_in(mia).post(url("check", project, release.pk))
    assert (
        "the same, byte for byte" in signed_in(mia).get(url("release", project, release.pk)).content.decode()
    )
