"""The page about the API, and the description behind it."""

import json

from django.test import Client
from django.urls import reverse

from auditor.accounts.models import User
from auditor.config.api import api
from auditor.web.reference import reference_of
from tests.people import signed_in
from tests.programs import program


def test_every_call_is_on_the_page_once(mia: User) -> None:
    page = signed_in(mia).get(reverse("api:api-root")).content.decode()
    for path, methods in api.get_openapi_schema()["paths"].items():
        assert f"<code>{path}</code>" in page
        for method in methods:
            ident = f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}"
            assert page.count(f'id="{ident}"') == 1, ident


def test_every_call_says_what_it_does_and_what_it_gives() -> None:
    reference = reference_of(api.get_openapi_schema())
    calls = [call for group in reference.groups for call in group.calls]
    bare = [call.path for call in calls if not call.gives and call.status != "204"]
    assert not bare
    assert all(call.title for call in calls)
    names = [shape.name for shape in reference.shapes]
    assert len(names) == len(set(names))
    assert all(shape.words for shape in reference.shapes), [s.name for s in reference.shapes if not s.words]


def test_a_description_becomes_words() -> None:
    schema = {
        "info": {"title": "T", "description": "One.\n\nTwo\nlines."},
        "paths": {"/a/{pk}": {"get": {
            "tags": ["Things"], "summary": "One thing", "description": "More.",
            "parameters": [{"name": "pk", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}],
            "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Listed_ThingOut_"}}}}},
        }}},
        "components": {"schemas": {"Listed_ThingOut_": {"required": ["items"], "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/ThingOut"}},
            "next": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}], "description": "Lead on"},
        }}}},
    }  # fmt: skip
    reference = reference_of(schema)
    assert reference.words == ("One.", "Two lines.")
    (call,) = reference.groups[0].calls
    assert (call.method, call.title, call.status) == ("GET", "One thing", "200")
    assert (call.fields[0].type, call.fields[0].place, call.fields[0].required) == (
        "whole number from 1",
        "path",
        True,
    )
    assert call.gives is not None
    assert call.gives.shape == "Listed of Thing"
    items, following = reference.shapes[0].fields
    assert (items.type, items.shape, items.required) == ("list of Thing", "Thing", True)
    assert (following.type, following.words) == ("text up to 9 or null", "Lead on")


def test_the_description_is_open_json(client: Client, db: None) -> None:
    answer = client.get(reverse("api:schema"))
    assert answer.status_code == 200
    assert json.loads(answer.content)["openapi"].startswith("3.")


def test_what_the_api_does_not_have_is_refused_in_its_own_way(
    mia: User, project: object, client: Client
) -> None:
    answer = client.get("/api/v1/no/such/call")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    robot = program(mia, mia.memberships.get().project)
    refused = robot.sends("/me")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "no-store" in robot.asks("/me").headers["Cache-Control"]


def test_a_body_too_large_or_no_json_is_refused(mia: User, project: object) -> None:
    robot = program(mia, mia.memberships.get().project)
    answer = robot.client.post("/api/v1/webhooks", "{", content_type="application/json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    large = b'{"url": "' + b"x" * (5 << 20) + b'"}'
    answer = robot.client.post("/api/v1/webhooks", large, content_type="application/json")
    assert answer.status_code == 413
