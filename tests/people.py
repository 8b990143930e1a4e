"""The people of every test: Mia owns, Ada adjudicates, Ana and Bo review, Vic only reads, Cy is a stranger."""

import pytest
from django.test import Client

from auditor.accounts import actions
from auditor.accounts.models import Project, Role, User


def person(name: str) -> User:
    """A person with the address name@example.org and the password `correct horse battery`."""
    user = User(email=f"{name.lower()}@example.org", name=name)
    user.set_password("correct horse battery")
    user.save()
    return user


def signed_in(user: User) -> Client:
    """A browser of this person."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mia(db: None) -> User:
    return person("Mia")


@pytest.fixture
def project(mia: User) -> Project:
    return actions.create_project(name="Ledger audit", owner=mia)


def _member(project: Project, name: str, role: int) -> User:
    user = person(name)
    actions.add_member(project=project, user=user, role=role, actor=None)
    return user


@pytest.fixture
def ada(project: Project) -> User:
    return _member(project, "Ada", Role.ADJUDICATOR)


@pytest.fixture
def ana(project: Project) -> User:
    return _member(project, "Ana", Role.REVIEWER)


@pytest.fixture
def bo(project: Project) -> User:
    return _member(project, "Bo", Role.REVIEWER)


@pytest.fixture
def vic(project: Project) -> User:
    return _member(project, "Vic", Role.VIEWER)


@pytest.fixture
def cy(db: None) -> User:
    return person("Cy")
