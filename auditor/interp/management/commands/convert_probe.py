"""Make arrays of a probe that others published as pickled Python objects, without running what is in the file."""

import json
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditor.interp.card import Card, CardProblem
from auditor.interp.converting.layouts import find
from auditor.interp.converting.process import CannotConvert, read_apart
from auditor.interp.probe_file import BadProbeFile, ProbeFile, head_of, read_card, write_head, write_probe

BESIDE = ("probe_config.json", "cfg.yaml", "cfg.yml", "config.json")
MOST_CONFIGURATION = 1_000_000  # bytes
ALL = (
    "kind", "model", "revision", "layer", "hook", "convention", "polarity", "standardisation", "token_rule", "aggregation",
    "training",
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Convert a probe from torch, joblib or scikit-learn files into safetensors. A process apart reads the file; it "
        "builds arrays and nothing else, and names what else the file asks for."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="IN")
        parser.add_argument("--out", type=Path, required=True, metavar="OUT.safetensors")
        parser.add_argument("--card", type=Path, help="JSON with the card's fields")
        parser.add_argument("--layer", type=int, help="which layer's direction, where the file has several")

    def handle(self, *args: Any, **options: Any) -> None:
        path, out = options["file"], options["out"]
        if not path.is_file():
            raise CommandError(f"{path} is no file")
        if out.suffix != ".safetensors":
            raise CommandError("--out ends in .safetensors")
        try:
            found = find(read_apart(path), layer=options["layer"], beside=_beside(path))
            given = (
                read_card(options["card"].read_bytes(), name=options["card"].name) if options["card"] else {}
            )
        except OSError as problem:
            raise CommandError(str(problem)) from problem
        except (CannotConvert, BadProbeFile) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{path.name} is {found.layout}: {', '.join(_shapes(found.tensors))}")
        for note in found.notes:
            self.stdout.write(f"  {note}")
        draft = {**found.card, **given}
        for key in found.card.keys() & given.keys():
            if given[key] != found.card[key]:
                self.stderr.write(f"  {key}: the file says {found.card[key]!r}, your card {given[key]!r}")
        missing = [name for name in ALL if name not in draft]
        try:
            head = head_of(
                found.tensors, name=path.name, standardisation=draft["standardisation"],
                output=draft.get("output", "linear"),
            )  # fmt: skip
            data = write_head(head) if missing else write_probe(ProbeFile(Card.from_json(draft), head))
        except (CardProblem, BadProbeFile, KeyError) as problem:
            raise CommandError(str(problem)) from problem
        out.write_bytes(data)
        if not missing:
            self.stdout.write(f"wrote {out} with its card")
            return
        beside = out.with_suffix(".card.json")
        beside.write_text(json.dumps(draft | dict.fromkeys(missing), indent=2) + "\n")
        self.stdout.write(f"wrote {out}, and {beside}, in which you say: {', '.join(missing)}")


def _shapes(tensors: Any) -> list[str]:
    return [f"{key} [{len(value)}]" for key, value in tensors.items()]


def _beside(path: Path) -> dict[str, Any]:
    """The configuration that lies in the file's folder, if it can be read."""
    for name in BESIDE:
        file = path.parent / name
        if file.is_file() and file.stat().st_size <= MOST_CONFIGURATION:
            try:
                read = yaml.safe_load(file.read_text(encoding="utf-8"))
            except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
                continue
            if isinstance(read, dict):
                return read
    return {}
