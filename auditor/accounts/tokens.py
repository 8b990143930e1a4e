"""Tokens: made, used and revoked.

    auditor_KEY_SECRET      the key finds the row and may be seen; of the whole, only a digest is kept

A token is refused once its key has had too many wrong secrets of late, right or wrong, as an address is
with passwords. Keys that nobody has are refused without a trace: there is nothing to guess.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from auditor.accounts.actions import FAILURES_COUNT_FOR, MOST_FAILURES, NotAllowed
from auditor.accounts.models import ROLE_OF_SCOPE, Membership, Role, Scope, SignInFailure, Token, User
from auditor.ledger.actions import record

MOST_TOKENS = 50  # usable ones of one person in one project
NOTED_EVERY = timedelta(hours=1)  # how coarse the moment of last use is
_SHAPE = re.compile(r"auditor_([a-z0-9]{12})_[A-Za-z0-9_-]{43}", re.ASCII)
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


class TriedTooOften(Exception):
    """The token's key has had too many wrong secrets of late."""


def make_token(
    *,
    membership: Membership,
    name: str,
    scope: int,
    actor: User | None,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """A token that acts as the member in this project, and its words, which are never to be had again.

    Raises:
        NotAllowed: the scope is beyond the member's role, the name is empty, the moment has passed,
            or the person has too many tokens.
    """
    if scope not in Scope.values:
        raise NotAllowed("A token reads, reviews or manages.")
    if not membership.at_least(ROLE_OF_SCOPE[Scope(scope)]):
        role, words = Role(membership.role).label, Scope(scope).label
        raise NotAllowed(f"A {role} of this project cannot make a token of the scope {words}.")
    name = name.strip()[:100]
    if not name:
        raise NotAllowed("Name the program that will use it.")
    if expires_at is not None and expires_at <= timezone.now():
        raise NotAllowed("That moment has passed.")
    key = "".join(secrets.choice(_LETTERS) for _ in range(12))
    words = f"auditor_{key}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        Membership.objects.select_for_update().get(pk=membership.pk)  # so that the count holds
        own = Token.objects.usable().filter(user=membership.user, project=membership.project)
        if own.count() >= MOST_TOKENS:
            raise NotAllowed(f"{MOST_TOKENS} tokens are enough for one person: revoke one first.")
        token = Token.objects.create(
            user=membership.user, project=membership.project, name=name, scope=scope, key=key,
            digest=_digest(words), created_by=actor, expires_at=expires_at,
        )  # fmt: skip
        record(
            verb="token.made", subject=token, actor=actor, project_id=membership.project_id,
            user=membership.user_id, name=name, scope=Scope(scope).label,
        )  # fmt: skip
    return token, words


def revoke_token(*, token: Token, actor: User | None) -> None:
    """The token works no more; safe to repeat."""
    with transaction.atomic():
        if Token.objects.usable().filter(pk=token.pk).update(revoked_at=timezone.now()):
            record(
                verb="token.revoked", subject=token, actor=actor, project_id=token.project_id,
                user=token.user_id, name=token.name,
            )  # fmt: skip


def token_of(words: str) -> Token | None:
    """The usable token of these words, its use noted to the hour; None for any others.

    Raises:
        TriedTooOften: its key has had too many wrong secrets of late.
    """
    shape = _SHAPE.fullmatch(words)
    if shape is None:
        return None
    token = Token.objects.usable().select_related("user", "project").filter(key=shape[1]).first()
    if token is None or not token.user.is_active:
        return None
    sign = _digest(f"token {token.key}")
    now = timezone.now()
    recent = SignInFailure.objects.filter(digest=sign, at__gte=now - FAILURES_COUNT_FOR)
    if recent.count() >= MOST_FAILURES:
        raise TriedTooOften
    if not secrets.compare_digest(token.digest, _digest(words)):
        _note_failure(token, sign, now)
        return None
    if token.used_at is None or token.used_at < now - NOTED_EVERY:
        stale = Q(used_at__isnull=True) | Q(used_at__lt=now - NOTED_EVERY)
        Token.objects.filter(stale, pk=token.pk).update(used_at=now)  # bookkeeping: it leaves no event
    return token


def _note_failure(token: Token, sign: str, now: datetime) -> None:
    with transaction.atomic():
        SignInFailure.objects.filter(at__lt=now - FAILURES_COUNT_FOR).delete()
        SignInFailure.objects.create(digest=sign, at=now)
        record(verb="token.failed", subject=token, project_id=token.project_id)


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
