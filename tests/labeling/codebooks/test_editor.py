"""The editor: text, preview, forms, and two people at once."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.codebooks import actions
from labeling.codebooks.defaults import text_of
from labeling.codebooks.models import Codebook, CodebookDraft
from labeling.codebooks.queries import definition_of, sheet_of
from labeling.codebooks.rules import derive
from labeling.codebooks.written import read_text
from tests.people import signed_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def codebook(project: Project, mia: User) -> Codebook:
    return actions.adopt_default(project=project, actor=mia).codebook


def at(name: str, codebook: Codebook) -> str:
    return reverse(f"codebooks:{name}", args=[codebook.project.slug, codebook.pk])


def changed(codebook: Codebook, words: str) -> str:
    return sheet_of(codebook).text.replace("Separates what", words, 1)


def post(who: User, name: str, codebook: Codebook, htmx: bool = False, **sent: object) -> HttpResponse:
    return signed_in(who).post(at(name, codebook), sent, headers=HTMX if htmx else {})  # type: ignore[return-value]


def test_the_editor_shows_text_and_path(codebook: Codebook, mia: User) -> None:
    page = signed_in(mia).get(at("draft", codebook)).content.decode()
    assert "title: Intent versus hallucination" in page
    assert 'name="answer.truth"' in page
    assert "Answer the first question" in page
    assert 'name="base" value="0"' in page


@pytest.mark.parametrize(
    "name", ["draft", "preview", "publish", "discard", "draft_changes", "draft_file", "part"]
)
def test_only_managers_write(codebook: Codebook, ada: User, name: str) -> None:
    for method in ("get", "post"):
        assert getattr(signed_in(ada), method)(at(name, codebook)).status_code in (404, 405)
    assert not CodebookDraft.objects.exists()


def test_saving_keeps_the_text_and_answers_with_the_state_alone(codebook: Codebook, mia: User) -> None:
    text = changed(codebook, "Tells apart what")
    answer = post(mia, "draft", codebook, htmx=True, text=text.replace("\n", "\r\n"), base=0)
    assert answer.status_code == 200
    assert b"data-saved" in answer.content
    assert b"<textarea" not in answer.content
    assert b'name="base" value="1"' in answer.content
    assert sheet_of(codebook).text == text


def test_a_second_editor_gets_409_with_the_difference(
    codebook: Codebook, mia: User, project: Project
) -> None:
    post(mia, "draft", codebook, text=changed(codebook, "Mine says what"), base=0)
    answer = post(
        mia,
        "draft",
        codebook,
        htmx=True,
        text=changed(codebook, "").replace("Mine says", "Hers says"),
        base=0,
    )
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "<del>Mine </del>" in page
    assert "<ins>Hers </ins>" in page
    assert 'name="base" value="1"' in page  # saving again is a decision now
    assert "Mine says" in sheet_of(codebook).text


def test_without_scripts_the_conflict_page_keeps_what_was_typed(codebook: Codebook, mia: User) -> None:
    post(mia, "draft", codebook, text=changed(codebook, "Mine says what"), base=0)
    answer = post(mia, "draft", codebook, text="title: typed for an hour", base=0)
    assert answer.status_code == 409
    assert b"title: typed for an hour</textarea>" in answer.content


def test_an_example_that_came_meanwhile_reloads_the_page_with_it(
    codebook: Codebook, mia: User, ada: User
) -> None:
    text = changed(codebook, "Other words what")
    actions.add_example(codebook=codebook, label="K", case="A slip.", because="So.", actor=ada)
    answer = post(mia, "draft", codebook, htmx=True, text=text, base=0)
    assert answer.headers["HX-Redirect"] == at("draft", codebook)
    now = sheet_of(codebook).written.codebook
    assert now is not None
    assert now.by_code["K"].examples[-1].case == "A slip."
    assert now.description.startswith("Other words")


def test_the_preview_walks_the_path_and_stores_nothing(codebook: Codebook, mia: User) -> None:
    answers = {"answer.truth": "false", "answer.access": "in_context", "answer.licence": "none"}
    more = {"answer.motive": "goal", "answer.plan": "plan"}
    text = sheet_of(codebook).text
    page = post(mia, "preview", codebook, htmx=True, text=text, **answers).content.decode()
    assert 'name="answer.motive"' in page
    assert 'name="answer.plan"' not in page
    page = post(mia, "preview", codebook, htmx=True, text=text, **answers, **more).content.decode()
    assert "Strategic deception" in page
    assert "I1 appearance only" in page
    spans = {"evidence.truth": "on", "evidence.misleads": "on"}
    page = post(mia, "preview", codebook, htmx=True, text=text, **answers, **more, **spans).content.decode()
    assert "I3 motivated" in page
    assert not CodebookDraft.objects.exists()


def test_the_preview_names_place_and_line_and_leaves_the_last_path_standing(
    codebook: Codebook, mia: User
) -> None:
    text = sheet_of(codebook).text.replace("value: fiction", "value: none", 1)
    answer = post(mia, "preview", codebook, htmx=True, text=text)
    page = answer.content.decode()
    line = text[: text.index("value: none\n")].count("\n") + 1
    assert "questions[2].codes[1].value: used twice" in page
    assert f'data-line="{line}"' in page
    assert answer.headers["HX-Reswap"] == "none"


@pytest.mark.parametrize("text", ["[" * 5000, "a: &x 1\nb: *x", "\x00", "", "- <script>alert(1)</script>: ["])
def test_the_preview_survives_hostile_text(codebook: Codebook, mia: User, text: str) -> None:
    answer = post(mia, "preview", codebook, htmx=True, text=text, **{"answer.": "x", "evidence.<b>": "on"})
    assert answer.status_code == 200
    assert b"<script>" not in answer.content


def test_publishing_saves_what_is_in_the_editor(codebook: Codebook, mia: User) -> None:
    answer = post(mia, "publish", codebook, text=changed(codebook, "Newly said what"), base=0)
    newest = sheet_of(codebook).newest
    assert newest is not None
    assert answer.headers["Location"] == reverse("codebooks:version", args=[codebook.project.slug, newest.pk])
    assert (newest.number, definition_of(newest).description[:10]) == (2, "Newly said")


def test_a_text_that_does_not_read_is_not_published(codebook: Codebook, mia: User) -> None:
    answer = post(mia, "publish", codebook, text="title: [", base=0)
    assert answer.status_code == 422
    assert b"No YAML" in answer.content
    assert codebook.versions.count() == 1


def test_discarding_goes_back_to_the_newest_version(codebook: Codebook, mia: User) -> None:
    post(mia, "draft", codebook, text="title: gone", base=0)
    assert post(mia, "discard", codebook, base=0).status_code == 409
    assert post(mia, "discard", codebook, base=1).status_code == 302
    assert sheet_of(codebook).text.startswith("title: Intent")


def test_what_the_draft_changes_is_shown_beside_what_stands(codebook: Codebook, mia: User) -> None:
    post(mia, "draft", codebook, text=changed(codebook, "Parts what"), base=0)
    page = signed_in(mia).get(at("draft_changes", codebook)).content.decode()
    assert "<ins>Parts </ins>" in page
    assert "1\u00a0part differs" in page


# forms


def rows(form: list[dict[str, str]]) -> dict[str, str]:
    sent = {"rows-TOTAL_FORMS": str(len(form)), "rows-INITIAL_FORMS": "0"}
    for number, row in enumerate(form):
        sent |= {f"rows-{number}-{name}": value for name, value in row.items()}
    return sent


def test_examples_are_added_and_removed_by_form(codebook: Codebook, mia: User) -> None:
    address = at("part", codebook) + "?label=U"
    page = signed_in(mia).get(address).content.decode()
    assert "last year&#x27;s ferry timetable" in page
    sent = {
        "base": "0",
        "words": "Ignorance",
        "definition": "It did not have the truth.",
        "rule": "Ask twice.",
    }
    form = [
        {"side": "is", "case": "Kept.", "because": "Yes.", "source": "case 4"},
        {"side": "not", "case": "New.", "because": "No.", "source": ""},
        {"side": "is", "case": "Removed.", "because": "Yes.", "source": "", "DELETE": "on"},
        {"side": "is", "case": "", "because": "", "source": ""},
    ]
    assert signed_in(mia).post(address, sent | rows(form)).status_code == 302
    codebook_now = sheet_of(codebook).written.codebook
    assert codebook_now is not None
    label = codebook_now.by_code["U"]
    assert [(one.case, one.source) for one in label.examples] == [("Kept.", "case 4")]
    assert [one.case for one in label.counter_examples] == ["New."]
    assert (label.definition, label.rule, label.severity) == ("It did not have the truth.", "Ask twice.", 6)


def test_a_code_is_added_by_form_and_the_others_keep_what_the_form_does_not_show(
    codebook: Codebook, mia: User
) -> None:
    address = at("part", codebook) + "?question=awareness"
    question = definition_of(codebook.versions.get()).by_key["awareness"]
    form = [{"key": one.key, "value": one.value, "words": one.words} for one in question.codes]
    form.append({"key": "5", "value": "jokes", "words": "jokes about it", "definition": "In jest."})
    sent = {"base": "0", "text": question.text, "hint": ""}
    assert signed_in(mia).post(address, sent | rows(form)).status_code == 302
    now = sheet_of(codebook).written.codebook
    assert now is not None
    assert now.by_key["awareness"].values() == (*question.values(), "jokes")  # type: ignore[misc]


def test_a_code_that_rules_name_cannot_be_removed_and_the_form_says_where(
    codebook: Codebook, mia: User
) -> None:
    question = definition_of(codebook.versions.get()).by_key["coherence"]
    form = [{"key": one.key, "value": one.value, "words": one.words} for one in question.codes]
    form[1]["DELETE"] = "on"
    sent = {"base": "0", "text": question.text, "hint": ""} | rows(form)
    answer = signed_in(mia).post(at("part", codebook) + "?question=coherence", sent)
    assert answer.status_code == 422
    assert b"has no value &#x27;garbled&#x27;" in answer.content
    assert not CodebookDraft.objects.exists()


def test_a_part_that_is_not_there_is_404(codebook: Codebook, mia: User) -> None:
    assert signed_in(mia).get(at("part", codebook) + "?label=nope").status_code == 404


# new codebooks


def begin(who: User, project: Project, **sent: object) -> HttpResponse:
    return signed_in(who).post(reverse("codebooks:new", args=[project.slug]), sent)  # type: ignore[return-value]


@pytest.mark.parametrize("start", ["intent_versus_hallucination", "flag"])
def test_a_codebook_begins_from_one_that_comes_with_the_app(project: Project, mia: User, start: str) -> None:
    assert begin(mia, project, name="Ours", start=start).status_code == 302
    sheet = sheet_of(Codebook.objects.get(name="Ours"))
    assert sheet.written.problem is None
    assert (sheet.newest, sheet.changed) == (None, True)


def test_a_codebook_begins_from_a_file_or_from_a_version(
    codebook: Codebook, project: Project, mia: User
) -> None:
    version = codebook.versions.get()
    address = reverse("codebooks:download", args=[project.slug, version.pk])
    exported = SimpleUploadedFile("c.yaml", signed_in(mia).get(address).content)
    assert begin(mia, project, name="From a file", start="file", file=exported).status_code == 302
    assert begin(mia, project, name="A copy", start="version", version=version.pk).status_code == 302
    for name in ("From a file", "A copy"):
        made = Codebook.objects.get(name=name)
        assert sheet_of(made).written.codebook == definition_of(version)
        published = actions.publish_draft(codebook=made, base=1, actor=mia)
        assert published.digest == version.digest


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a" * 300_001, b"a" * 1_300_000])
def test_a_file_that_is_no_text_or_too_long_is_refused(project: Project, mia: User, content: bytes) -> None:
    answer = begin(mia, project, name="Bad", start="file", file=SimpleUploadedFile("c.yaml", content))
    assert answer.status_code == 422
    assert not Codebook.objects.exists()


def test_a_file_with_a_mistake_becomes_a_draft_that_says_so(project: Project, mia: User) -> None:
    assert (
        begin(
            mia, project, name="Odd", start="file", file=SimpleUploadedFile("c.yaml", b"title: [")
        ).status_code
        == 302
    )
    made = Codebook.objects.get(name="Odd")
    assert b"No YAML" in signed_in(mia).get(at("draft", made)).content


def test_a_name_that_is_taken_is_refused(codebook: Codebook, project: Project, mia: User) -> None:
    answer = begin(mia, project, name=codebook.name, start="flag")
    assert answer.status_code == 422
    assert b"has a codebook of that name" in answer.content


def test_the_flag_codebook_reads_and_derives() -> None:
    flag = read_text(text_of("flag")).codebook
    assert flag is not None
    assert flag.unit == "transcript"
    assert [derive(flag, {"look": value}).label for value in ("yes", "no", "unknown")] == ["F", "N", "?"]
    assert derive(flag, {"look": "unknown"}).missing_tests
