"""Print a one-time sign-in link, for whoever can run commands on this machine."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from auditor.accounts import actions, queries
from auditor.accounts.models import User

OWNER_ADDRESS = "owner@auditor.example"


class Command(BaseCommand):
    help = "Print a one-time sign-in link; without --email for the installation's owner, made at first use."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="the person to sign in (default: the installation's owner)")
        here = f"http://127.0.0.1:{settings.RUN_PORT}"
        parser.add_argument(
            "--base-url", default=here, help="where the app is reached (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["email"]:
            user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
            if user is None:
                raise CommandError(f"no active person has the address {options['email']}")
        else:
            user = queries.first_owner() or actions.create_user(
                email=OWNER_ADDRESS, name="Owner", may_create_projects=True
            )
        token = actions.issue_link(user=user, purpose="sign_in", actor=None)
        self.stdout.write(options["base_url"].rstrip("/") + reverse("accounts:link", args=[token]))
