"""Train a probe on a dataset's labels from the command line."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.interp.actions.naming import CannotDo
from auditor.interp.actions.trainings import KINDS, TOKENS
from auditor.interp.learning import train
from auditor.interp.models import SubjectModel
from auditor.runs.actions import carry
from auditor.sampling.commandline import in_project, manager_of, project_of
from labeling.datasets.actions import train_probe
from labeling.datasets.models import Release
from labeling.datasets.probing import CannotProbe


class Command(BaseCommand):
    help = "Train a probe on the labels of a built dataset; kind and layer are chosen by cross-validation."

    def add_arguments(self, parser: CommandParser) -> None:
        in_project(parser)
        parser.add_argument("--dataset", required=True, help="the dataset's name")
        parser.add_argument("--model", required=True, help="the subject model's short name")
        parser.add_argument("--name", required=True, help="of the probe")
        parser.add_argument("--with", dest="positive", nargs="+", required=True, metavar="LABEL")
        parser.add_argument("--without", dest="negative", nargs="+", required=True, metavar="LABEL")
        parser.add_argument("--hold-out", default="", metavar="NAME=VALUE", help="a condition, or model=…")
        parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=[])
        parser.add_argument("--layers", nargs="+", type=int, default=[])
        parser.add_argument("--tokens", choices=list(TOKENS), default="mean")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--here", action="store_true", help="carry it in this process, which needs torch")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options)
        actor = manager_of(project, options)
        release = Release.objects.filter(project=project, name=options["dataset"]).first()
        subject = SubjectModel.objects.filter(project=project, slug=options["model"]).first()
        if release is None or subject is None:
            raise CommandError(f"{project.slug} has no such dataset, or no such subject model")
        try:
            made = train_probe(
                release=release, subject=subject, name=options["name"], positive=options["positive"],
                negative=options["negative"], actor=actor, held_out=options["hold_out"], kinds=options["kinds"],
                layers=options["layers"], tokens=options["tokens"], seed=options["seed"],
            )  # fmt: skip
        except (CannotProbe, CannotDo) as problem:
            raise CommandError(str(problem)) from problem
        if options["here"]:
            with carry(made.run.pk) as ticket:
                if ticket is not None:
                    train(ticket)
            made.refresh_from_db()
            made.run.refresh_from_db()
            if made.probe is None:
                raise CommandError(made.run.note or made.run.status)
            self.stdout.write(f"{made.probe.channel.key}: {made.run.note}")
        else:
            self.stdout.write(f"training {made.pk}, run {made.run.pk}: {len(made.examples):,} examples")
