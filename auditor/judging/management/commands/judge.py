"""Judges from the command line: check and write rubrics, ask what a run costs, run one, list, export."""

import sys
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.accounts.models import Project
from auditor.evidence.queries import visible_to
from auditor.judging import actions, queries, tasks
from auditor.judging.definition import DefinitionProblem
from auditor.judging.models import Judge, JudgeRun, JudgeVersion
from auditor.judging.rubric import RubricProblem, parse_rubric
from auditor.judging.shipped import SHIPPED
from auditor.llm.models import Endpoint
from auditor.runs.actions import carry
from auditor.runs.models import Run
from auditor.sampling.commandline import chosen_of, in_project, manager_of, over_transcripts, project_of

MOST = 400_000  # bytes of a file


class Command(BaseCommand):
    help = "Write, list and run judges; import and export their rubrics."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        one = does.add_parser("rubrics", help="list the rubrics that come with Auditor, or print one")
        one.add_argument("key", nargs="?", help="which one to print")
        one = does.add_parser("check", help="say whether a file is a rubric, and where it fails")
        one.add_argument("file", type=Path, help="Markdown with front matter; - reads standard input")
        one = in_project(does.add_parser("list", help="list the project's judges and their versions"))
        one = in_project(does.add_parser("export", help="print the rubric of a version"))
        one.add_argument("version", help="as SLUG or SLUG.v3")
        one = in_project(does.add_parser("write", help="write the next version of a judge, made if need be"))
        one.add_argument("file", type=Path, help="the rubric; - reads standard input")
        one.add_argument("--judge", required=True, help="the judge's short name")
        one.add_argument("--endpoint", required=True, help="the endpoint's name")
        one.add_argument("--model", required=True)
        one.add_argument("--votes", type=int, default=1)
        one.add_argument("--temperature", type=float, default=0.0)
        for name, words in (("cost", "ask what a run would cost"), ("run", "let a version judge")):
            one = in_project(does.add_parser(name, help=words))
            one.add_argument("version", help="as SLUG or SLUG.v3")
            over_transcripts(one)
            one.add_argument("--here", action="store_true", help="carry it in this process, without a worker")
            if name == "run":
                one.add_argument(
                    "--cap", type=float, help="the most that it may spend, in the endpoint's currency"
                )
        one = in_project(does.add_parser("verdicts", help="print a run's verdicts as JSON lines"))
        one.add_argument("run", type=int, help="number of the judge run")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"do_{options['does']}")(options)

    def do_rubrics(self, options: dict[str, Any]) -> None:
        if options["key"] is None:
            for key, rubric in SHIPPED.items():
                self.stdout.write(f"{key}: {rubric.parsed.about}")
        elif options["key"] not in SHIPPED:
            raise CommandError(f"there is no rubric {options['key']}; there are {', '.join(SHIPPED)}")
        else:
            self.stdout.write(SHIPPED[options["key"]].text, ending="")

    def do_check(self, options: dict[str, Any]) -> None:
        try:
            rubric = parse_rubric(_read(options["file"]))
        except RubricProblem as problem:
            raise CommandError(f"{options['file']}: {problem}") from problem
        self.stdout.write(
            f"{rubric.name}: {len(rubric.dimensions)} dimensions, {len(rubric.labels)} labels, "
            f"{len(rubric.asks)} calls for each stretch of a transcript"
        )

    def do_list(self, options: dict[str, Any]) -> None:
        for version in queries.versions_of(project_of(options).pk):
            which = "imported" if version.imported else version.model
            self.stdout.write(f"{version.key}\t{which}\t{version.digest[:12]}")

    def do_export(self, options: dict[str, Any]) -> None:
        self.stdout.write(_version(project_of(options), options["version"]).rubric, ending="")

    def do_write(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        actor = manager_of(project, options)
        endpoint = Endpoint.objects.standing().filter(project=project, name=options["endpoint"]).first()
        if endpoint is None:
            raise CommandError(f"{project.slug} has no endpoint {options['endpoint']}")
        text = _read(options["file"])
        judge = Judge.objects.filter(project=project, slug=options["judge"]).first()
        try:
            checked = actions.checked(
                endpoint=endpoint, model=options["model"], rubric=text, votes=options["votes"],
                parameters={"temperature": options["temperature"]},
            )  # fmt: skip
            if judge is None:
                name = parse_rubric(checked.rubric).name
                judge = actions.create_judge(project=project, name=name, slug=options["judge"], actor=actor)
            version = actions.write_version(
                judge=judge, endpoint=endpoint, model=options["model"], rubric=text, votes=options["votes"],
                parameters={"temperature": options["temperature"]}, actor=actor,
            )  # fmt: skip
        except DefinitionProblem as problem:
            raise CommandError(f"{problem.field}: {problem}") from problem
        except actions.SameVersion as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{version.key}, digest {version.digest[:12]}")

    def do_cost(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        version, actor = _version(project, options["version"]), manager_of(project, options)
        opened = actions.open_preflight if options["here"] else tasks.queue_preflight
        try:
            found = opened(version=version, chosen=chosen_of(project, options), actor=actor)
        except actions.CannotJudge as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"preflight {found.pk}")
        self._carry(found.run, options)
        found.refresh_from_db()
        if found.result:
            said = found.result
            cost = (
                "no price is known"
                if said["cost"] is None
                else f"{said['cost'] / 1e6:,.2f} {said['currency']}"
            )
            self.stdout.write(f"{said['verdicts']:,} verdicts in {said['calls']:,} calls: {cost}")

    def do_run(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        version, actor = _version(project, options["version"]), manager_of(project, options)
        cap = None if options["cap"] is None else round(options["cap"] * 1_000_000)
        opened = actions.open_judging if options["here"] else tasks.queue_judging
        try:
            made = opened(version=version, chosen=chosen_of(project, options), actor=actor, cap=cap)
        except actions.CannotJudge as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"judge run {made.pk}")
        self._carry(made.run, options)

    def do_verdicts(self, options: dict[str, Any]) -> None:
        project = project_of(options)
        judging = JudgeRun.objects.filter(project=project, pk=options["run"]).first()
        if judging is None:
            raise CommandError(f"{project.slug} has no judge run {options['run']}")
        sight = visible_to(manager_of(project, options))
        for row in queries.verdicts(sight, judging).iterator(chunk_size=500):
            line = {
                "transcript": row.transcript.external_id or row.transcript_id, "vote": row.vote, "state": row.state,
                "label": row.label, "values": row.values, "rationale": row.rationale, "quotes": row.quotes,
                "unsupported": row.unsupported, "words": row.words,
            }  # fmt: skip
            self.stdout.write(orjson.dumps(line).decode())

    def _carry(self, run: Run, options: dict[str, Any]) -> None:
        """Carry an opened run in this process, if that is wanted."""
        if not options["here"]:
            return
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


def _version(project: Project, name: str) -> JudgeVersion:
    """A version by SLUG.v3, or a judge's newest by SLUG."""
    slug, _, number = name.removeprefix("judge.").partition(".v")
    rows = queries.versions_of(project.pk).filter(judge__slug=slug)
    if number:
        rows = rows.filter(number=int(number)) if number.isdecimal() else rows.none()
    found = rows.order_by("-number").first()
    if found is None:
        raise CommandError(f"{project.slug} has no judge {name}")
    return found


def _read(path: Path) -> str:
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(MOST + 1)
        else:
            with path.open("rb") as file:
                data = file.read(MOST + 1)
        if len(data) > MOST:
            raise CommandError(f"{path}: larger than {MOST:,} bytes")
        return data.decode("utf-8-sig")
    except OSError as problem:
        raise CommandError(f"{path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise CommandError(f"{path}: no text in UTF-8") from problem
