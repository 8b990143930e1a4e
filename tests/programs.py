"""Programs of people: each calls the API with a token of its own."""

import json
from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpResponse
from django.test import Client

from auditor.accounts.models import Membership, Project, Role, Scope, User
from auditor.accounts.tokens import make_token

SCOPES = {scope.label: scope.value for scope in Scope}


class Program:
    """Something that acts as a person by a token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def asks(self, path: str, **query: Any) -> HttpResponse:
        """A GET as it was answered."""
        return cast(HttpResponse, self.client.get("/api/v1" + path, query))

    def gets(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that must succeed."""
        return _good(self.asks(path, **query))

    def sends(
        self, path: str, body: Mapping[str, Any] | None = None, *, method: str = "POST", **headers: str
    ) -> HttpResponse:
        """A JSON body sent, as it was answered."""
        sent = self.client.generic(
            method, "/api/v1" + path, _dumped(body or {}), content_type="application/json", headers=headers
        )
        return cast(HttpResponse, sent)

    def does(self, path: str, body: Mapping[str, Any] | None = None, *, method: str = "POST") -> Any:
        """The JSON of a write that must succeed."""
        return _good(self.sends(path, body, method=method))


def program(user: User, project: Project, scope: str = "") -> Program:
    """A program of this member; by default it may do all that they may."""
    membership = Membership.objects.get(user=user, project=project)
    most = "manage" if membership.at_least(Role.MANAGER) else "review" if membership.can_review else "read"
    _, words = make_token(membership=membership, name="a test", scope=SCOPES[scope or most], actor=user)
    return Program(words)


def read(response: HttpResponse) -> Any:
    """The JSON of an answer."""
    return json.loads(response.content) if response.content else None


def _good(response: HttpResponse) -> Any:
    assert 200 <= response.status_code < 300, (response.status_code, response.content[:1000])
    return read(response)


def _dumped(body: Mapping[str, Any]) -> str:
    return json.dumps(body)
