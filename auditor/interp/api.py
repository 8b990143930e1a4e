"""Subject models, dictionaries and their features for programs."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import File, Form, Query, Router, Schema
from ninja.files import UploadedFile
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role, Scope
from auditor.interp import queries, tasks
from auditor.interp.actions import dictionaries, features, subjects
from auditor.interp.actions.naming import CannotDo
from auditor.interp.models import Dictionary, ExplanationFile, Feature, SubjectModel
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem

router = Router(tags=["White box"])
Name = Annotated[str, Field(min_length=1, max_length=150)]


class SubjectIn(Schema):
    """A model to register."""

    name: Name
    source: Literal["folder", "hub"] = "folder"
    reference: str = Field(
        max_length=300, description="A folder below those allowed, or OWNER/NAME on the hub"
    )
    revision: str = Field("", max_length=100)
    adapter: str = Field("", max_length=300, description="LoRA, by the same kind of reference")
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    chat_template: str = Field("", max_length=subjects.MAX_TEMPLATE)


class SubjectOut(Schema):
    """A subject model, and what its check found."""

    slug: str
    name: str
    state: str = Field(description="unchecked, ready or refused")
    words: str = Field(description="Why it was refused")
    run: int | None
    source: str
    reference: str
    revision: str
    adapter: str
    dtype: str
    device: str
    architecture: str
    n_layers: int | None
    d_model: int | None
    context: int | None
    digest: str
    tokenizer_digest: str
    template_from: str
    chat_template: str
    detail: dict[str, Any]
    archived: bool

    @classmethod
    def of(cls, row: SubjectModel) -> "SubjectOut":
        kept = {name: getattr(row, name) for name in cls.model_fields if name not in ("run", "archived")}
        return cls(**kept, run=row.run_id, archived=row.archived_at is not None)


class ArchiveIn(Schema):
    """Whether it is put away."""

    archived: bool = True


class DictionaryOut(Schema):
    """A dictionary, without its weights."""

    slug: str
    name: str
    kind: str
    model_name: str
    hook: str
    layer: int | None
    d_in: int
    d_sae: int
    normalization: str
    scaling: float | None
    digest: str
    size: int
    neuronpedia_id: str
    configuration: dict[str, Any]
    features: int = Field(description="How many are known")
    pinned: int
    archived: bool

    @classmethod
    def of(cls, row: Dictionary) -> "DictionaryOut":
        own = ("features", "pinned", "archived")
        kept = {name: getattr(row, name) for name in cls.model_fields if name not in own}
        n_features, n_pinned = getattr(row, "n_features", 0), getattr(row, "n_pinned", 0)
        return cls(**kept, features=n_features, pinned=n_pinned, archived=row.archived_at is not None)


class ExplanationOut(Schema):
    """What somebody believes a feature stands for, and on how much it rests."""

    text: str
    source: str
    explainer: str
    context_tokens: int | None
    n_examples: int | None
    score: float | None
    score_kind: str


class FeatureOut(Schema):
    """A known feature."""

    index: int
    density: float | None
    density_from: str
    channel: str = Field(description="The key of its channel; empty: it is not pinned")
    explanations: list[ExplanationOut]

    @classmethod
    def of(cls, row: Feature) -> "FeatureOut":
        return cls(
            index=row.index, density=row.density, density_from=row.density_from,
            channel=row.channel.key if row.channel is not None else "",
            explanations=[ExplanationOut.from_orm(one) for one in row.explanations.all()],
        )  # fmt: skip


class PinsIn(Schema):
    """Features by their numbers."""

    features: list[Annotated[int, Field(ge=0, lt=1 << 31)]] = Field(min_length=1, max_length=512)


class PinnedOut(Schema):
    """How many of them are new."""

    pinned: int


class BroughtOut(Schema):
    """What came of a file of explanations."""

    features: int
    explanations: int
    densities: int
    rejected: int
    rejects: list[str]


class ExplanationFileOut(Schema):
    """A file of explanations that was handed in, and how far it is."""

    id: int
    run: int
    status: str
    lines: int
    brought: BroughtOut | None = Field(None, description="Once it has been read")

    @classmethod
    def of(cls, row: ExplanationFile) -> "ExplanationFileOut":
        run, brought = row.run, row.brought
        return cls(
            id=row.pk, run=run.pk, status=run.status, lines=run.done,
            brought=BroughtOut(**brought) if brought else None,
        )  # fmt: skip


class DictionaryIn(Schema):
    """What is said beside the files of a dictionary."""

    name: Name
    scaling: float | None = Field(None, gt=0, description="norm_scaling_factor, for expected_average_only_in")


class ExplanationsIn(Schema):
    """Where explanations come from, and what they were made from where the file does not say."""

    source: str = Field("", max_length=200)
    context_tokens: int | None = Field(None, ge=1, lt=1 << 31)
    n_examples: int | None = Field(None, ge=1, lt=1 << 31)


def refused(problem: CannotDo) -> Problem:
    """A refusal of the slice as one of the API."""
    return Problem(422, str(problem), field=problem.field)


@router.get(
    "/subject-models", response=Listed[SubjectOut], summary="The project's subject models, newest first"
)
def all_subjects(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[SubjectOut]:
    rows = queries.subjects_of(access_caller(request).project_id)
    return listed(rows, SubjectOut.of, after=after, limit=limit)


@router.post("/subject-models", response={202: SubjectOut}, summary="Register a model and have it checked")
def register(request: HttpRequest, said: SubjectIn) -> SubjectOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = tasks.queue_subject(project=membership.project, actor=membership.user, **said.dict())
    except CannotDo as problem:
        raise refused(problem) from problem
    return SubjectOut.of(made)


@router.get("/subject-models/{slug:subject}", response=SubjectOut, summary="One subject model")
def one_subject(request: HttpRequest, subject: str) -> SubjectOut:
    return SubjectOut.of(queries.access_subject(access_caller(request), subject))


@router.post(
    "/subject-models/{slug:subject}/check", response={202: SubjectOut}, summary="Have it checked once more"
)
def check(request: HttpRequest, subject: str) -> SubjectOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        tasks.queue_check(subject=queries.access_subject(membership, subject), actor=membership.user)
    except CannotDo as problem:
        raise Problem(409, str(problem)) from problem
    return SubjectOut.of(queries.access_subject(membership, subject))


@router.post(
    "/subject-models/{slug:subject}/archive", response=SubjectOut, summary="Put it away, or take it out"
)
def archive_subject(request: HttpRequest, subject: str, said: ArchiveIn) -> SubjectOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_subject(membership, subject)
    subjects.archive_subject(subject=found, actor=membership.user, archived=said.archived)
    return SubjectOut.of(queries.access_subject(membership, subject))


@router.get(
    "/dictionaries", response=Listed[DictionaryOut], summary="The project's dictionaries, newest first"
)
def all_dictionaries(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[DictionaryOut]:
    rows = queries.dictionaries_of(access_caller(request).project_id)
    return listed(rows, DictionaryOut.of, after=after, limit=limit)


@router.post("/dictionaries", response={201: DictionaryOut}, summary="Add a dictionary from its files")
def add(
    request: HttpRequest,
    said: Form[DictionaryIn],
    configuration: File[UploadedFile],
    weights: File[UploadedFile],
    sparsity: File[UploadedFile | None] = None,
) -> DictionaryOut:
    """As multipart/form-data: cfg.json, sae_weights.safetensors and, where there is one, sparsity.safetensors."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    try:
        made = dictionaries.add_from_upload(
            project=membership.project, configuration=configuration, weights=weights, sparsity=sparsity,
            name=said.name, scaling=said.scaling, actor=membership.user,
        )  # fmt: skip
    except CannotDo as problem:
        raise refused(problem) from problem
    return DictionaryOut.of(queries.access_dictionary(membership, made.slug))


@router.get("/dictionaries/{slug:dictionary}", response=DictionaryOut, summary="One dictionary")
def one_dictionary(request: HttpRequest, dictionary: str) -> DictionaryOut:
    return DictionaryOut.of(queries.access_dictionary(access_caller(request), dictionary))


@router.post(
    "/dictionaries/{slug:dictionary}/archive", response=DictionaryOut, summary="Put it away, or take it out"
)
def archive_dictionary(request: HttpRequest, dictionary: str, said: ArchiveIn) -> DictionaryOut:
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_dictionary(membership, dictionary)
    dictionaries.archive_dictionary(dictionary=found, actor=membership.user, archived=said.archived)
    return DictionaryOut.of(queries.access_dictionary(membership, dictionary))


@router.get(
    "/dictionaries/{slug:dictionary}/features",
    response=Listed[FeatureOut],
    summary="Its known features, by number",
)
def known_features(
    request: HttpRequest,
    dictionary: str,
    words: Annotated[str, Query(max_length=200, description="Of an explanation, or a number")] = "",
    pinned: bool = False,
    after: After = "",
    limit: Limit = 50,
) -> Listed[FeatureOut]:
    found = queries.access_dictionary(access_caller(request), dictionary)
    rows = queries.features_of(found, words.replace("\0", ""), pinned=pinned)
    return listed(rows, FeatureOut.of, after=after, limit=limit, key="index", descending=False)


@router.post("/dictionaries/{slug:dictionary}/pins", response=PinnedOut, summary="Pin features")
def pin(request: HttpRequest, dictionary: str, said: PinsIn) -> PinnedOut:
    """Each gets a channel, and captures watch it; safe to repeat."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_dictionary(membership, dictionary)
    try:
        n = features.pin_features(dictionary=found, indices=said.features, actor=membership.user)
    except CannotDo as problem:
        raise refused(problem) from problem
    return PinnedOut(pinned=n)


@router.post(
    "/dictionaries/{slug:dictionary}/explanations",
    response={202: ExplanationFileOut},
    summary="Hand in explanations of its features",
)
def explain(
    request: HttpRequest, dictionary: str, said: Form[ExplanationsIn], file: File[UploadedFile]
) -> ExplanationFileOut:
    """A file of Neuronpedia's, JSON or JSONL, gzipped or not, as multipart/form-data; a worker reads it. Safe to repeat."""
    membership = access_caller(request, scope=Scope.MANAGE, role=Role.MANAGER)
    found = queries.access_dictionary(membership, dictionary)
    try:
        made = tasks.queue_explanations(
            dictionary=found, chunks=file.chunks(), file_name=str(file.name or "file"), actor=membership.user,
            source=said.source, context_tokens=said.context_tokens, n_examples=said.n_examples,
        )  # fmt: skip
    except CannotDo as problem:
        raise refused(problem) from problem
    return ExplanationFileOut.of(queries.access_explanation_file(found, made.pk))


@router.get(
    "/dictionaries/{slug:dictionary}/explanations/{file}",
    response=ExplanationFileOut,
    summary="What became of a file of explanations",
)
def explained(request: HttpRequest, dictionary: str, file: int) -> ExplanationFileOut:
    """`brought` is there once it has been read."""
    found = queries.access_dictionary(access_caller(request), dictionary)
    return ExplanationFileOut.of(queries.access_explanation_file(found, file))
