"""Making judges and versions, and asking for runs; carrying a run is `running`'s."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.text import slugify

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from auditor.judging.definition import (
    ENTROPY,
    MOST_EXAMPLES,
    MOST_VOTES,
    Definition,
    DefinitionProblem,
    Parameters,
    digest_of,
)
from auditor.judging.models import (
    UNANSWERED,
    InjectionCheck,
    Judge,
    JudgeRun,
    JudgeVersion,
    Preflight,
    Verdict,
)
from auditor.judging.prompting import DEFAULT_TEMPLATE, TemplateProblem, check_template
from auditor.judging.rendering import Renderer
from auditor.judging.rubric import RubricProblem, parse_rubric
from auditor.judging.states import WAITING
from auditor.ledger.actions import record
from auditor.llm.models import Endpoint
from auditor.llm.prices import read_models
from auditor.runs.actions import open_run
from auditor.sampling.choosing import Chosen

JUDGE_TASK = "judging.judge"
PREFLIGHT_TASK = "judging.preflight"
INJECTIONS_TASK = "judging.injections"
MAX_SEED = 2**31 - 1
NO_MODEL = "The endpoint does not list this model."


class SameVersion(ValueError):
    """Nothing that bears on a verdict would differ from a version that is there; `version` is that one."""

    def __init__(self, version: JudgeVersion) -> None:
        super().__init__(f"This is {version} as it stands: nothing that bears on a verdict differs.")
        self.version = version


class CannotJudge(ValueError):
    """The run cannot be as asked; the message says why."""


def create_judge(*, project: Project, name: str, actor: User | None, slug: str = "") -> Judge:
    """A judge without versions yet.

    Raises:
        DefinitionProblem: no name, or the project has a judge of this short name.
    """
    name = name.strip()
    slug = slug or slugify(name)[:60].strip("-")
    if not name or not slug:
        raise DefinitionProblem("name", "Give the judge a name with letters or digits in it.")
    try:
        with transaction.atomic():
            judge = Judge.objects.create(project=project, slug=slug[:60], name=name[:150], created_by=actor)
            record(verb="judge.created", subject=judge, actor=actor, project_id=project.pk, slug=judge.slug)
    except IntegrityError as problem:
        raise DefinitionProblem("name", f"There is a judge {slug} already.") from problem
    return judge


def write_version(
    *,
    judge: Judge,
    endpoint: Endpoint,
    model: str,
    rubric: str,
    actor: User | None,
    template: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    renderer: Mapping[str, Any] | None = None,
    votes: int = 1,
    examples: Sequence[Mapping[str, Any]] = (),
    examples_from: Mapping[str, Any] | None = None,
    note: str = "",
) -> JudgeVersion:
    """The judge's next version; every part is read and checked before anything is kept.

    Raises:
        DefinitionProblem: a part that cannot be; the message says where and why.
        SameVersion: its digest is that of a version which is there.
    """
    definition = checked(
        endpoint=endpoint, model=model, rubric=rubric, template=template, parameters=parameters,
        renderer=renderer, votes=votes, examples=examples,
    )  # fmt: skip
    if endpoint.project_id != judge.project_id or endpoint.archived_at is not None:
        raise DefinitionProblem("endpoint", "The project has no such endpoint.")
    with transaction.atomic():
        Judge.objects.select_for_update().get(pk=judge.pk)
        same = JudgeVersion.objects.filter(judge=judge, digest=definition.digest).first()
        if same is not None:
            raise SameVersion(same)
        newest = JudgeVersion.objects.filter(judge=judge).aggregate(newest=Max("number"))["newest"] or 0
        version = JudgeVersion.objects.create(
            judge=judge, number=newest + 1, digest=definition.digest, rubric=definition.rubric,
            template=definition.template, endpoint=endpoint, base_url=definition.base_url, model=model,
            parameters=definition.parameters.to_json(), renderer=definition.renderer.to_json(), votes=votes,
            examples=[dict(one) for one in examples], examples_from=dict(examples_from or {}), note=note[:300],
            created_by=actor,
        )  # fmt: skip
        record(
            verb="judge.version_written", subject=version, actor=actor, project_id=judge.project_id,
            judge=judge.slug, number=version.number, digest=version.digest,
        )  # fmt: skip
    return version


def checked(
    *,
    endpoint: Endpoint,
    model: str,
    rubric: str,
    template: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    renderer: Mapping[str, Any] | None = None,
    votes: int = 1,
    examples: Sequence[Mapping[str, Any]] = (),
) -> Definition:
    """A definition whose every part can be read; nothing is kept.

    Raises:
        DefinitionProblem: see there.
    """
    listed = {one.name: one for one in read_models(endpoint.models)}
    if model not in listed:
        raise DefinitionProblem("model", NO_MODEL)
    text = (template or DEFAULT_TEMPLATE).replace("\r\n", "\n")
    rubric = rubric.replace("\r\n", "\n")
    try:
        if ENTROPY in parse_rubric(rubric).by_key:
            raise DefinitionProblem(
                "rubric", f"No dimension is called {ENTROPY}: that is how far votes differ."
            )
    except RubricProblem as problem:
        raise DefinitionProblem("rubric", str(problem)) from problem
    try:
        check_template(text)
    except TemplateProblem as problem:
        raise DefinitionProblem("template", str(problem)) from problem
    given = dict(parameters or {})
    given.setdefault("context", listed[model].context)
    read = Parameters.from_json(given)
    try:
        drawn = Renderer.from_json(renderer or {})
    except (TypeError, ValueError) as problem:
        raise DefinitionProblem("renderer", str(problem)) from problem
    if isinstance(votes, bool) or not 1 <= votes <= MOST_VOTES:
        raise DefinitionProblem("votes", f"A judge votes 1 to {MOST_VOTES} times.")
    if votes > 1 and read.temperature == 0 and read.seed is None:
        raise DefinitionProblem(
            "votes", "Several votes at temperature 0 are one vote said again: raise the temperature."
        )
    if len(examples) > MOST_EXAMPLES:
        raise DefinitionProblem("examples", f"At most {MOST_EXAMPLES} examples fit a prompt.")
    return Definition(
        rubric=rubric, base_url=endpoint.base_url, model=model, template=text, parameters=read, renderer=drawn,
        votes=votes, examples=examples,
    )  # fmt: skip


def archive_judge(*, judge: Judge, actor: User, archived: bool = True) -> None:
    """Put a judge away, or take it out again; its versions, runs and readings stand."""
    with transaction.atomic():
        row = Judge.objects.select_for_update().get(pk=judge.pk)
        if (row.archived_at is not None) == archived:
            return
        row.archived_at = timezone.now() if archived else None
        row.save(update_fields=["archived_at"])
        verb = "judge.archived" if archived else "judge.taken_out"
        record(verb=verb, subject=row, actor=actor, project_id=row.project_id)


def imported_version(*, channel: Channel, actor: User | None) -> JudgeVersion:
    """The version behind a channel of verdicts that came from outside; made with the channel, marked as imported.

    What its source said of the judge (rubric, model, prompt) stands in the channel's detail. Called by
    `evidence` by way of the settings, which have its name, since evidence knows no producer.
    """
    slug = slugify(channel.key.removeprefix("judge.").replace(".", "-"))[:60].strip("-") or f"c{channel.pk}"
    with transaction.atomic():
        judge, _ = Judge.objects.get_or_create(
            project_id=channel.project_id,
            slug=slug,
            defaults={"name": channel.name[:150], "created_by": actor},
        )
        Judge.objects.select_for_update().get(pk=judge.pk)
        newest = judge.versions.aggregate(newest=Max("number"))["newest"] or 0
        version, made = JudgeVersion.objects.get_or_create(
            channel=channel,
            defaults={
                "judge": judge, "number": newest + 1, "imported": True, "created_by": actor,
                "digest": digest_of({"imported": channel.key, "project": channel.project_id}),
                "rubric": str(channel.detail.get("rubric", "")),
                "model": str(channel.detail.get("model", ""))[:200],
                "note": "Came in with a log; what it was asked is what the log says.",
            },
        )  # fmt: skip
        if made:
            record(
                verb="judge.version_imported", subject=version, actor=actor, project_id=channel.project_id,
                channel=channel.key,
            )  # fmt: skip
    return version


def open_preflight(*, version: JudgeVersion, chosen: Chosen, actor: User) -> Preflight:
    """Ask what a run would cost; ring for its run.

    Raises:
        CannotJudge: an imported or archived judge.
    """
    _can_be_asked(version)
    with transaction.atomic():
        run = open_run(
            project_id=version.judge.project_id, kind="preflight", title=f"Try {version} on {chosen.in_words()}",
            task=PREFLIGHT_TASK, actor=actor, total=3, unit="verdicts",
        )  # fmt: skip
        made = Preflight.objects.create(
            version=version,
            run=run,
            chosen=chosen.to_json(),
            seed=secrets.randbelow(MAX_SEED),
            created_by=actor,
        )
        record(
            verb="judging.preflight_opened", subject=made, actor=actor, project_id=version.judge.project_id,
            version=version.pk, digest=version.digest,
        )  # fmt: skip
    return made


def open_judging(
    *,
    version: JudgeVersion,
    chosen: Chosen,
    actor: User,
    cap: int | None = None,
    concurrency: int | None = None,
) -> JudgeRun:
    """Ask a version to judge; ring for its run. Verdict rows are laid by whoever carries it.

    Args:
        cap: millionths of the endpoint's currency that it may spend; None: no cap.
        concurrency: calls at once, at most the endpoint's.

    Raises:
        CannotJudge: an imported or archived judge, a cap without prices, or a bad number.
    """
    _can_be_asked(version)
    if cap is not None and cap <= 0:
        raise CannotJudge("A cap is more than nothing.")
    if cap is not None and not _has_price(version):
        raise CannotJudge("A cap needs the model's price: the endpoint does not list one.")
    if concurrency is not None and not 1 <= concurrency <= 256:
        raise CannotJudge("Between 1 and 256 calls go out at once.")
    with transaction.atomic():
        run = open_run(
            project_id=version.judge.project_id, kind="judging", title=f"{version} judges {chosen.in_words()}",
            task=JUDGE_TASK, actor=actor, unit="verdicts",
        )  # fmt: skip
        made = JudgeRun.objects.create(
            project_id=version.judge.project_id, version=version, run=run, chosen=chosen.to_json(),
            in_words=chosen.in_words()[:500], cap=cap, concurrency=concurrency, created_by=actor,
        )  # fmt: skip
        record(
            verb="judging.opened", subject=made, actor=actor, project_id=made.project_id, version=version.pk,
            digest=version.digest, cap=cap,
        )  # fmt: skip
    return made


def open_injection_check(*, version: JudgeVersion, actor: User) -> InjectionCheck:
    """Ask how far planted instructions move a version's verdicts; ring for its run.

    Raises:
        CannotJudge: an imported or archived judge.
    """
    from auditor.judging.injections import SET

    _can_be_asked(version)
    with transaction.atomic():
        run = open_run(
            project_id=version.judge.project_id, kind="injections", title=f"Planted instructions against {version}",
            task=INJECTIONS_TASK, actor=actor, total=len(SET.pairs), unit="planted texts",
        )  # fmt: skip
        made = InjectionCheck.objects.create(
            version=version, run=run, set_digest=SET.digest, created_by=actor
        )
        record(
            verb="judging.injections_opened", subject=made, actor=actor, project_id=version.judge.project_id,
            version=version.pk,
        )  # fmt: skip
    return made


def raise_cap(*, judging: JudgeRun, cap: int | None, actor: User) -> None:
    """Let a run spend more, or as much as it needs.

    Raises:
        CannotJudge: less than it has spent, or a cap without prices.
    """
    with transaction.atomic():
        row = (
            JudgeRun.objects.select_for_update(of=("self",))
            .select_related("version__endpoint")
            .get(pk=judging.pk)
        )
        if cap is not None and cap <= row.spent:
            raise CannotJudge("It has spent so much already.")
        if cap is not None and not _has_price(row.version):
            raise CannotJudge("A cap needs the model's price: the endpoint does not list one.")
        before, row.cap = row.cap, cap
        row.save(update_fields=["cap"])
        record(
            verb="judging.cap_changed",
            subject=row,
            actor=actor,
            project_id=row.project_id,
            before=before,
            after=cap,
        )


def retry_failed(*, judging: JudgeRun, actor: User) -> int:
    """Put the verdicts that got no reply back to waiting; what was answered stays. Then reopen the run.

    Returns:
        How many there are to do again.
    """
    with transaction.atomic():
        row = JudgeRun.objects.select_for_update().get(pk=judging.pk)
        n = Verdict.objects.filter(run=row, state__in=UNANSWERED).update(
            state=WAITING, words="", finished_at=None, recorded=False
        )
        if n:
            record(verb="judging.retried", subject=row, actor=actor, project_id=row.project_id, verdicts=n)
    return n


def add_spent(judging_id: int, *, spent: int, cached: int, repeated: int) -> None:
    """Count what a batch of answers cost, in the transaction that stores them."""
    if spent or cached or repeated:
        JudgeRun.objects.filter(pk=judging_id).update(
            spent=F("spent") + spent, cached=F("cached") + cached, repeated=F("repeated") + repeated
        )


def _can_be_asked(version: JudgeVersion) -> None:
    if version.imported or version.endpoint is None:
        raise CannotJudge("This judge came in with a log; what it said is here, but it cannot be asked.")
    if version.judge.archived_at is not None:
        raise CannotJudge("This judge is archived.")
    if version.endpoint.archived_at is not None:
        raise CannotJudge("Its endpoint is archived.")
    if version.endpoint.base_url != version.base_url:
        raise CannotJudge("Its endpoint has another address now: write a new version.")


def _has_price(version: JudgeVersion) -> bool:
    """Whether the endpoint says what the version's model costs."""
    assert version.endpoint is not None
    models = read_models(version.endpoint.models)
    return any(one.name == version.model and one.has_price for one in models)
