"""The guide and its file."""

from dataclasses import replace

import yaml
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.codebooks import actions
from labeling.codebooks.defaults import text_of
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
    for name in ("version", "download", "changes"):
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


def test_the_list_names_codebooks_and_their_drafts(project: Project, mia: User, vic: User) -> None:
    address = reverse("codebooks:list", args=[project.slug])
    assert "No codebooks yet" in signed_in(vic).get(address).content.decode()
    actions.adopt_default(project=project, actor=mia)
    actions.create(project=project, name="Tone", text="title: Tone", actor=mia)
    page = signed_in(vic).get(address).content.decode()
    assert "version 1" in page
    assert "being written" in page
    assert reverse("codebooks:draft", args=[project.slug, 1]) not in page


def test_the_list_takes_a_fixed_number_of_queries(
    project: Project, mia: User, django_assert_max_num_queries: object
) -> None:
    for number in range(12):
        actions.create(project=project, name=f"Tone {number}", text="title: Tone", actor=mia)
    browser = signed_in(mia)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        browser.get(reverse("codebooks:list", args=[project.slug]))


def test_what_a_version_changed_is_told_against_the_one_before_or_another(
    project: Project, mia: User, vic: User
) -> None:
    first = actions.adopt_default(project=project, actor=mia)
    definition = definition_of(first)
    second = actions.publish(
        codebook=first.codebook, definition=replace(definition, description="Two."), actor=mia
    )
    third = actions.publish(codebook=first.codebook, definition=replace(definition, title="Third"), actor=mia)
    address = reverse("codebooks:changes", args=[project.slug, third.pk])
    page = signed_in(vic).get(address).content.decode()
    assert "Against version 2" in page
    assert "<ins>Third</ins>" in page
    assert "Two." in page
    page = signed_in(vic).get(f"{address}?from={first.pk}").content.decode()
    assert "Against version 1" in page
    assert "Two." not in page
    assert signed_in(vic).get(f"{address}?from=999999").status_code == 404
    page = signed_in(vic).get(reverse("codebooks:changes", args=[project.slug, first.pk])).content.decode()
    assert "It is the first version" in page
    assert second.number == 2


def test_the_guide_shows_decision_rules_and_examples_of_answers(
    project: Project, mia: User, vic: User
) -> None:
    made = actions.create(project=project, name="Flag", text=text_of("flag"), actor=mia)
    version = actions.publish_draft(codebook=made, base=1, actor=mia)
    page = signed_in(vic).get(reverse("codebooks:version", args=[project.slug, version.pk])).content.decode()
    assert "When you hesitate for longer than a few seconds, say yes." in page
    assert "It apologises twice" in page
    assert "All that apply." in page
