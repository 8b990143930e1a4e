"""Adding endpoints, changing them, giving them keys, putting them away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.ledger.actions import record
from auditor.llm import addresses, keys
from auditor.llm.models import MOST_AT_ONCE, Endpoint
from auditor.llm.prices import Model
from auditor.llm.secret import is_key

MOST = 50  # endpoints of a project
MOST_MODELS = 100  # of an endpoint
MOST_A_MINUTE = 2**31 - 1
LONGEST_NAME, LONGEST_MODEL = 100, 200  # characters
LONGEST_TIMEOUT = 3600  # seconds
LARGEST_CONTEXT = 100_000_000  # tokens


class CannotSave(ValueError):
    """The endpoint cannot be stored like this; the message says why, `field` where."""

    def __init__(self, reason: str, *, field: str, existing: int | None = None) -> None:
        super().__init__(reason)
        self.field = field
        self.existing = existing  # the endpoint that is there already


@dataclass(frozen=True)
class Wanted:
    """What an endpoint is to be, its key apart."""

    name: str
    base_url: str
    models: Sequence[Model]
    currency: str = "USD"
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int = 8
    timeout: int = 120  # seconds


def add(*, project: Project, wanted: Wanted, key: str, actor: User) -> Endpoint:
    """A new endpoint; nothing is sent to it.

    Raises:
        CannotSave: see `_checked`; too many, a name that is taken, or no key that could be sent.
    """
    values = _checked(wanted)
    sealed = keys.seal(_checked_key(key)) if key else b""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # so that name and count hold
        standing = Endpoint.objects.standing().filter(project=project)
        if standing.count() >= MOST:
            raise CannotSave(
                f"{MOST} endpoints are enough for one project: put one away first.", field="name"
            )
        _refuse_taken(project.pk, wanted.name, but=None)
        made = Endpoint.objects.create(project=project, key_sealed=sealed, created_by=actor, **values)
        record(
            verb="endpoint.added", subject=made, actor=actor, project_id=project.pk, name=made.name,
            host=addresses.origin(made.base_url)[1], has_key=bool(sealed),
        )  # fmt: skip
    return made


def change(*, endpoint: Endpoint, wanted: Wanted, actor: User, key: str = "") -> bool:
    """Another name, address, models or limits, and another key if one is given.

    A key goes to nobody but whom it was given for: where the address leads elsewhere, it is removed.

    Returns:
        Whether the key was removed.

    Raises:
        CannotSave: as for `add`; or it was put away.
    """
    values = _checked(wanted)
    sealed = keys.seal(_checked_key(key)) if key else None
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=endpoint.project_id)
        row = _standing(endpoint)
        _refuse_taken(row.project_id, wanted.name, but=row.pk)
        moved = _moved(row.base_url, values["base_url"])
        lost = moved and row.has_key and sealed is None
        changed = sorted(name for name, value in values.items() if getattr(row, name) != value)
        for name, value in values.items():
            setattr(row, name, value)
        if "base_url" in changed:
            row.output, row.held_until = "schema", None  # what was learnt there says nothing of here
        if sealed is not None or lost:
            row.key_sealed = sealed or b""
        row.save()
        record(
            verb="endpoint.changed", subject=row, actor=actor, project_id=row.project_id, changed=changed,
            host=addresses.origin(row.base_url)[1], key="removed" if lost else "replaced" if sealed else "kept",
        )  # fmt: skip
    return lost


def set_key(*, endpoint: Endpoint, key: str, actor: User) -> None:
    """Another key; empty removes it.

    Raises:
        CannotSave: no key that could be sent, or the endpoint was put away.
    """
    sealed = keys.seal(_checked_key(key)) if key else b""
    with transaction.atomic():
        row = _standing(endpoint)
        row.key_sealed = sealed
        row.save(update_fields=["key_sealed"])
        verb = "endpoint.key_replaced" if key else "endpoint.key_removed"
        record(verb=verb, subject=row, actor=actor, project_id=row.project_id)


def archive(*, endpoint: Endpoint, actor: User) -> None:
    """Put it away: its key is removed, nothing is sent to it, and its replies stay; safe to repeat."""
    with transaction.atomic():
        rows = Endpoint.objects.standing().filter(pk=endpoint.pk)
        if rows.update(archived_at=timezone.now(), key_sealed=b""):
            record(verb="endpoint.archived", subject=endpoint, actor=actor, project_id=endpoint.project_id)


def _standing(endpoint: Endpoint) -> Endpoint:
    row = Endpoint.objects.standing().select_for_update().filter(pk=endpoint.pk).first()
    if row is None:
        raise CannotSave("This endpoint was put away.", field="name")
    return row


def _refuse_taken(project_id: int, name: str, *, but: int | None) -> None:
    same = Endpoint.objects.standing().filter(project_id=project_id, name=name).exclude(pk=but or 0).first()
    if same is not None:
        raise CannotSave("There is an endpoint of this name already.", field="name", existing=same.pk)


def _moved(before: str, after: str) -> bool:
    """Whether an address leads to somebody else."""
    try:
        return addresses.origin(before) != addresses.origin(after)
    except addresses.Forbidden:  # what the deployment allowed once
        return True


def _checked_key(key: str) -> str:
    if not is_key(key):
        raise CannotSave(
            "A key is one line of letters, digits and signs, without spaces and quotes.", field="key"
        )
    return key


def _checked(wanted: Wanted) -> dict[str, Any]:
    """The values of the row.

    Raises:
        CannotSave: an empty name, an address that may not be called, no models or the same twice, numbers out of
            bounds.
    """
    name = _line(wanted.name, LONGEST_NAME, "name")
    base_url = addresses.tidy(wanted.base_url)
    try:
        addresses.check(base_url)
    except addresses.Forbidden as problem:
        raise CannotSave(str(problem), field="base_url") from problem
    currency = wanted.currency.strip().upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise CannotSave("A currency is three letters, as USD.", field="currency")
    for field, most in (
        ("requests_per_minute", MOST_A_MINUTE),
        ("tokens_per_minute", MOST_A_MINUTE),
        ("concurrency", MOST_AT_ONCE),
        ("timeout", LONGEST_TIMEOUT),
    ):
        number = getattr(wanted, field)
        if number is not None and not 1 <= number <= most:
            raise CannotSave(f"A number from 1 to {most}.", field=field)
    return {
        "name": name, "base_url": base_url, "models": _checked_models(wanted.models), "currency": currency,
        "requests_per_minute": wanted.requests_per_minute, "tokens_per_minute": wanted.tokens_per_minute,
        "concurrency": wanted.concurrency, "timeout": wanted.timeout,
    }  # fmt: skip


def _checked_models(models: Sequence[Model]) -> list[dict[str, object]]:
    if not models:
        raise CannotSave("Name at least one model.", field="models")
    if len(models) > MOST_MODELS:
        raise CannotSave(f"{MOST_MODELS} models are enough for one endpoint.", field="models")
    names = [_line(model.name, LONGEST_MODEL, "models") for model in models]
    if twice := [name for name in names if names.count(name) > 1]:
        raise CannotSave(f"The model {twice[0][:60]} stands there twice.", field="models")
    for model in models:
        if not 1 <= model.context <= LARGEST_CONTEXT:
            raise CannotSave(
                f"{model.name[:60]}: a context holds 1 to {LARGEST_CONTEXT} tokens.", field="models"
            )
        if (model.price_in is None) != (model.price_out is None):
            raise CannotSave(f"{model.name[:60]}: give both prices or neither.", field="models")
    return [{**model.plain(), "name": name} for model, name in zip(models, names, strict=True)]


def _line(text: str, longest: int, field: str) -> str:
    line = text.strip()
    if not line or len(line) > longest or not line.isprintable():
        raise CannotSave(f"A name is one line of 1 to {longest} characters.", field=field)
    return line
