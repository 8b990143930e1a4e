"""One address, two sizes of answer, and headers that keep pages safe."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from auditor.accounts.models import Project, User
from auditor.web.pages import wants_fragment
from tests.people import signed_in


def test_only_a_plain_htmx_request_gets_a_fragment(rf: RequestFactory) -> None:
    assert not wants_fragment(rf.get("/"))
    assert wants_fragment(rf.get("/", headers={"HX-Request": "true"}))
    assert not wants_fragment(rf.get("/", headers={"HX-Request": "true", "HX-Boosted": "true"}))
    assert not wants_fragment(
        rf.get("/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    )


def test_pages_carry_a_strict_policy(client: Client, db: None) -> None:
    response = client.get("/sign-in/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_upload_far_over_the_limit_is_cut_off(
    client: Client, settings: Any, mia: User, project: Project
) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    client.force_login(mia)
    file = SimpleUploadedFile("big.jsonl", b"x" * (2 << 20))
    response = client.post(f"/p/{project.slug}/import/", {"file": file})
    assert response.status_code == 400
    assert "larger than this installation takes" in response.content.decode()


def test_what_the_header_keeps_drawn_is_that_of_the_place_the_role_and_the_name(
    project: Project, mia: User, vic: User
) -> None:
    def header(user: User, place: str) -> str:
        seen = signed_in(user).get(f"/p/{project.slug}/{place}").content.decode()
        return seen[seen.index("<header") : seen.index("</header>")]

    for _ in range(2):
        owners, viewers = header(mia, "transcripts/"), header(vic, "transcripts/")
        assert 'transcripts/" aria-current="page">Transcripts' in owners
        assert owners.count("aria-current") == 1
        assert 'rounds/" aria-current="page">Rounds' in header(mia, "rounds/")
        assert "You are owner here." in owners
        assert "/import/" in owners
        assert "You are viewer here." in viewers
        assert "/import/" not in viewers
        assert "/review/" not in viewers
    Project.objects.filter(pk=project.pk).update(name="Another name")
    assert "Another name" in header(mia, "transcripts/")
