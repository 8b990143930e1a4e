"""What is in a release, what is left out and counted, and that the same inputs give the same bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.ledger.models import Event
from labeling.datasets import actions
from labeling.datasets.actions import CannotRelease
from labeling.datasets.definition import Definition
from labeling.datasets.models import Release, ReleaseFile
from labeling.datasets.planning import plan
from labeling.datasets.rows import Records
from labeling.datasets.tasks import build_release
from labeling.queues import actions as queues
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released


def bytes_of(release: Release, name: str) -> bytes:
    with default_storage.open(release.files.get(name=name).path, "rb") as file:
        return bytes(file.read())


def records_of(release: Release) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bytes_of(release, "labels.jsonl").splitlines()]


def test_records_hold_ruling_labels_and_sampling_in_the_samples_order(round: Round, mia: User) -> None:
    agreed, ruled = records_of(released(round, mia))
    assert agreed["transcript"]["external_id"] == "pay-0"
    assert agreed["transcript"]["conditions"] == {"arm": "base"}
    assert [m["role"] for m in agreed["transcript"]["messages"]] == ["user", "assistant"]
    assert (agreed["ruling"]["label"], agreed["ruling"]["rule"], agreed["ruling"]["reason"]) == (
        "U",
        "unanimous",
        "",
    )
    assert [(one["stage"], one["label"]) for one in agreed["labels"]] == [("blind", "U"), ("final", "U")] * 2
    assert agreed["labels"][1]["spans"] == [
        {"kind": "misleads", "position": 1, "part": "text", "start": 0, "end": 3, "quote": "Yes", "unit": 0}
    ]
    assert agreed["sampling"]["probability"] == 1.0
    assert (agreed["sampling"]["overall"], agreed["sampling"]["carries_back"]) == (None, True)
    assert (ruled["ruling"]["label"], ruled["ruling"]["rule"]) == ("D", "adjudicator")
    assert ruled["ruling"]["reason"] == "The log decides it."
    assert {one["label"] for one in ruled["labels"]} == {"D", "H"}


def test_people_appear_under_pseudonyms_only(round: Round, mia: User, ana: User) -> None:
    release = released(round, mia)
    text = b"".join(bytes_of(release, name) for name in ("labels.jsonl", "README.md", "manifest.json"))
    for person in ("Ana", "Bo", "Ada", "ana@example.org"):
        assert person.encode() not in text
    _, ruled = records_of(release)
    assert ruled["ruling"]["took"]["reviewer"] in release.manifest["reviewers"]
    other = released(round, mia, "Other names", seed=1)
    assert set(other.manifest["reviewers"]).isdisjoint(release.manifest["reviewers"])


def test_what_is_left_out_is_counted_by_reason(round: Round, mia: User) -> None:
    manifest = released(round, mia).manifest
    assert {one["reason"]: one["n"] for one in manifest["exclusions"]} == {"open_case": 1, "below_overlap": 1}
    assert (manifest["counts"]["items"], manifest["counts"]["included"]) == (4, 2)
    agreement = manifest["agreement"]
    assert (agreement["compared"], agreement["same_label"], agreement["same_group"]) == (3, 1, 1)


def test_two_builds_of_the_same_inputs_are_byte_identical(round: Round, mia: User) -> None:
    first, second = released(round, mia), released(round, mia, "Second")
    for name in ("labels.jsonl", "labels.parquet"):
        assert bytes_of(first, name) == bytes_of(second, name)
        assert first.files.get(name=name).path == second.files.get(name=name).path  # stored once
    assert bytes_of(first, "manifest.json") != bytes_of(second, "manifest.json")


def test_the_manifest_names_versions_seeds_and_digests(round: Round, mia: User) -> None:
    release = released(round, mia, licence="cc-by-4.0")
    manifest = json.loads(bytes_of(release, "manifest.json"))
    assert manifest == release.manifest
    assert manifest["codebook"]["digest"] == round.codebook_version.digest
    sample = manifest["rounds"][0]["sample"]
    assert (sample["seed"], sample["frame_size"]) == (7, 4)
    assert manifest["sources"] == [{"sha256": "0" * 64, "size": 0}]
    assert manifest["created_by"] == "Mia"
    for one in manifest["files"]:
        content = bytes_of(release, one["name"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one["size"], one["sha256"])


def test_parquet_holds_the_same_records(round: Round, mia: User, tmp_path: Path) -> None:
    release = released(round, mia)
    path = tmp_path / "labels.parquet"
    path.write_bytes(bytes_of(release, "labels.parquet"))
    rows = pq.read_table(path).to_pylist()
    records = records_of(release)
    assert [row["ruling"]["label"] for row in rows] == [record["ruling"]["label"] for record in records]
    assert json.loads(rows[0]["labels"][0]["answers"]) == records[0]["labels"][0]["answers"]
    assert rows[0]["transcript"]["messages"][1]["text"] == records[0]["transcript"]["messages"][1]["text"]


def test_text_and_evidence_can_be_left_out(project: Project, round: Round, mia: User) -> None:
    make.reading(make.channel(project), round.items.order_by("order")[0].transcript, 0.75)
    full, *_ = records_of(released(round, mia))
    (said,) = full["evidence"]
    assert (said["channel"], said["kind"], said["value"], said["n"]) == ("judge.quill", "judge", 0.75, 1)
    assert said["readings"][0]["value"] == 0.75
    bare, *_ = records_of(released(round, mia, "Bare", include_text=False, include_evidence=False))
    assert bare["transcript"]["messages"] is None
    assert bare["labels"][1]["spans"][0]["quote"] is None
    assert bare["evidence"] is None


def test_peoples_own_channels_are_no_evidence(round: Round, mia: User) -> None:
    assert all(record["evidence"] == [] for record in records_of(released(round, mia)))


def test_what_is_veiled_to_the_maker_stays_out(project: Project, round: Round, mia: User, ana: User) -> None:
    agreed = round.items.order_by("order")[0]
    make.reading(make.channel(project, "judge.canary"), agreed.transcript, 0.123456)
    again = make.round(project, [agreed.transcript], [mia, ana], overlap=1)
    release = released(round, mia)
    assert {one["reason"]: one["n"] for one in release.manifest["exclusions"]}["hidden"] == 1
    text = b"".join(bytes_of(release, file.name) for file in release.files.all())
    assert b"canary" not in text
    assert b"pay-0" not in text
    assert release.manifest["agreement"]["compared"] == 2
    queues.close_round(round=again, actor=mia)
    assert b"pay-0" in bytes_of(released(round, mia, "After"), "labels.jsonl")


def test_items_that_agree_are_settled_before_building(
    project: Project, mia: User, ana: User, bo: User
) -> None:
    made = make.round(project, [make.transcript(project)], [ana, bo])
    for reviewer in (ana, bo):
        make.label(made.items.get(), reviewer, "H")
    assert released(made, mia).manifest["counts"]["included"] == 1


def test_labels_that_came_after_the_moment_stay_out(round: Round, mia: User, ana: User) -> None:
    release = opened(round, mia)
    moment = timezone.now()
    planned = plan([round], Definition(), mia, moment)
    make.label(round.items.order_by("order")[0], ana, "H")
    records = Records(release, planned)
    agreed, _ = records.made(records.fetched(planned.chosen))
    assert {one["label"] for one in agreed["labels"]} == {"U"}


def test_a_round_without_rulings_is_refused_with_counts(
    project: Project, mia: User, ana: User, bo: User
) -> None:
    release = released(make.round(project, [make.transcript(project)], [ana, bo]), mia)
    assert release.built_at is None
    assert release.run is not None
    assert (release.run.status, release.run.note) == (
        "failed",
        "Nothing to release yet: 1 waiting for labels.",
    )


def test_a_failed_release_can_be_built_again(project: Project, mia: User, ana: User, bo: User) -> None:
    made = make.round(project, [make.transcript(project)], [ana, bo])
    release = released(made, mia)
    for reviewer in (ana, bo):
        make.label(made.items.get(), reviewer, "H")
    again = actions.build_again(release=release, actor=mia)
    assert again.run is not None
    build_release(again.run.pk)
    release.refresh_from_db()
    assert release.built_at is not None
    with pytest.raises(CannotRelease):
        actions.build_again(release=release, actor=mia)


def test_building_twice_changes_nothing(round: Round, mia: User) -> None:
    release = released(round, mia)
    assert release.run is not None
    build_release(release.run.pk)
    assert release.files.count() == 8
    assert Event.objects.filter(verb="release.built").count() == 1


def test_a_name_is_taken_once(round: Round, mia: User) -> None:
    released(round, mia)
    with pytest.raises(CannotRelease, match="exists"):
        actions.open_release(project=round.project, name=" First ", rounds=[round], parameters={}, actor=mia)


def test_the_database_refuses_to_change_a_file(round: Round, mia: User) -> None:
    release = released(round, mia)
    with pytest.raises(IntegrityError), transaction.atomic():
        ReleaseFile.objects.filter(release=release).update(digest="0" * 64)


def test_half_a_file_of_a_dead_worker_is_replaced(round: Round, mia: User) -> None:
    first = released(round, mia)
    file = first.files.get(name="labels.jsonl")
    Path(default_storage.path(file.path)).write_bytes(b"{")
    second = released(round, mia, "Second")
    assert hashlib.sha256(bytes_of(second, "labels.jsonl")).hexdigest() == file.digest


def test_writing_takes_a_fixed_number_of_queries_a_chunk(
    round: Round, mia: User, django_assert_max_num_queries: Any
) -> None:
    release = opened(round, mia)
    planned = plan([round], Definition(), mia, timezone.now())
    with django_assert_max_num_queries(18):
        records = Records(release, planned)
        assert len(list(records.made(records.fetched(planned.chosen)))) == 2


def opened(round: Round, mia: User) -> Release:
    """A release that waits to be built, with the names that building writes down."""
    release = actions.open_release(
        project=round.project, name="Opened", rounds=[round], parameters={}, actor=mia
    )
    release.named = {"rounds": {str(round.pk): round.name}}
    return release
