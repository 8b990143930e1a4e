"""Attachments of a release: named in its manifest and card, included as files where asked for, and brought along."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Attachment, Transcript
from auditor.corpus.records import ParsedMessage
from labeling.datasets.actions import CannotRelease
from labeling.datasets.carrying import Carried
from labeling.datasets.models import Release
from labeling.datasets.queries import brought_by
from labeling.datasets.verifying import problems
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_importing import sealed
from tests.labeling.datasets.test_moments import checked
from tests.labeling.datasets.test_round_trip import elsewhere as elsewhere
from tests.labeling.datasets.test_round_trip import imported
from tests.labeling.datasets.test_verifying import fetched
from tests.people import signed_in

PICTURE, SHOT, SOUND = b"\x89PNG\r\n\x1a\n picture", b"\x89PNG\r\n\x1a\n what a tool saw", b"RIFF sound"


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def part(data: bytes, media_type: str = "image/png") -> dict[str, Any]:
    return {"kind": "image", "media_type": media_type, "payload": data}


@pytest.fixture
def carrying(project: Project, ana: User, bo: User) -> Round:
    """Two labelled transcripts: a picture in both, a sound in one, and a picture that a tool gave."""
    talk = [
        ParsedMessage(role="user", text="Did it clear?", parts=(part(PICTURE),)),
        ParsedMessage(role="assistant", text="Yes, it did.", parts=(part(PICTURE), part(SOUND, "audio/<b>wav"))),
        ParsedMessage(role="tool", text="saw", parts=(part(SHOT),)),
    ]  # fmt: skip
    transcripts = [make.transcript(project, talk), make.transcript(project, talk[:1])]
    made = make.round(project, transcripts, [ana, bo], name="Round one")
    for item in made.items.all():
        for reviewer in (ana, bo):
            make.label(item, reviewer, "H")
    return made


def said(release: Release) -> dict[str, tuple[int, int | None, bool]]:
    found = release.manifest["attachments"]
    assert [one["sha256"] for one in found] == sorted(one["sha256"] for one in found)
    return {one["sha256"]: (one["messages"], one["size"], one["included"]) for one in found}


def test_without_being_asked_for_they_are_named_and_stay_out(carrying: Round, mia: User) -> None:
    release = released(carrying, mia)
    assert said(release) == {
        named(PICTURE): (3, len(PICTURE), False), named(SOUND): (1, len(SOUND), False), named(SHOT): (1, len(SHOT), False),
    }  # fmt: skip
    assert not release.files.filter(name__startswith="attachments/").exists()
    page = (
        signed_in(mia)
        .get(reverse("datasets:release", args=[carrying.project.slug, release.pk]))
        .content.decode()
    )
    words = (
        "Messages refer to 3 attachments (images, sounds, files) by their sha256. Their bytes are not here."
    )
    assert words in page


def test_asked_for_they_are_files_under_their_sha256_and_the_whole_is_whole(
    carrying: Round, mia: User, tmp_path: Path
) -> None:
    release = released(carrying, mia, attachments=True, redactions=[{"text": "clear"}])
    folder = fetched(release, tmp_path / "it")
    for data in (PICTURE, SHOT, SOUND):
        assert (folder / "attachments" / named(data)).read_bytes() == data
        assert f"{named(data)}  attachments/{named(data)}\n" in (folder / "SHA256SUMS").read_text()
    assert set(said(release).values()) == {
        (3, len(PICTURE), True),
        (1, len(SHOT), True),
        (1, len(SOUND), True),
    }
    assert problems(folder) == []
    card = (folder / "README.md").read_text()
    size = len(PICTURE) + len(SHOT) + len(SOUND)
    assert f"3 are here, in the folder attachments, {size:,} bytes." in card
    assert "nothing was looked for in them, nor blacked out" in card
    assert "<b>wav" not in card
    assert checked(release, mia).status == "done"
    page = (
        signed_in(mia)
        .get(reverse("datasets:release", args=[carrying.project.slug, release.pk]))
        .content.decode()
    )
    assert named(SOUND)[:16] not in page  # a release of thousands has a page as well


def test_a_file_that_is_not_what_its_name_says_is_found(carrying: Round, mia: User, tmp_path: Path) -> None:
    folder = fetched(released(carrying, mia, attachments=True), tmp_path / "it")
    (folder / "attachments" / named(SOUND)).write_bytes(b"another")
    assert problems(folder) != []
    sealed(folder, f"attachments/{named(SOUND)}")
    assert problems(folder) == [f"attachments/{named(SOUND)} is not the file that manifest.json says"]


def test_what_only_tools_carried_goes_where_what_tools_said_goes(carrying: Round, mia: User) -> None:
    release = released(carrying, mia, attachments=True, tools=False)
    assert {digest for digest, (_, _, included) in said(release).items() if included} == {
        named(PICTURE), named(SOUND),
    }  # fmt: skip
    assert not release.files.filter(name=f"attachments/{named(SHOT)}").exists()


def test_messages_carry_them_so_without_messages_there_are_none(carrying: Round, mia: User) -> None:
    with pytest.raises(CannotRelease, match="Messages carry the attachments"):
        released(carrying, mia, attachments=True, messages=False)
    assert released(carrying, mia, messages=False).manifest["attachments"] == []


def test_the_storage_is_believed_by_digest_only(carrying: Round, mia: User) -> None:
    row = Attachment.objects.filter(digest=named(SOUND))[0]
    default_storage.delete(row.path)
    assert released(carrying, mia).built_at is not None  # they are not read where they are not included
    lost = released(carrying, mia, "Second", attachments=True)
    assert lost.run is not None
    assert f"lost the attachment {named(SOUND)}" in lost.run.note
    default_storage.save(row.path, ContentFile(b"another"))
    changed = released(carrying, mia, "Third", attachments=True)
    assert changed.run is not None
    assert "other bytes than those of the attachment" in changed.run.note
    assert (lost.built_at, changed.built_at) == (None, None)


def test_they_come_along_and_go_out_again(
    carrying: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    first = fetched(released(carrying, mia, attachments=True), tmp_path / "first")
    into = imported(first, elsewhere, mia)
    assert into.run is not None
    assert into.run.status == "done", into.run.note
    assert ("Attachments", 3) in brought_by(into)
    rows = Attachment.objects.filter(batch__project=elsewhere)
    assert {(one.digest, one.media_type, one.size) for one in rows} == {
        (named(PICTURE), "image/png", len(PICTURE)), (named(SHOT), "image/png", len(SHOT)),
        (named(SOUND), "audio/<b>wav", len(SOUND)),
    }  # fmt: skip
    shown = signed_in(mia).get(reverse("intake:media", args=[elsewhere.slug, named(PICTURE)]))
    assert b"".join(cast(Any, shown).streaming_content) == PICTURE
    again = fetched(released(into.rounds.get(), mia, attachments=True), tmp_path / "again")
    for name in ("labels.jsonl", *(f"attachments/{named(data)}" for data in (PICTURE, SHOT, SOUND))):
        assert (again / name).read_bytes() == (first / name).read_bytes()
    assert json.loads((again / "manifest.json").read_text())["attachments"] == json.loads((first / "manifest.json").read_text())["attachments"]  # fmt: skip


def test_where_their_bytes_did_not_come_the_next_release_says_so(
    carrying: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    into = imported(fetched(released(carrying, mia), tmp_path / "first"), elsewhere, mia)
    assert "Attachments" not in dict(brought_by(into))
    again = released(into.rounds.get(), mia, attachments=True)
    assert set(said(again).values()) == {(3, None, False), (1, None, False)}
    assert "Of 3 the bytes were not held" in (fetched(again, tmp_path / "again") / "README.md").read_text()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sha256": "x"}, "an attachment has no sha256"),
        ({"sha256": "0" * 64}, "missing, or not what its name says"),
        ({"media_type": "a" * 101}, "has no media type that can be stored"),
        ({"media_type": "a\x00b"}, "has no media type that can be stored"),
        ({"media_type": 7}, "has no media type that can be stored"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_comes(
    change: dict[str, Any], why: str, carrying: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    folder = fetched(released(carrying, mia, attachments=True), tmp_path / "first")
    rows = json.loads((folder / "manifest.json").read_text())["attachments"]
    sealed(folder, attachments=[{**rows[0], **change}, *rows[1:]])
    into = imported(folder, elsewhere, mia)
    assert into.run is not None
    assert into.run.status == "failed"
    assert why in into.run.note
    assert not Transcript.objects.of(elsewhere.pk).exists()
    assert not Attachment.objects.filter(batch__project=elsewhere).exists()


def test_a_message_counts_once_and_a_part_without_bytes_not_at_all() -> None:
    blob = {"kind": "image", "media_type": "image/png", "blob": "0" * 64}
    messages = [
        {"role": "user", "parts": [blob, blob, {"kind": "image", "note": "not held"}]},
        {"role": "tool", "parts": [blob]},
        {"role": "user", "parts": []},
    ]
    carried = Carried()
    carried.add({"transcript": {"messages": messages}})
    carried.add({"transcript": {"messages": None}})
    assert carried.listed() == [
        {"sha256": "0" * 64, "media_type": "image/png", "messages": 2, "size": None, "included": False}
    ]
    assert carried.found["0" * 64].beyond_tools
