"""A project in which every address has something to open, and canaries that nobody blind may hear."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from auditor.accounts import actions as accounts
from auditor.accounts.models import Membership, OneTimeLink, Project, Role, Scope, User
from auditor.accounts.tokens import make_token
from auditor.browse.actions import save_view
from auditor.corpus.models import Transcript
from auditor.evidence.actions import CitedQuote
from auditor.evidence.attach import attach_file
from auditor.evidence.blocks import NewBlock, write_blocks
from auditor.intake.actions import import_file
from auditor.intake.uploads import keep_upload
from auditor.interp.actions.captures import Wanted, open_capture
from auditor.interp.actions.explanations import hand_in
from auditor.interp.actions.trainings import open_training
from auditor.interp.models import Capture, CapturedTranscript, ProbeTraining
from auditor.judging.actions import open_injection_check, open_judging, open_preflight
from auditor.judging.models import JudgeRun, Preflight, Verdict, VerdictCall
from auditor.llm.models import Reply
from auditor.llm.trying import open_trial
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from auditor.webhooks.actions import subscribe
from auditor.webhooks.models import Delivery
from labeling.adjudication.actions import rule, settle
from labeling.adjudication.models import Case
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import Content
from labeling.datasets.actions import open_import, open_release
from labeling.datasets.tasks import build_release
from labeling.discussion.actions import open_thread, reply
from labeling.discussion.places import Anchor
from labeling.queues.actions import add_answers, close_round, create_gold_set, take_next
from labeling.queues.actions.checking import Answer
from labeling.queues.models import Item, Round
from labeling.validity.prevalence.actions import open_report
from labeling.validity.prevalence.queries import asked_of
from labeling.validity.tasks import compute_prevalence
from tests import make
from tests.auditor.evidence.test_layers import block
from tests.auditor.interp import scene as interp
from tests.auditor.judging.scene import endpoint as model_endpoint
from tests.auditor.judging.scene import version as judge_version
from tests.labeling.validity.scene import computed
from tests.people import person

MACHINE, PEOPLE = "machine-canary", "people-canary"
SAID_OF = "label.?~label.H"  # a contrast on which the channel's words stand beside the ruling
OPEN_TO_ALL = {
    "runtime:healthz",
    "accounts:sign_in",
    "accounts:link",
    "accounts:reset",
    "accounts:invitation",
    "api:schema",
}
OWN = {"overview:home", "overview:new_project", "accounts:sign_out", "accounts:profile", "api:api-root"}


def addresses() -> Iterator[tuple[str, set[str]]]:
    """Each address by name, with the parameters it takes."""

    def walk(
        patterns: list[URLPattern | URLResolver], space: str, taken: set[str]
    ) -> Iterator[tuple[str, set[str]]]:
        for pattern in patterns:
            takes = taken | set(pattern.pattern.converters)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, pattern.namespace or space, takes)
            elif space != "api" or pattern.name in ("api-root", "schema"):  # calls: see test_api_doors
                yield f"{space}:{pattern.name}", takes

    yield from walk(get_resolver().url_patterns, "", set())


@pytest.fixture
def scene(project: Project, mia: User, ana: User, bo: User, ada: User, tmp_path: Path) -> dict[str, int]:
    """Bo and Ada disagreed on a transcript long ago, and it was released; now Ana and Mia shall label it blind."""
    transcript = make.transcript(project, external_id="the-one", metadata={"note": MACHINE})
    judge = make.channel(project, notice="a notice", detail={"layer": 3})
    make.reading(
        judge,
        transcript,
        71.0,
        label=MACHINE,
        explanation=MACHINE,
        quotes=(CitedQuote(f"{MACHINE} said"),),
        detail={"x": MACHINE},
    )
    _read(project, transcript.pk)
    olga = person("Olga")
    accounts.add_member(project=project, user=olga, role=Role.OWNER, actor=mia)
    before = make.round(project, [transcript], [bo, ada], name="Long ago", actor=olga)
    for reviewer, truth in ((bo, "unverifiable"), (ada, "true")):
        lease = take_next(round=before, reviewer=reviewer)
        assert lease is not None
        said = Content.of(answers={"truth": truth}, rationale=PEOPLE)
        commit_blind(item=lease.item, reviewer=reviewer, content=said)
        commit_final(item=lease.item, reviewer=reviewer, content=said, base=0)
    settle(item=Item.objects.get(round=before))
    case = Case.objects.get()
    close_round(round=before, actor=olga)
    took = case.item.revisions.filter(stage="final", reviewer=bo).get()
    rule(case=case, adjudicator=olga, took=took, reason=PEOPLE)
    release = open_release(project=project, name="Released", rounds=[before], parameters={}, actor=olga)
    assert release.run_id is not None
    build_release(release.run_id)
    counted = open_report(
        asked=asked_of(before, "group:intent", olga, channel=judge.key, yes=[MACHINE]), actor=olga
    )
    assert counted.run_id is not None
    compute_prevalence(counted.run_id)
    computed(project, f"codebook:{before.codebook_version.codebook_id}", olga, SAID_OF)
    (tmp_path / "no.zip").write_bytes(b"no archive")
    brought = open_import(project=project, path=tmp_path / "no.zip", file_name="no.zip", actor=olga)
    now = make.round(project, [transcript], [ana, mia], name="Again", actor=olga)
    for reviewer in (ana, mia):
        assert take_next(round=now, reviewer=reviewer) is not None
    thread = open_thread(
        project=project, author=olga, text=f"@Ana and @Mia, {PEOPLE}", transcript_id=transcript.pk, addressed=[ana, mia],
        anchor=Anchor(1, "text", 0, 4, "Yes,"),
    )  # fmt: skip
    reply(thread=thread, author=bo, text=f"@Ana and @Mia: {PEOPLE}")
    return {
        **_files(project, olga, tmp_path), "thread": thread.pk, "comment": thread.comments.get(number=2).pk,
        "book": now.codebook_version.codebook_id, "transcript": transcript.pk, "channel": judge.pk, "round": now.pk,
        "before": before.pk, "counted": counted.pk, "brought": brought.pk, "bringing": brought.run_id or 0,
        "item": Item.objects.get(round=now).pk, "case": case.pk, "release": release.pk, "sample": now.sample_id,
        "codebook": now.codebook_version_id, "gold": _gold(project, olga, now, transcript.pk), "member": Membership.objects.get(user=ana).pk,
        "invitation": _invitation(project, olga), "token": _token(project, olga), **_webhook(project, olga),
        **_endpoint(project, olga),
        "view": save_view(project=project, owner=olga, name="Hers", query="where=judge.quill+>+1", shared=True).pk,
        **_judged(project, olga, transcript.pk), **_captured(project, olga, transcript.pk, tmp_path),
    }  # fmt: skip


def _read(project: Project, transcript_id: int) -> None:
    """A capture's block on the transcript, with a rendered text and what fires on its tokens."""
    probe = make.channel(project, "probe.own.v1", kind="probe", unit="token")
    values = replace(
        block((probe.key,), [[1.0] * 5], top=MACHINE), rendered=MACHINE, facts={"subject": MACHINE}
    )
    write_blocks(blocks=[NewBlock(transcript_id, [probe], values)], source="capture:1")


def _judged(project: Project, olga: User, transcript_id: int) -> dict[str, int]:
    """A judge that was asked about the transcript: its verdict, what was tried before, and a check."""
    version = judge_version(model_endpoint(project, olga, "https://192.0.32.10/v1"), olga, slug="own")
    judging = open_judging(version=version, chosen=Chosen(), actor=olga)
    said = {"rationale": MACHINE, "label": MACHINE, "values": {"candour": 7, "why": MACHINE}}
    quote = {
        "text": f"{MACHINE} said",
        "status": "not_found",
        "position": None,
        "part": "",
        "start": None,
        "end": None,
        "supports": "candour",
        "hint": 1,
    }
    verdict = Verdict.objects.create(
        run=judging,
        transcript_id=transcript_id,
        state="ok",
        quotes=[quote],
        unsupported=True,
        detail={"x": MACHINE},
        **said,
    )
    JudgeRun.objects.filter(pk=judging.pk).update(laid=True, n_transcripts=1)
    reply = Reply.objects.create(
        project=project,
        endpoint=version.endpoint,
        key="0" * 64,
        content=MACHINE,
        raw={"x": MACHINE},
        latency_ms=1,
        attempts=1,
    )
    VerdictCall.objects.create(verdict=verdict, ask=0, chunk=0, sends=1, reply=reply)
    preflight = open_preflight(version=version, chosen=Chosen(), actor=olga)
    tried = [
        {
            "transcript": transcript_id,
            "calls": [
                {"ask": 0, "chunk": 0, "turns": [{"role": "user", "content": MACHINE}], "reply": reply.pk}
            ],
            "verdict": {
                "state": "ok",
                "words": "",
                **said,
                "quotes": [quote],
                "unread": [],
                "detail": {},
                "unsupported": True,
            },
        }
    ]
    expected = {
        "transcripts": 1,
        "verdicts": 1,
        "calls": 1,
        "prompt_tokens": 9,
        "answer_tokens": 9,
        "cost": 5,
        "currency": "USD",
        "seconds": 1.0,
        "sized": 1,
        "characters_per_token": 4.0,
        "chunked": 0,
        "paid": 5,
    }
    Preflight.objects.filter(pk=preflight.pk).update(result={**expected, "tried": tried})
    Run.objects.filter(pk__in=[judging.run_id, preflight.run_id]).update(status="done")
    check = open_injection_check(version=version, actor=olga)
    return {
        "judge": version.judge.slug, "version": version.pk, "judging": judging.pk, "verdict": verdict.pk,
        "preflight": preflight.pk, "check": check.pk, "job": judging.run_id,
    }  # type: ignore[dict-item]  # fmt: skip


def _captured(project: Project, olga: User, transcript_id: int, folder: Path) -> dict[str, int]:
    """A model, a dictionary and a probe; a capture that could not read the transcript, and says what of it."""
    subject = interp.subject(project, olga)
    dictionary = interp.dictionary(project, olga, folder / "sae")
    handed = hand_in(
        dictionary=dictionary, chunks=[b'{"index": 1, "description": "x"}'], file_name="x.jsonl", actor=olga
    )
    probe = interp.probe(project, olga)
    made = open_capture(
        project=project, subject=subject, wanted=[Wanted(probe=probe), Wanted(dictionary=dictionary, features=[1])],
        chosen=Chosen(), actor=olga,
    )  # fmt: skip
    CapturedTranscript.objects.create(
        capture=made, transcript_id=transcript_id, state="not_fit", words=MACHINE, n_tokens=7
    )
    for channel in (probe.channel, project.channels.get(key="sae.res1.1")):
        spoken = {"position": 1, "part": "text", "start": 0, "end": 4, "label": MACHINE}
        make.reading(channel, Transcript.objects.get(pk=transcript_id), 3.0, **spoken)
    Capture.objects.filter(pk=made.pk).update(laid=True, n_transcripts=1)
    trained = open_training(
        project=project, subject=subject, name="Trained", actor=olga,
        examples=[{"transcript": transcript_id, "record": "r:0", "label": 1, "split": "", "held": False}],
        examples_from={"name": "First", "contrast": {"positive": ["D"], "negative": ["H"], "held_out": ""}},
    )  # fmt: skip
    ProbeTraining.objects.filter(pk=trained.pk).update(result={**interp.trained(), "warnings": [PEOPLE]})
    Run.objects.filter(pk__in=[made.run_id, trained.run_id]).update(status="done")
    return {
        "training": trained.pk, "capture": made.pk, "captured": made.run_id, "subject": subject.slug, "dictionary": dictionary.slug, "handed": handed.pk,
        "probe": probe.pk,
    }  # type: ignore[dict-item]  # fmt: skip


def _gold(project: Project, olga: User, round: Round, transcript_id: int) -> int:
    """What the transcript is known to be, in a gold set."""
    codebook = round.codebook_version.codebook
    made = create_gold_set(project=project, name="Known", codebook=codebook, actor=olga)
    answer = Answer(transcript_id, ("H",), explanation=PEOPLE)
    add_answers(gold_set=made, answers=[answer], codes="H", actor=olga)
    return made.pk


def _files(project: Project, olga: User, folder: Path) -> dict[str, int]:
    chat, evidence = folder / "chat.jsonl", folder / "evidence.jsonl"
    chat.write_text(json.dumps({"id": "other", "messages": [{"role": "user", "content": "hello"}]}))
    evidence.write_text(json.dumps({"transcript": {"id": "other"}, "channel": "probe.p", "value": 1}))
    batch = import_file(project=project, path=chat, file_name="chat.jsonl", format="openai_chat", actor=olga)
    attached = attach_file(project=project, path=evidence, file_name="evidence.jsonl", actor=olga)
    sent = SimpleUploadedFile("x.jsonl", chat.read_bytes())
    upload = keep_upload(project=project, files=[(sent, "x.jsonl")], actor=olga)
    assert batch.run_id is not None
    return {"batch": batch.pk, "attachment": attached.pk, "upload": upload.pk, "run": batch.run_id}


def _invitation(project: Project, olga: User) -> int:
    accounts.invite(project=project, role=Role.VIEWER, actor=olga)
    return OneTimeLink.objects.get(purpose="invitation").pk


def _token(project: Project, olga: User) -> int:
    hers = Membership.objects.get(user=olga, project=project)
    return make_token(membership=hers, name="export", scope=Scope.READ, actor=olga)[0].pk


def _webhook(project: Project, olga: User) -> dict[str, int]:
    hook = subscribe(project=project, url="https://192.0.32.10/hook", kinds=["round.*"], actor=olga)
    sent = Delivery.objects.create(
        subscription=hook, event_id=1, kind="round.opened", give_up_at=timezone.now(), state="delivered"
    )
    return {"webhook": hook.pk, "delivery": sent.pk}


def _endpoint(project: Project, olga: User) -> dict[str, int]:
    made = make.endpoint(project, "https://192.0.32.10/v1", name="Provider", created_by=olga)
    trial = open_trial(endpoint=made, model="ok", actor=olga)
    return {"endpoint": made.pk, "trial": trial.run_id}


# Which row an address with a number is about.
ROW = {
    "accounts:withdraw": "invitation", "accounts:reset_link": "member", "accounts:change_role": "member",
    "accounts:set_active": "member", "accounts:revoke_token": "token", "runs:run": "run", "runs:cancel": "run", "runs:pause": "run", "runs:resume": "run", "intake:preview": "upload",
    "intake:discard": "upload", "intake:add": "upload", "intake:batch": "batch", "intake:resume": "batch",
    "intake:undo": "batch", "intake:raw": "transcript", "intake:raw_file": "transcript", "intake:attachment": "attachment", "intake:result": "run",
    "browse:transcript": "transcript", "browse:change_view": "view", "browse:overview": "transcript", "browse:find": "transcript",
    "browse:part": "transcript", "browse:json": "transcript", "browse:heat": "transcript", "browse:features": "transcript",
    "browse:tokens": "transcript", "evidence:channel": "channel", "evidence:spread": "channel", "evidence:contrast": "channel",
    "llm:endpoint": "endpoint", "llm:remove_key": "endpoint", "llm:try": "endpoint", "llm:archive": "endpoint", "llm:tried": "trial",
    "webhooks:subscription": "webhook", "webhooks:switch": "webhook", "webhooks:remove": "webhook", "webhooks:send_again": "delivery",
    "sampling:sample": "sample", "judging:rubric": "version", "judging:job": "job", "judging:check": "version", "judging:injections": "check",
    "judging:preflight": "preflight", "judging:verdict": "verdict", "judging:calls": "verdict",
    **{f"judging:{page}": "judging" for page in ("run", "on", "retry", "cap")},
    "interp:job": "captured", "interp:training": "training",
    **{f"interp:{page}": "capture" for page in ("capture", "retry")},
    "sampling:extend": "sample", "sampling:download": "sample",
    "codebooks:version": "codebook", "codebooks:download": "codebook", "codebooks:changes": "codebook",
    "codebooks:draft": "book", "codebooks:preview": "book", "codebooks:publish": "book", "codebooks:discard": "book",
    "codebooks:draft_changes": "book", "codebooks:draft_file": "book", "codebooks:part": "book", "queues:round": "round", "queues:close": "round",
    "queues:add": "round", "queues:pause": "round", "queues:due": "round", "queues:share": "round", "queues:reassign": "round",
    "queues:drop": "round", "queues:resume": "round", "queues:extend": "round", "queues:feedback": "item",
    "queues:gold_set": "gold", "queues:gold_rulings": "gold", "queues:gold_remove": "gold", "annotations:desk": "round", "annotations:next": "round", "annotations:mine": "round",
    "annotations:item": "item", "annotations:draft": "item", "annotations:commit": "item", "annotations:skip": "item",
    "annotations:touched": "codebook", "annotations:label_again": "codebook", "annotations:touched_by_draft": "book",
    "annotations:alive": "item", "annotations:ahead": "item", "annotations:heat": "item", "annotations:features": "item", "adjudication:case": "case",
    "discussion:transcript": "transcript", "discussion:codebook": "book", "discussion:thread": "thread",
    "discussion:read": "thread", "discussion:resolve": "thread", "discussion:reopen": "thread",
    "discussion:edit": "comment", "discussion:remove": "comment", "discussion:answer": "comment",
    **{f"validity:prevalence_{page}": "counted" for page in ("report", "csv", "svg")},
    **{f"agreement:round{page}": "before" for page in ("", "_items", "_compute", "_csv", "_course")},
    **{f"agreement:codebook{page}": "book" for page in ("", "_items", "_compute", "_csv", "_course")},
    **{f"validity:channel{page}": "channel" for page in ("", "_csv", "_plot")},
    "adjudication:hold": "case", "adjudication:leave": "case", "adjudication:send_back": "case", "adjudication:example": "case",
    "adjudication:priority": "case", "adjudication:rules": "round", "adjudication:bulk": "round",
    **{f"interp:{page}": "probe" for page in ("probe", "probe_file", "archive_probe")},
    **{f"interp:{page}": "channel" for page in ("of", "score", "threshold")},
    "datasets:imported": "brought", "datasets:job": "bringing", "datasets:archive": "release",
    "datasets:teach": "release", "datasets:probe": "release",
    **{f"datasets:{page}": "release" for page in ("release", "build_again", "download", "card", "freeze", "keep", "check", "diff")},
}  # fmt: skip
QUERIES = (
    "", "?q=cleared", "?ch.judge.quill=0..100", f"?ch.judge.quill=={MACHINE}", "?sort=ch.judge.quill", "?sort=-ch.judge.quill",
    "?col=judge.quill&col=meta.note", "?where=judge.quill+>+0", "?where=has+meta.note+or+not+labeled", "?label=none", "?label=D", "?heat=judge.quill", "?heat=probe.p", "?round=1", "?sample=1",
    "?find=the", "?at=1.text.0-9", "?heat=probe.own.v1&at=1.text.0-9", "?after=0", "?all&unnamed&from=1",
    "?axis=label&q=the&kind=bulk_posterior&posterior=0.6", "?contrast=label.%3F~label.H", "?of=confusion&question=label.%3F~label.H", "?of=words",
)  # fmt: skip


def address_of(name: str, takes: set[str], project: Project, scene: dict[str, int]) -> str:
    values: dict[str, object] = {"project": project.slug} if "project" in takes else {}
    if "pk" in takes:
        assert name in ROW, f"say in ROW which row {name} is about"
        values["pk"] = scene[ROW[name]]
    if "transcript" in takes:
        values["transcript"] = scene["transcript"]
    if "name" in takes:
        values["name"] = "labels.jsonl"
    if "digest" in takes:
        values["digest"] = "0" * 64
    if "token" in takes:
        values["token"] = "no-such-token"
    if "slug" in takes:
        values["slug"] = scene["judge"]
    for word in ("subject", "dictionary"):
        if word in takes:
            values[word] = scene[word]
    if "index" in takes:
        values["index"] = 1
    if "rubric" in takes:
        values["rubric"] = "alignment"
    return reverse(name, kwargs=values)
