"""Who asks, and what they are in the project that the address names: one statement for both."""

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from auditor.accounts.models import Membership, Project, User
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared

USERS, MEMBERSHIPS, PROJECTS = Columns(User), Columns(Membership), Columns(Project)
READ = f"""
    SELECT {USERS.of("person")}, {MEMBERSHIPS.of("membership")}, {PROJECTS.of("project")} FROM accounts_user person
    LEFT JOIN accounts_project project ON project.slug = %s
    LEFT JOIN accounts_membership membership ON membership.project_id = project.id AND membership.user_id = person.id
    WHERE person.id = %s
"""  # noqa: S608 - made of constants


class SignedIn(AuthenticationMiddleware):
    """`request.user`, asked for once when somebody looks at it."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _person(request))  # type: ignore[assignment]


def membership_in(request: HttpRequest, slug: str) -> Membership | None:
    """The membership that came with the person who asks, with `project` and `user`; None where it must be asked for."""
    asker = request.user.pk  # looking at who it is brings the membership
    found: Membership | None = getattr(request, "_membership_of_path", None)
    return found if found is not None and (found.project.slug, found.user_id) == (slug, asker) else None


def _person(request: HttpRequest) -> User | AnonymousUser:
    """As `auth.get_user` has it, which also decides wherever the session is not plainly in order."""
    try:
        user_id = int(request.session[auth.SESSION_KEY])
        backend = request.session[auth.BACKEND_SESSION_KEY]
        stated = request.session[auth.HASH_SESSION_KEY]
    except (KeyError, ValueError):
        return auth.get_user(request)
    if backend in settings.AUTHENTICATION_BACKENDS:
        person, membership = _read(user_id, request)
        if (
            person is not None
            and person.is_active
            and constant_time_compare(stated, person.get_session_auth_hash())
        ):
            request._membership_of_path = membership  # type: ignore[attr-defined]
            return person
    return auth.get_user(request)


def _read(user_id: int, request: HttpRequest) -> tuple[User | None, Membership | None]:
    path = request.resolver_match
    slug = path.kwargs.get("project", "") if path is not None else ""
    with prepared() as cursor:
        cursor.execute(READ, [slug, user_id])
        found = cursor.fetchone()
    if found is None:
        return None, None
    values = iter(found)
    person, membership = USERS.row(values), MEMBERSHIPS.row_or_none(values)
    if membership is not None:
        membership.project, membership.user = PROJECTS.row(values), person
    return person, membership
