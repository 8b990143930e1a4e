"""Subject models, dictionaries and captures from the command line."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.accounts.models import Project
from auditor.evidence.queries import visible_to
from auditor.interp import queries, tasks
from auditor.interp.actions import captures, dictionaries, features, subjects
from auditor.interp.actions.captures import USUAL_TOP, Wanted
from auditor.interp.actions.naming import CannotDo
from auditor.interp.models import READY, Capture, Dictionary, Probe, SubjectModel
from auditor.runs.actions import carry
from auditor.runs.models import Run
from auditor.sampling.commandline import chosen_of, in_project, manager_of, over_transcripts, project_of


class Command(BaseCommand):
    help = "Register subject models, add dictionaries and explanations, let a model read transcripts."

    def add_arguments(self, parser: CommandParser) -> None:
        about = parser.add_subparsers(dest="about", required=True)
        subject = about.add_parser("subject", help="models whose activations are read").add_subparsers(
            dest="does", required=True
        )
        in_project(subject.add_parser("list", help="the project's subject models, as JSON lines"))
        one = in_project(subject.add_parser("add", help="register a model and have it checked"))
        one.add_argument("name", help="as people call it")
        where = one.add_mutually_exclusive_group(required=True)
        where.add_argument("--folder", help="below those of AUDITOR_MODEL_FOLDERS")
        where.add_argument("--hub", help="OWNER/NAME, where AUDITOR_ALLOW_HUB is set")
        one.add_argument("--revision", default="")
        one.add_argument("--adapter", default="", help="LoRA, found like the model")
        one.add_argument("--dtype", default="float32", choices=subjects.DTYPES)
        one.add_argument("--device", default="auto", choices=subjects.DEVICES)
        one.add_argument(
            "--template", type=Path, help="a file with a chat template, instead of the model's own"
        )
        one.add_argument(
            "--here", action="store_true", help="check it in this process, which then needs torch"
        )
        dictionary = about.add_parser("dictionary", help="SAEs and transcoders").add_subparsers(
            dest="does", required=True
        )
        in_project(dictionary.add_parser("list", help="the project's dictionaries, as JSON lines"))
        one = in_project(dictionary.add_parser("add", help="add one from a folder of this machine"))
        one.add_argument("folder", type=Path, help="with cfg.json and sae_weights.safetensors")
        one.add_argument("--name", required=True)
        one.add_argument("--scaling", type=float, help="norm_scaling_factor, for expected_average_only_in")
        one = in_project(
            dictionary.add_parser("pin", help="give features a channel, so that captures watch them")
        )
        one.add_argument("dictionary", help="its short name")
        one.add_argument("features", nargs="+", type=int)
        one = in_project(about.add_parser("explanations", help="bring in what others say of features"))
        one.add_argument("dictionary", help="its short name")
        one.add_argument("files", nargs="+", type=Path, help="Neuronpedia's JSON or JSONL, gzipped or not")
        one.add_argument("--source", default="", help="where they come from (default: the file's name)")
        one.add_argument(
            "--context-tokens", type=int, help="how long the snippets were that the explainer saw"
        )
        one.add_argument("--examples", type=int, help="how many of them")
        capture = about.add_parser("capture", help="let a model read transcripts").add_subparsers(
            dest="does", required=True
        )
        in_project(capture.add_parser("list", help="the project's captures, as JSON lines"))
        one = over_transcripts(in_project(capture.add_parser("run", help="start one")))
        one.add_argument("--subject", required=True, help="the model's short name")
        one.add_argument("--probe", action="append", default=[], help="probe.SLUG.v1; may be given again")
        one.add_argument(
            "--watch", action="append", default=[], help="DICTIONARY or DICTIONARY:3,12; may be given again"
        )
        one.add_argument("--full", action="append", default=[], help="the same, every feature computed")
        one.add_argument("--top", type=int, default=USUAL_TOP, help="strongest kept of each token, in full")
        one.add_argument(
            "--here", action="store_true", help="carry it in this process, which then needs torch"
        )
        one = in_project(capture.add_parser("refused", help="print what could not be read, as JSON lines"))
        one.add_argument("capture", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        does = "_".join(part for part in (options["about"], options.get("does")) if part)
        try:
            getattr(self, f"do_{does}")(options)
        except CannotDo as problem:
            raise CommandError(f"{problem.field}: {problem}" if problem.field else str(problem)) from problem

    def do_subject_list(self, options: dict[str, Any]) -> None:
        for one in queries.subjects_of(project_of(options).pk):
            self._line(
                slug=one.slug, state=one.state, reference=one.reference, digest=one.digest, words=one.words
            )

    def do_subject_add(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        opened = subjects.register_subject if options["here"] else tasks.queue_subject
        template = options["template"].read_text(encoding="utf-8") if options["template"] else ""
        made = opened(
            project=project, name=options["name"], source="hub" if options["hub"] else "folder",
            reference=options["hub"] or options["folder"], revision=options["revision"], adapter=options["adapter"],
            dtype=options["dtype"], device=options["device"], chat_template=template,
            actor=manager_of(project, options),
        )  # fmt: skip
        self.stdout.write(f"model {made.slug}")
        if options["here"]:
            assert made.run is not None
            self._carry(made.run)
            made.refresh_from_db()
            self.stdout.write(f"{made.architecture}, {made.n_layers} blocks, digest {made.digest[:12]}")

    def do_dictionary_list(self, options: dict[str, Any]) -> None:
        for one in queries.dictionaries_of(project_of(options).pk):
            self._line(slug=one.slug, kind=one.kind, hook=one.hook, d_sae=one.d_sae, digest=one.digest)

    def do_dictionary_add(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        made = dictionaries.add_from_folder(
            project=project, folder=options["folder"], name=options["name"], scaling=options["scaling"],
            actor=manager_of(project, options),
        )  # fmt: skip
        self.stdout.write(f"dictionary {made.slug}: {made.kind}, {made.d_sae:,} features at {made.hook}")

    def do_dictionary_pin(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        n = features.pin_features(
            dictionary=_dictionary(project, options["dictionary"]), indices=options["features"],
            actor=manager_of(project, options),
        )  # fmt: skip
        self.stdout.write(f"{n} more are pinned")

    def do_explanations(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        found, actor = _dictionary(project, options["dictionary"]), manager_of(project, options)
        for path in options["files"]:
            try:
                with path.open("rb") as stream:
                    said = features.import_explanations(
                        dictionary=found, stream=stream, file_name=path.name, actor=actor, source=options["source"],
                        context_tokens=options["context_tokens"], n_examples=options["examples"],
                    )  # fmt: skip
            except OSError as problem:
                raise CommandError(f"{path}: {problem.strerror}") from problem
            self.stdout.write(f"{path.name}: {said.in_words()}")
            for reject in said.rejects:
                self.stderr.write(reject)

    def do_capture_list(self, options: dict[str, Any]) -> None:
        for one in queries.with_states(queries.captures_of(project_of(options).pk)):
            self._line(
                id=one.pk, status=one.run.status, subject=one.subject.slug, chosen=one.in_words, tokens=one.n_tokens,
                transcripts=queries.tally_of(one).plain(),
            )  # fmt: skip

    def do_capture_run(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        subject = SubjectModel.objects.filter(project=project, slug=options["subject"]).first()
        if subject is None or subject.state != READY:
            raise CommandError(f"{project.slug} has no checked model {options['subject']}")
        wanted = [Wanted(probe=_probe(project, key)) for key in options["probe"]]
        for mode in ("watch", "full"):
            wanted += [_looking(project, words, mode, options["top"]) for words in options[mode]]
        opened = captures.open_capture if options["here"] else tasks.queue_capture
        made = opened(
            project=project, subject=subject, wanted=wanted, chosen=chosen_of(project, options),
            actor=manager_of(project, options),
        )  # fmt: skip
        self.stdout.write(f"capture {made.pk}")
        if options["here"]:
            self._carry(made.run)

    def do_capture_refused(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        found = Capture.objects.filter(project=project, pk=options["capture"]).first()
        if found is None:
            raise CommandError(f"{project.slug} has no capture {options['capture']}")
        rows = queries.rows_of(visible_to(manager_of(project, options)), found)
        for row in rows.filter(state__in=["not_fit", "failed"]).iterator(chunk_size=500):
            name = row.transcript.external_id or row.transcript_id
            self._line(transcript=name, state=row.state, words=row.words)

    def _line(self, **said: Any) -> None:
        self.stdout.write(json.dumps(said, ensure_ascii=False))

    def _carry(self, run: Run) -> None:
        while True:
            with carry(run.pk) as ticket:
                if ticket is not None:
                    tasks.CARRIED[run.task](ticket)
            if ticket is None or not ticket.again:
                break
        run.refresh_from_db()
        self.stdout.write(f"{run.status}: {run.note}")
        if run.status != "done":
            raise CommandError(run.note or run.status)


def _dictionary(project: Project, slug: str) -> Dictionary:
    found = Dictionary.objects.filter(project=project, slug=slug).first()
    if found is None:
        raise CommandError(f"{project.slug} has no dictionary {slug}")
    return found


def _probe(project: Project, key: str) -> Probe:
    found = queries.probes_of(project.pk).filter(channel__key=key).first()
    if found is None:
        raise CommandError(f"{project.slug} has no probe {key}")
    return found


def _looking(project: Project, words: str, mode: str, top: int) -> Wanted:
    slug, named, listed = words.partition(":")
    try:
        indices = [int(one) for one in listed.split(",")] if named else None
    except ValueError as problem:
        raise CommandError(f"{words}: features are numbers with commas between them") from problem
    return Wanted(dictionary=_dictionary(project, slug), mode=mode, features=indices, top=top)
