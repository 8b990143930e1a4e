"""One address, two sizes of answer, and headers that keep pages safe."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from auditor.accounts.models import Project, User
from auditor.web.pages import wants_fragment


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
