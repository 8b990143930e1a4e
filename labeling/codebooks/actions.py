"""Writing codebooks: drafts are saved by number, and a version is published once and stands for ever."""

from django.db import transaction

from auditor.accounts.models import Project, User
from auditor.corpus.sanitise import clean_text
from auditor.ledger.actions import record
from labeling.codebooks.defaults import DEFAULT, text_of
from labeling.codebooks.definition import digest, dump
from labeling.codebooks.examples import Addition, add_to
from labeling.codebooks.models import Codebook, CodebookDraft, CodebookVersion
from labeling.codebooks.node import CodebookError
from labeling.codebooks.parts import Codebook as Definition
from labeling.codebooks.queries import Sheet, sheet_of
from labeling.codebooks.written import MAX_TEXT, Problem, read_text, write_text


class StaleDraft(Exception):
    """Somebody else has written since the text was opened."""

    def __init__(self, standing: Sheet) -> None:
        super().__init__("The draft was changed by somebody else since you opened it.")
        self.standing = standing


class NotPublishable(ValueError):
    """The draft defines no codebook yet, or nothing new; the message says which."""


def publish(*, codebook: Codebook, definition: Definition, actor: User | None) -> CodebookVersion:
    """The next version of a codebook; an equal one that was published before is given back instead."""
    with transaction.atomic():
        Codebook.objects.select_for_update().get(pk=codebook.pk)
        sign = digest(definition)
        newest = codebook.versions.order_by("-number").first()
        same = codebook.versions.filter(digest=sign).order_by("-number").first()
        if same is not None:
            return same
        version = CodebookVersion.objects.create(
            codebook=codebook,
            number=newest.number + 1 if newest else 1,
            definition=dump(definition),
            digest=sign,
            created_by=actor,
        )
        record(
            verb="codebook.published",
            subject=version,
            actor=actor,
            project_id=codebook.project_id,
            name=codebook.name,
            number=version.number,
            digest=sign,
        )
    return version


def adopt_default(*, project: Project, actor: User | None) -> CodebookVersion:
    """The codebook that ships with the app, published in the project; safe to repeat.

    A newer release of the app may bring a newer text, which then becomes the next version.
    """
    written = read_text(text_of(DEFAULT))
    assert written.codebook is not None, written.problem
    with transaction.atomic():
        codebook, _ = Codebook.objects.get_or_create(project=project, name=written.codebook.title[:150])
        return publish(codebook=codebook, definition=written.codebook, actor=actor)


def create(*, project: Project, name: str, text: str, actor: User) -> Codebook:
    """A new codebook whose draft is this text, read or not; its first version comes with publishing.

    Raises:
        IntegrityError: the project has a codebook of this name.
        CodebookError: the text is too long to keep.
    """
    _check_length(text)
    with transaction.atomic():
        codebook = Codebook.objects.create(project=project, name=name.strip()[:150])
        record(
            verb="codebook.created", subject=codebook, actor=actor, project_id=project.pk, name=codebook.name
        )
        _write(sheet_of(codebook), text=text, waiting=[], actor=actor)
    return codebook


def save_draft(*, codebook: Codebook, text: str, base: int, actor: User) -> CodebookDraft:
    """Keep the text as the draft, whether it defines a codebook yet or not; the same text again changes nothing.

    Examples that were added while the text was open are no conflict: they are added to it too.

    Args:
        base: number of the draft that the text was written over, 0 if there was none.

    Raises:
        StaleDraft: another text was saved since.
        CodebookError: the text is too long to keep.
    """
    _check_length(text)
    with transaction.atomic():
        standing = _hold(codebook)
        text = clean_text(text.replace("\r\n", "\n"))
        if standing.draft is not None and standing.changed and standing.text == text:
            return standing.draft
        missed = standing.missed_since(base)
        if missed is None:
            raise StaleDraft(standing)
        draft = _write(standing, text=text, waiting=[*standing.waiting, *missed], actor=actor)
        record(
            verb="codebook.draft_saved", subject=codebook, actor=actor, project_id=codebook.project_id,
            number=draft.number, characters=len(draft.text), reads=not draft.problem,
        )  # fmt: skip
    return draft


def discard_draft(*, codebook: Codebook, base: int, actor: User) -> None:
    """Go back to the newest version; examples that wait go too. Safe to repeat.

    Raises:
        StaleDraft: another text was saved since.
        NotPublishable: there is no version yet to go back to.
    """
    with transaction.atomic():
        standing = _hold(codebook)
        if standing.draft is None or not standing.changed:
            return
        _check_base(standing, base)
        if standing.newest is None:
            raise NotPublishable("This codebook has no version yet to go back to.")
        _settle(standing.draft, standing.newest, text="", waiting=[], actor=actor)
        record(
            verb="codebook.draft_discarded", subject=codebook, actor=actor, project_id=codebook.project_id,
            number=standing.number,
        )  # fmt: skip


def publish_draft(*, codebook: Codebook, base: int, actor: User, text: str | None = None) -> CodebookVersion:
    """The draft as the next version; a draft that says what a version already says gives that version.

    Args:
        base: number of the draft that is published, as its reader knew it.
        text: saved first, where it is given.

    Raises:
        StaleDraft: another text was saved since.
        NotPublishable: the text defines no codebook.
        CodebookError: the text is too long to keep.
    """
    with transaction.atomic():
        if text is not None and text.replace("\r\n", "\n") != _hold(codebook).text:
            base = save_draft(codebook=codebook, text=text, base=base, actor=actor).number
        standing = _hold(codebook)
        if standing.draft is None or not standing.changed:
            if standing.newest is not None:  # sent again after it was published
                return standing.newest
            raise NotPublishable("There is nothing to publish.")
        _check_base(standing, base)
        written = standing.written
        if written.codebook is None:
            raise NotPublishable(written.problem.words if written.problem else "The text defines nothing.")
        version = publish(codebook=codebook, definition=written.codebook, actor=actor)
        _settle(standing.draft, version, text=standing.text, waiting=standing.waiting, actor=actor)
    return version


def add_example(
    *,
    codebook: Codebook,
    label: str,
    case: str,
    because: str,
    counter: bool = False,
    actor: User,
    source: str = "",
) -> CodebookDraft:
    """One more example (or counter-example) of a label in the draft, made from the newest version if need be.

    It is never lost: while the draft's text defines nothing, or has no such label, the example waits
    beside it and is added when it can be. The same example again changes nothing.

    Args:
        source: where it comes from, such as "ruling on item 12"; everybody who reads the codebook reads it.

    Raises:
        CodebookError: no version and no draft of this codebook ever had the label, or a text is empty or too long.
    """
    addition = Addition.of(label=label, case=case, because=because, counter=counter, source=source)
    with transaction.atomic():
        standing = _hold(codebook)
        newest = standing.newest_definition
        known = {*(newest.by_code if newest else ()), *standing.labels}
        if label not in known:
            raise CodebookError(f"labels: there is no label '{label[:20]}'")
        draft = standing.draft
        if draft is not None and standing.has(addition):
            return draft
        text, waiting = standing.text, [*standing.waiting, addition.plain()]
        draft = _write(standing, text=text, waiting=waiting, actor=actor)
        draft.additions = [*draft.additions, {"number": draft.number, "example": addition.plain()}]
        draft.save(update_fields=["additions"])
        record(
            verb="codebook.example_added", subject=codebook, actor=actor, project_id=codebook.project_id,
            label=label, counter=counter, source=addition.source, waits=bool(draft.waiting),
        )  # fmt: skip
    return draft


def _hold(codebook: Codebook) -> Sheet:
    """The draft as it stands, with the codebook's row held until the transaction ends."""
    return sheet_of(Codebook.objects.select_for_update().get(pk=codebook.pk))


def _check_base(standing: Sheet, base: int) -> None:
    if standing.number != base:
        raise StaleDraft(standing)


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise CodebookError(f"text: longer than {MAX_TEXT:,} characters")


def _write(standing: Sheet, *, text: str, waiting: list[dict[str, object]], actor: User) -> CodebookDraft:
    """Store the text; examples that wait are added to it as far as it has their labels."""
    written = read_text(clean_text(text))
    if written.codebook is not None and waiting:
        filled, waiting = add_to(written.codebook, waiting)
        if filled != written.codebook:
            written = read_text(write_text(filled))
    problem = written.problem or Problem("")
    draft, _ = CodebookDraft.objects.update_or_create(
        codebook=standing.codebook,
        defaults={
            "based_on": standing.based_on,
            "number": standing.number + 1,
            "changed": True,
            "text": written.text,
            "definition": dump(written.codebook) if written.codebook else None,
            "problem": problem.words,
            "waiting": waiting,
            "additions": standing.draft.additions if standing.draft is not None and standing.changed else [],
            "updated_by": actor,
        },
    )
    return draft


def _settle(
    draft: CodebookDraft,
    version: CodebookVersion,
    *,
    text: str,
    waiting: list[dict[str, object]],
    actor: User,
) -> None:
    """The draft says what the version says; the row stays, so that its number never comes again."""
    draft.based_on, draft.number, draft.changed = version, draft.number + 1, False
    draft.text, draft.waiting, draft.updated_by = text, waiting, actor
    draft.definition, draft.problem, draft.additions = None, "", []
    draft.save()
