"""Endpoints from the command line. A key comes by standard input or the environment, never as an argument: those can be seen."""

import json
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.accounts.models import Project, Role, User
from auditor.llm import actions, trying
from auditor.llm.models import Endpoint
from auditor.llm.prices import Model, read_models, read_price
from auditor.llm.secret import LONGEST

MODEL = "NAME,CONTEXT[,PRICE_IN,PRICE_OUT]"


class Command(BaseCommand):
    help = "List, add, change, try and put away endpoints of language models."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        for name, words in (
            ("list", "the endpoints of a project, as JSON lines"),
            ("add", "a new endpoint"),
            ("change", "other values of an endpoint; what is not named stays"),
            ("key", "another key of an endpoint, or none"),
            ("try", "one tiny call that shows what an endpoint can do"),
            ("archive", "put an endpoint away"),
        ):
            does_this = does.add_parser(name, help=words)
            does_this.add_argument("--project", required=True, help="the project's short name in its address")
            if name == "list":
                continue
            does_this.add_argument("name", help="the endpoint's name")
            does_this.add_argument(
                "--as", dest="email", help="address of the manager who does it (default: the owner)"
            )
            if name in ("add", "change"):
                _add_values(does_this, is_new=name == "add")
            if name in ("add", "key"):
                _add_key(does_this)
            if name == "key":
                does_this.add_argument("--remove", action="store_true", help="remove it")
            if name == "try":
                does_this.add_argument("--model", help="which model (default: the first)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']}")
        if options["does"] == "list":
            for row in Endpoint.objects.standing().filter(project=project).order_by("name"):
                self.stdout.write(json.dumps(_shown(row)))
            return
        actor = _person(project, options["email"])
        try:
            getattr(self, f"_{options['does']}")(project, actor, options)
        except (actions.CannotSave, trying.CannotTry) as problem:
            raise CommandError(str(problem)) from problem

    def _add(self, project: Project, actor: User, options: dict[str, Any]) -> None:
        wanted = actions.Wanted(
            name=options["name"], base_url=options["url"], models=[_model(text) for text in options["model"] or ()],
            **{name: options[name] for name in NUMBERS if options[name] is not None}, currency=options["currency"] or "USD",
        )  # fmt: skip
        self._say(actions.add(project=project, wanted=wanted, key=_key(options), actor=actor))

    def _change(self, project: Project, actor: User, options: dict[str, Any]) -> None:
        row = _endpoint(project, options["name"])
        models = [_model(text) for text in options["model"]] if options["model"] else read_models(row.models)
        numbers = {name: getattr(row, name) if options[name] is None else options[name] for name in NUMBERS}
        for name in NUMBERS[:2]:
            numbers[name] = numbers[name] or None  # 0: no limit
        wanted = actions.Wanted(
            name=options["rename"] or row.name, base_url=options["url"] or row.base_url, models=models,
            currency=options["currency"] or row.currency, **numbers,
        )  # fmt: skip
        if actions.change(endpoint=row, wanted=wanted, actor=actor):
            self.stderr.write("the address leads elsewhere now, so the key was removed")
        row.refresh_from_db()
        self._say(row)

    def _key(self, project: Project, actor: User, options: dict[str, Any]) -> None:
        row = _endpoint(project, options["name"])
        key = _key(options)
        if bool(key) is options["remove"]:
            raise CommandError("give a key by --key-stdin or --key-env, or say --remove")
        actions.set_key(endpoint=row, key=key, actor=actor)
        row.refresh_from_db()
        self._say(row)

    def _try(self, project: Project, actor: User, options: dict[str, Any]) -> None:
        row = _endpoint(project, options["name"])
        model = options["model"] or row.models[0]["name"]
        if model not in {one["name"] for one in row.models}:
            raise CommandError(f"{row.name} has no model {model}")
        found = trying.look(row, model)
        self.stdout.write(json.dumps({"model": model, **vars(found)}))
        if not found.works:
            raise CommandError(found.words)

    def _archive(self, project: Project, actor: User, options: dict[str, Any]) -> None:
        actions.archive(endpoint=_endpoint(project, options["name"]), actor=actor)
        self.stdout.write(f"{options['name']} was put away")

    def _say(self, row: Endpoint) -> None:
        self.stdout.write(json.dumps(_shown(row)))


NUMBERS = ("requests_per_minute", "tokens_per_minute", "concurrency", "timeout")


def _add_values(parser: CommandParser, *, is_new: bool) -> None:
    parser.add_argument("--url", required=is_new, help="the base address, as https://api.example.org/v1")
    parser.add_argument(
        "--model", action="append", required=is_new, metavar=MODEL, help="a model; repeat it for more"
    )
    parser.add_argument("--currency", help="of the prices (default: USD)")
    for name in NUMBERS:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, type=int, metavar="N")
    if not is_new:
        parser.add_argument("--rename", metavar="NAME", help="another name")


def _add_key(parser: CommandParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--key-stdin", action="store_true", help="read the key from standard input")
    group.add_argument(
        "--key-env", metavar="VARIABLE", help="read the key from this variable of the environment"
    )


def _key(options: dict[str, Any]) -> str:
    if options["key_stdin"]:
        return sys.stdin.read(LONGEST + 2).strip()
    if variable := options["key_env"]:
        if not os.environ.get(variable):
            raise CommandError(f"{variable} is not set")
        return os.environ[variable].strip()
    return ""


def _model(text: str) -> Model:
    name, _, rest = text.partition(",")
    parts = rest.split(",")
    try:
        if len(parts) not in (1, 3):
            raise ValueError("a name and a context, with both prices or neither")
        prices = [read_price(part) for part in parts[1:]] or [None, None]
        return Model(name, int(parts[0]), *prices)
    except ValueError as problem:
        raise CommandError(f"--model {text}: {MODEL}: {problem}") from problem


def _shown(row: Endpoint) -> dict[str, Any]:
    """An endpoint for programs; of its key only whether there is one."""
    return {
        "id": row.pk, "name": row.name, "base_url": row.base_url, "has_key": row.has_key, "models": row.models, "currency": row.currency,
        **{name: getattr(row, name) for name in NUMBERS}, "output": row.output,
    }  # fmt: skip


def _endpoint(project: Project, name: str) -> Endpoint:
    row = Endpoint.objects.standing().filter(project=project, name=name).first()
    if row is None:
        raise CommandError(f"there is no endpoint “{name}” in {project.slug}")
    return row


def _person(project: Project, email: str | None) -> User:
    """A manager of the project: the one named, else its first owner."""
    members = project.memberships.filter(user__is_active=True, role__gte=Role.MANAGER).select_related("user")
    if email:
        members = members.filter(user__email__iexact=email)
    member = members.order_by("-role", "pk").first()
    if member is None:
        raise CommandError(f"{email or 'nobody'} manages {project.slug}")
    return member.user
