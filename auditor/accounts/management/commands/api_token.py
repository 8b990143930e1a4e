"""Make, list and revoke API tokens, for whoever can run commands on this machine."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from auditor.accounts.actions import NotAllowed
from auditor.accounts.models import Membership, Scope, Token
from auditor.accounts.tokens import make_token, revoke_token

SCOPES = {scope.label: scope.value for scope in Scope}


class Command(BaseCommand):
    help = "API tokens: `api_token make`, `api_token list`, `api_token revoke`."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        make = verbs.add_parser("make", help="print a new token; it is shown this once")
        make.add_argument("--email", required=True, help="the person it acts as")
        make.add_argument("--project", required=True, help="the project's short name, as in its address")
        make.add_argument("--name", required=True, help="the program that will use it")
        make.add_argument("--scope", choices=list(SCOPES), default="read")
        make.add_argument("--days", type=int, help="days it lasts (default: until it is revoked)")
        listed = verbs.add_parser("list", help="the tokens that work")
        listed.add_argument("--project", help="only of this project")
        revoke = verbs.add_parser("revoke", help="end a token")
        revoke.add_argument("key", help="the part between the underscores, as `api_token list` prints it")

    def handle(self, *args: Any, **options: Any) -> None:
        {"make": self._make, "list": self._list, "revoke": self._revoke}[options["verb"]](options)

    def _make(self, options: dict[str, Any]) -> None:
        membership = (
            Membership.objects.of_active()
            .select_related("user", "project")
            .filter(user__email__iexact=options["email"], project__slug=options["project"])
            .first()
        )
        if membership is None:
            raise CommandError(f"{options['email']} is no active member of {options['project']}")
        days = options["days"]
        try:
            _, words = make_token(
                membership=membership, name=options["name"], scope=SCOPES[options["scope"]], actor=None,
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
            )  # fmt: skip
        except NotAllowed as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(words)

    def _list(self, options: dict[str, Any]) -> None:
        rows = Token.objects.usable().select_related("user", "project").order_by("project__slug", "pk")
        if options["project"]:
            rows = rows.filter(project__slug=options["project"])
        for token in rows:
            until = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "until revoked"
            used = f"used {token.used_at:%Y-%m-%d %H:00}" if token.used_at else "never used"
            self.stdout.write(
                f"{token.key}  {token.project.slug}  {token.user.email}  {Scope(token.scope).label}  "
                f"{until}  {used}  {token.name}"
            )

    def _revoke(self, options: dict[str, Any]) -> None:
        token = Token.objects.usable().filter(key=options["key"]).first()
        if token is None:
            raise CommandError(f"no token that works has the key {options['key']}")
        revoke_token(token=token, actor=None)
        self.stdout.write(f"{token.name} works no more.")
