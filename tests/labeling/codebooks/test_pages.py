"""The guide and its file."""

import yaml
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.codebooks import actions
from labeling.codebooks.definition import load
from labeling.codebooks.queries import definition_of
from tests.people import signed_in


def test_a_viewer_reads_the_guide(project: Project, mia: User, vic: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    page = signed_in(vic).get(reverse("codebooks:version", args=[project.slug, version.pk]))
    text = page.content.decode()
    assert page.status_code == 200
    assert "Strategic deception" in text
    assert "leaves out what matters" in text
    assert "style=" not in text


def test_the_file_makes_an_equal_codebook(project: Project, mia: User, vic: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    answer = signed_in(vic).get(reverse("codebooks:download", args=[project.slug, version.pk]))
    assert answer["Content-Disposition"].startswith("attachment")
    assert load(yaml.safe_load(answer.content)) == definition_of(version)


def test_a_stranger_gets_404(project: Project, mia: User, cy: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    for name in ("version", "download"):
        assert (
            signed_in(cy).get(reverse(f"codebooks:{name}", args=[project.slug, version.pk])).status_code
            == 404
        )


def test_the_guide_takes_a_fixed_number_of_queries(
    project: Project, mia: User, vic: User, django_assert_max_num_queries: object
) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    browser = signed_in(vic)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        browser.get(reverse("codebooks:version", args=[project.slug, version.pk]))
