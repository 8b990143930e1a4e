"""One address, two sizes of answer, and headers that keep pages safe."""

from django.test import Client, RequestFactory

from auditor.web.pages import wants_fragment


def test_only_a_plain_htmx_request_gets_a_fragment(rf: RequestFactory) -> None:
    assert not wants_fragment(rf.get("/"))
    assert wants_fragment(rf.get("/", headers={"HX-Request": "true"}))
    assert not wants_fragment(rf.get("/", headers={"HX-Request": "true", "HX-Boosted": "true"}))
    assert not wants_fragment(rf.get("/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}))


def test_pages_carry_a_strict_policy(client: Client, db: None) -> None:
    response = client.get("/sign-in/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
