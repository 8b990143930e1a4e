"""The pages of models, dictionaries and captures."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.interp import reader, tasks
from auditor.interp.actions.captures import Wanted
from auditor.interp.forms import numbers_in
from auditor.interp.models import Capture, Dictionary, ExplanationFile, Feature, SubjectModel
from auditor.interp.tokenview import pieces_of
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scripted import Script
from tests.people import signed_in


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(reader, "open_reader", made.open_reader)
    return made


def page(user: User, name: str, project: Project, *args: object, query: str = "") -> str:
    answer = signed_in(user).get(reverse(f"interp:{name}", args=[project.slug, *args]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_library_says_what_to_do_next(project: Project, mia: User, vic: User, tmp_path: Path) -> None:
    words = page(mia, "list", project)
    assert "No subject model yet" in words
    assert "a manager of this project" in page(vic, "list", project).lower()
    scene.subject(project, mia)
    scene.dictionary(project, mia, tmp_path)
    scene.probe(project, mia)
    words = page(mia, "list", project)
    assert "Nothing has been read yet" in words
    for name in ("Tiny", "res1", "Lies v1", "high is deceptive"):
        assert name in words


def test_a_model_is_registered_from_an_allowed_folder(
    project: Project, mia: User, tmp_path: Path, settings
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "org" / "tiny").mkdir(parents=True)
    (tmp_path / "org" / "tiny" / "config.json").write_text("{}")
    settings.MODEL_FOLDERS = [str(tmp_path)]
    assert '<option value="org/tiny">' in page(mia, "new_subject", project)
    address = reverse("interp:new_subject", args=[project.slug])
    said = {"name": "Tiny", "source": "folder", "reference": "../x", "dtype": "float32", "device": "auto"}
    refused = signed_in(mia).post(address, said)
    assert refused.status_code == 422
    assert "no path below a folder of models" in refused.content.decode()
    assert signed_in(mia).post(address, said | {"reference": "org/tiny"}).status_code == 302
    words = page(mia, "subject", project, "tiny")
    assert 'hx-trigger="every 1s"' in words
    assert "Checking" in words


def test_a_checked_model_shows_facts_and_its_example_token_by_token(project: Project, mia: User) -> None:
    scene.subject(project, mia)
    words = page(mia, "subject", project, "tiny")
    assert "LlamaForCausalLM" in words
    assert "1" * 64 in words
    assert 'data-says="Token 2: “Ja.”; number 2; message 1; counts towards readings"' in words
    assert "special" in words


def test_tokens_that_share_a_character_stand_on_one_piece() -> None:
    tokens = [[0, 1, 7, 0, 0, 1], [1, 2, 8, 0, 0, 1], [1, 2, 9, 0, 0, 1], [3, 4, 5, -1, 1, 0]]
    found = pieces_of({"rendered": "a✅ b!", "tokens": tokens})
    assert [(one.text, one.tokens) for one in found] == [
        ("a", (1,)),
        ("✅", (2, 3)),
        (" ", ()),
        ("b", (4,)),
        ("!", ()),
    ]
    assert "which share it" in found[1].says
    assert "".join(one.text for one in found) == "a✅ b!"
    assert pieces_of({}) == []


def test_a_refused_model_says_why_and_can_be_checked_again(project: Project, mia: User) -> None:
    found = scene.subject(project, mia, state="refused", words="It has no safetensors.", digest="")
    assert "It has no safetensors." in page(mia, "subject", project, found.slug)
    answer = signed_in(mia).post(reverse("interp:check", args=[project.slug, found.slug]))
    assert answer.status_code == 409  # its run is gone
    assert "Register it once more" in answer.content.decode()


def test_archiving_puts_it_away_and_takes_it_out(
    project: Project, mia: User, vic: User, tmp_path: Path
) -> None:
    scene.subject(project, mia)
    scene.dictionary(project, mia, tmp_path)
    for name, slug, model in (
        ("archive_subject", "tiny", SubjectModel),
        ("archive_dictionary", "res1", Dictionary),
    ):
        address = reverse(f"interp:{name}", args=[project.slug, slug])
        assert signed_in(vic).post(address, {"archived": "1"}).status_code == 404
        assert signed_in(mia).post(address, {"archived": "1"}).status_code == 302
        assert model.objects.get().archived_at is not None
        assert signed_in(mia).post(address, {"archived": "0"}).status_code == 302
        assert model.objects.get().archived_at is None


def test_a_dictionary_is_uploaded_and_a_bad_one_says_why(project: Project, mia: User, tmp_path: Path) -> None:
    place = scene.folder(tmp_path)
    address = reverse("interp:new_dictionary", args=[project.slug])

    def files(cfg: bytes) -> dict[str, object]:
        return {
            "name": "Res 1", "configuration": SimpleUploadedFile("cfg.json", cfg),
            "weights": SimpleUploadedFile("w.safetensors", (place / "sae_weights.safetensors").read_bytes()),
        }  # fmt: skip

    bad = signed_in(mia).post(address, files(b'{"architecture": "nonsense"}'))
    assert bad.status_code == 422
    assert "is not read here" in bad.content.decode()
    good = signed_in(mia).post(address, files((place / "cfg.json").read_bytes()))
    assert good.headers["Location"] == reverse("interp:dictionary", args=[project.slug, "res-1"])
    assert "Nothing is known of its features yet" in page(mia, "dictionary", project, "res-1")


def test_explanations_come_in_and_are_found(project: Project, mia: User, tmp_path: Path) -> None:
    found = scene.dictionary(project, mia, tmp_path)
    lines = [
        {"index": 3, "description": "talk of lies", "explanationModelName": "gpt", "frac_nonzero": 0.5},
        {"index": 99, "description": "beyond"},
    ]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    file = SimpleUploadedFile("batch-0.jsonl", data)
    address = reverse("interp:explain", args=[project.slug, "res1"])
    answer = signed_in(mia).post(address, {"file": file, "context_tokens": "64"})
    assert answer.headers["Location"] == reverse("interp:dictionary", args=[project.slug, "res1"])
    handed = ExplanationFile.objects.get()
    waiting = page(mia, "dictionary", project, "res1")
    assert "batch-0.jsonl" in waiting
    assert 'hx-trigger="every 1s"' in waiting  # nothing is read inside the request
    tasks.explain(handed.run_id)
    tasks.explain(handed.run_id)  # rung twice
    words = page(mia, "dictionary", project, "res1")
    assert "1\u00a0new explanation and 1 densities of 1\u00a0feature; 1\u00a0line rejected" in words
    assert 'hx-trigger="every 1s"' not in words
    job = signed_in(mia).get(reverse("interp:job", args=[project.slug, handed.run_id]))
    assert job.headers["Location"] == reverse("interp:dictionary", args=[project.slug, "res1"])
    assert "batch-0.jsonl, line 2: there is no feature 99" in words
    assert "from snippets of 64\u00a0tokens" in words
    assert "talk of lies" in page(mia, "dictionary", project, "res1", query="?q=LIES")
    assert "No known feature is so" in page(mia, "dictionary", project, "res1", query="?q=nothing")
    fragment = signed_in(mia).get(
        reverse("interp:dictionary", args=[project.slug, "res1"]) + "?q=3", headers={"HX-Request": "true"}
    )
    assert fragment.content.decode().strip().startswith('<section id="features"')
    pinned = signed_in(mia).post(reverse("interp:pin", args=[project.slug, "res1"]), {"features": "3, 7-9"})
    assert pinned.status_code == 302
    assert list(Feature.objects.filter(dictionary=found, channel__isnull=False).values_list("index", flat=True)) == [3, 7, 8, 9]  # fmt: skip
    wrong = signed_in(mia).post(reverse("interp:pin", args=[project.slug, "res1"]), {"features": "3, x"})
    assert wrong.status_code == 422


def test_numbers_of_features() -> None:
    assert numbers_in("3, 7-9 #12;3") == [3, 7, 8, 9, 12]
    assert numbers_in(" ") == []
    for wrong in ("x", "9-7", "1-99999999", "-3", "٣"):
        with pytest.raises(ValidationError):
            numbers_in(wrong)


def test_a_capture_is_asked_for_on_its_page(
    project: Project, mia: User, script: Script, tmp_path: Path
) -> None:
    assert "A checked model comes first" in page(mia, "new_capture", project)
    scene.subject(project, mia)
    assert "Nothing to look with yet" in page(mia, "new_capture", project)
    make.transcript(project, external_id="one")
    probe, sae = scene.probe(project, mia), scene.dictionary(project, mia, tmp_path)
    words = page(mia, "new_capture", project, query="?q=cleared")
    assert "1\u00a0transcript" in words
    assert "how long is not known before its first capture" in words
    address = reverse("interp:new_capture", args=[project.slug]) + "?q=cleared"
    nothing = signed_in(mia).post(address, {"subject": "tiny"})
    assert nothing.status_code == 422
    assert "at least one probe or dictionary" in nothing.content.decode()
    said = {
        "subject": "tiny", "probes": [str(probe.pk)], f"mode_{sae.pk}": "watch", f"features_{sae.pk}": "5, 6", f"top_{sae.pk}": "32",
    }  # fmt: skip
    started = signed_in(mia).post(address, said)
    made = Capture.objects.get()
    assert started.headers["Location"] == reverse("interp:capture", args=[project.slug, made.pk])
    assert [(one.mode, one.features) for one in made.instruments.all()] == [("", []), ("watch", [5, 6])]
    assert "Waiting for the worker" in page(mia, "capture", project, made.pk)
    tasks.capture(made.run_id)
    words = page(mia, "capture", project, made.pk)
    assert "1 of 1 transcripts read" in words
    assert "bytes a token" in words
    assert "by watch-list" in words
    assert "about" in page(mia, "new_capture", project)  # how long is known now


def test_the_page_of_a_capture_polls_and_stops(project: Project, mia: User, script: Script) -> None:
    make.transcript(project)
    made = tasks.queue_capture(
        project=project, subject=scene.subject(project, mia), wanted=[Wanted(probe=scene.probe(project, mia))],
        chosen=Chosen(), actor=mia,
    )  # fmt: skip
    address = reverse("interp:capture", args=[project.slug, made.pk])
    ask = lambda: signed_in(mia).get(address, headers={"HX-Request": "true"})  # noqa: E731
    assert ask().status_code == 200
    assert 'hx-trigger="every 1s"' in ask().content.decode()
    for verb, status in (
        ("pause", "paused"),
        ("resume", "queued"),
        ("cancel", "cancelled"),
        ("resume", "queued"),
    ):
        form = reverse(f"runs:{verb}", args=[project.slug, made.run_id])
        there = signed_in(mia).post(form, {"back": "page"}, follow=True)
        assert there.redirect_chain[-1][0] == address
        assert Run.objects.get(pk=made.run_id).status == status
    script.breaks = "cleared"
    tasks.capture(made.run_id)
    assert ask().status_code == 286
    words = page(mia, "capture", project, made.pk)
    assert "no memory left" in words
    script.breaks = ""
    signed_in(mia).post(reverse("interp:retry", args=[project.slug, made.pk]))
    tasks.capture(made.run_id)
    assert "Nothing so far: every transcript fits" in page(mia, "capture", project, made.pk)
    assert "item-" in page(mia, "capture", project, made.pk, query="?state=done")


def test_a_job_leads_to_its_page(project: Project, mia: User, script: Script) -> None:
    made = tasks.queue_capture(
        project=project, subject=scene.subject(project, mia), wanted=[Wanted(probe=scene.probe(project, mia))],
        chosen=Chosen(), actor=mia,
    )  # fmt: skip
    answer = signed_in(mia).get(reverse("interp:job", args=[project.slug, made.run_id]))
    assert answer.headers["Location"] == reverse("interp:capture", args=[project.slug, made.pk])
    assert (
        "See what it read"
        in signed_in(mia).get(reverse("runs:run", args=[project.slug, made.run_id])).content.decode()
    )


def test_pages_say_that_no_worker_for_models_answers(
    project: Project, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("library", "captures"):
        monkeypatch.setattr(f"auditor.interp.views.{place}.worker_is_alive", lambda task: False)
    scene.subject(project, mia)
    for name in ("list", "new_capture"):
        assert "make interp" in page(mia, name, project)


def test_the_library_costs_a_fixed_number_of_queries(
    project: Project, mia: User, script: Script, django_assert_max_num_queries
) -> None:  # type: ignore[no-untyped-def]
    make.transcript(project, (ParsedMessage(role="user", text="x"),))
    found, probe = scene.subject(project, mia), scene.probe(project, mia)
    for _ in range(3):
        made = tasks.queue_capture(
            project=project, subject=found, wanted=[Wanted(probe=probe)], chosen=Chosen(), actor=mia
        )
        tasks.capture(made.run_id)
    browser = signed_in(mia)
    with django_assert_max_num_queries(14):
        browser.get(reverse("interp:list", args=[project.slug]))


def test_an_upload_of_explanations_is_read_as_a_stream(project: Project, mia: User, tmp_path: Path) -> None:
    scene.dictionary(project, mia, tmp_path)
    line = json.dumps({"index": 1, "description": "x", "activations": "y" * 3_000_000}).encode()
    file = io.BytesIO(line + b"\n")
    file.name = "large.jsonl"
    signed_in(mia).post(reverse("interp:explain", args=[project.slug, "res1"]), {"file": file})
    tasks.explain(ExplanationFile.objects.get().run_id)
    assert "1\u00a0new explanation" in page(mia, "dictionary", project, "res1")


def test_an_upload_of_explanations_may_not_be_endless(
    project: Project, mia: User, tmp_path: Path, settings: Any
) -> None:
    settings.MAX_UPLOAD_BYTES = 10
    scene.dictionary(project, mia, tmp_path)
    file = SimpleUploadedFile("x.jsonl", b'{"index": 1, "description": "x"}')
    answer = signed_in(mia).post(reverse("interp:explain", args=[project.slug, "res1"]), {"file": file})
    assert answer.status_code == 422
    assert "manage.py interp explanations reads files of any size" in answer.content.decode()
    assert not ExplanationFile.objects.exists()
