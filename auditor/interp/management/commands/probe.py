"""Probes from the command line: bring one in, try it on control packs, choose its threshold."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.accounts.models import Project
from auditor.evidence.models import Channel
from auditor.interp import queries, tasks
from auditor.interp.actions.controls import choose_threshold, open_scoring
from auditor.interp.actions.naming import CannotDo
from auditor.interp.actions.probes import SameProbe, import_probe
from auditor.interp.api_probes import ControlsOut, ProbeOut
from auditor.interp.controls import false_alarms_of
from auditor.interp.models import SubjectModel
from auditor.interp.packs import PLAIN
from auditor.interp.probe_file import MOST_BYTES, BadProbeFile, read_card
from auditor.runs.models import Run
from auditor.sampling.commandline import in_project, manager_of, project_of


class Command(BaseCommand):
    help = "Bring in probes, try probes and features on control packs of honest texts, choose thresholds."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        in_project(does.add_parser("list", help="the project's probes, as JSON lines"))
        one = in_project(
            does.add_parser("add", help="bring in a probe; see convert_probe for files of torch and joblib")
        )
        one.add_argument("file", type=Path, help="safetensors, .npy, .npz or a JSON list of numbers")
        one.add_argument(
            "--card", type=Path, help="JSON with everything a card says, unless the file carries it"
        )
        one.add_argument(
            "--name", default="", help="as people call it (default: the card's name, or the file's)"
        )
        one.add_argument("--subject", default="", help="short name of the subject model that it reads")
        one.add_argument("--adapter", type=Path, help="folder of a LoRA that is applied while it is read")
        one = in_project(does.add_parser("score", help="have a model read the control packs with a channel"))
        one.add_argument("channels", nargs="+", help="keys, such as probe.lies.v1 or sae.res.3391")
        one.add_argument("--subject", required=True, help="short name of the subject model")
        one.add_argument(
            "--pack", action="append", default=[], help="a control pack (default: all); may be repeated"
        )
        one.add_argument(
            "--here", action="store_true", help="read them in this process, which then needs torch"
        )
        one = in_project(does.add_parser("threshold", help="choose from where on a channel fires"))
        one.add_argument("channel", help="its key")
        one.add_argument("--subject", required=True, help="short name of the model that read the packs")
        one.add_argument(
            "--pack", action="append", default=[], help=f"what it is chosen on (default: {PLAIN})"
        )
        by = one.add_mutually_exclusive_group(required=True)
        by.add_argument("--rate", type=float, help="share that may fire, such as 0.01")
        by.add_argument("--value", type=float, help="the threshold itself")
        one = in_project(
            does.add_parser("controls", help="how often a channel fires on honest texts, as JSON")
        )
        one.add_argument("channel", help="its key")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options)
        try:
            getattr(self, f"_{options['does']}")(project, options)
        except CannotDo as problem:
            raise CommandError(str(problem)) from problem

    def _list(self, project: Project, options: dict[str, Any]) -> None:
        for row in queries.probes_of(project.pk):
            self.stdout.write(ProbeOut.of(row).model_dump_json())

    def _add(self, project: Project, options: dict[str, Any]) -> None:
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            beside: Path | None = options["card"]
            card = read_card(beside.read_bytes(), name=beside.name) if beside else None
        except (OSError, BadProbeFile) as problem:
            raise CommandError(str(problem)) from problem
        subject = _subject(project, options["subject"]) if options["subject"] else None
        try:
            made = import_probe(
                project=project, data=data, file_name=path.name, card=card, name=options["name"], subject=subject,
                adapter=options["adapter"], actor=manager_of(project, options),
            )  # fmt: skip
        except SameProbe as problem:
            self.stdout.write(f"{problem.probe} is there already, on {problem.probe.channel.key}")
            return
        self.stdout.write(f"{made} speaks on {made.channel.key}, {made.digest[:12]}")

    def _score(self, project: Project, options: dict[str, Any]) -> None:
        asked: dict[str, Any] = {
            "channels": [_channel(project, key) for key in options["channels"]], "packs": options["pack"],
            "subject": _subject(project, options["subject"]), "actor": manager_of(project, options),
        }  # fmt: skip
        if not options["here"]:
            run = tasks.queue_scoring(**asked)
            self.stdout.write(f"run {run.pk} is queued for the worker that reads models")
            return
        run = open_scoring(**asked)
        tasks.score_controls(run.pk)
        run = Run.objects.get(pk=run.pk)
        if run.status != "done":
            raise CommandError(run.note or run.status)
        self.stdout.write(run.note)

    def _threshold(self, project: Project, options: dict[str, Any]) -> None:
        made = choose_threshold(
            channel=_channel(project, options["channel"]), subject=_subject(project, options["subject"]),
            packs=options["pack"] or [PLAIN], wanted=options["rate"], value=options["value"],
            actor=manager_of(project, options),
        )  # fmt: skip
        self.stdout.write(f"it fires from {made.value:.6g} on: {made.fired} of {made.n} of {made.control}")

    def _controls(self, project: Project, options: dict[str, Any]) -> None:
        channel = _channel(project, options["channel"])
        known = ControlsOut.of(channel, false_alarms_of([channel.pk])[channel.pk])
        self.stdout.write(known.model_dump_json(indent=2))


def _subject(project: Project, slug: str) -> SubjectModel:
    found = SubjectModel.objects.filter(project=project, slug=slug).first()
    if found is None:
        raise CommandError(f"the project has no subject model {slug}")
    return found


def _channel(project: Project, key: str) -> Channel:
    found = Channel.objects.filter(project=project, key=key).first()
    if found is None:
        raise CommandError(f"the project has no channel {key}")
    return found
