"""Rules of this house that no general tool knows; each rule is tested on lines of its own first."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VENDORED = re.compile(r"(^|/)vendor/")


@dataclass(frozen=True)
class Rule:
    """A pattern that must not occur in some files, and why."""

    name: str
    why: str
    pattern: str
    files: str  # regular expression over the path
    bad: tuple[str, ...]
    good: tuple[str, ...]
    except_in: str = r"^$"
    flags: int = field(default=0)


RULES = [
    Rule(
        "one bell",
        "work is rung for after the commit, by runs.tasks.ring",
        r"\.(delay|delay_on_commit|apply_async|send_task)\(",
        r"^(auditor|labeling)/.*\.py$",
        bad=("import_batch.delay(batch.pk)", "app.send_task('x')"),
        good=("ring('intake.import_batch', batch.pk)",),
        except_in=r"^auditor/runs/tasks\.py$",
    ),
    Rule(
        "escaped",
        "text of a transcript never reaches HTML unescaped",
        r"\|\s*safe\b|mark_safe|autoescape off|safeseq",
        r"^(auditor|labeling|templates)/.*\.(py|html)$",
        bad=("{{ message.text|safe }}", "mark_safe(text)"),
        good=("{{ message.text }}", "unsafe|default"),
    ),
    Rule(
        "csp",
        "the content security policy refuses inline styles and scripts",
        r"""<[^>{%]*\s(style|on\w+)\s*=|<script(?![^>]*\bsrc=)|<style\b""",
        r"^templates/.*\.html$",
        bad=('<p style="color:red">', "<script>alert(1)</script>", '<a onclick="x()">'),
        good=('<script type="module" src="x.js"></script>', '<p class="style">'),
    ),
    Rule(
        "dangerous doors",
        "no pickle, no eval, no view without CSRF protection",
        r"\bpickle\b|(?<![\w.])eval\(|(?<![\w.])exec\(|csrf_exempt|yaml\.load\(|\bmarshal\b|shelve",
        r"^(auditor|labeling)/.*\.py$",
        bad=("pickle.load(f)", "eval(text)", "@csrf_exempt", "yaml.load(f)"),
        good=("yaml.safe_load(f)", "self.evaluate(x)"),
    ),
    Rule(
        "evidence has one door",
        "readings, roll-ups, tracks and quotes are read through evidence.queries.visible_to(person)",
        r"\b(Reading|Rollup|Track|Block|Quote)\.objects\b",
        r"^(auditor|labeling)/.*\.py$",
        bad=("Reading.objects.filter(x=1)",),
        good=("sight.readings([pk])", "TokenTrack.objects_of"),
        except_in=r"^auditor/evidence/",
    ),
    Rule(
        "no signals",
        "control flow has a call site",
        r"django\.db\.models\.signals|django\.dispatch|@receiver",
        r"^(auditor|labeling)/.*\.py$",
        bad=("from django.db.models.signals import post_save",),
        good=("import signal",),
    ),
    Rule(
        "celery at the door",
        "Celery stands in tasks.py and config only",
        r"^\s*(from|import) celery\b",
        r"^(auditor|labeling)/.*\.py$",
        bad=("from celery import shared_task",),
        good=("from auditor.runs.tasks import ring",),
        except_in=r"/tasks\.py$|/tasks/|^auditor/config/|^auditor/runtime/",
    ),
    Rule(
        "its own voice",
        "the project names no machine it was written on",
        r"/(?:wo" + r"rk|fa" + r"rm)/|\bshared/design\b",
        r".",
        bad=("see /wo" + "rk/notes.md",),
        good=("see docs/operations.md", "/p/work-log/"),
    ),
    Rule(
        "nothing later",
        "what is here is finished",
        r"\b(TODO|FIXME|XXX)\b|NotImplementedError|assert True\b|pytest\.mark\.xfail",
        r"\.(py|js|html|css)$",
        bad=("# TO" + "DO: later", "raise NotImplemented" + "Error"),
        good=("todo list",),
        except_in=r"^tests/test_house_rules\.py$",
    ),
]


def tracked() -> Iterator[str]:
    """Paths that belong to the project and are ours to write."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for path in listed.stdout.splitlines():
        if not VENDORED.search(path) and (ROOT / path).is_file():
            yield path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rule_knows_good_from_bad(rule: Rule) -> None:
    pattern = re.compile(rule.pattern, rule.flags)
    assert all(pattern.search(line) for line in rule.bad)
    assert not any(pattern.search(line) for line in rule.good)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rule_holds(rule: Rule) -> None:
    pattern = re.compile(rule.pattern, rule.flags)
    broken = []
    for path in tracked():
        if not re.search(rule.files, path) or re.search(rule.except_in, path):
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        broken += [
            f"{path}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    assert not broken, f"{rule.why}:\n" + "\n".join(broken)


def test_no_file_is_a_drawer() -> None:
    drawers = [
        p
        for p in tracked()
        if re.search(r"(^|/)(utils?|helpers?|common|services?|signals|misc)\.(py|js)$", p)
    ]
    assert not drawers, f"name the subject instead: {drawers}"


def test_no_room_is_an_attic() -> None:
    long = [
        f"{path} ({lines} lines)"
        for path in tracked()
        if re.search(r"\.(py|js|html)$", path)
        and "/migrations/" not in path
        and not path.startswith("tests/")
        if (lines := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > 400
    ]
    assert not long, f"past 400 lines a room becomes a folder: {long}"


def test_templates_static_and_tests_mirror_the_slices() -> None:
    slices = {
        f"{half}/{place.name}"
        for half in ("auditor", "labeling")
        for place in (ROOT / half).iterdir()
        if place.is_dir() and (place / "__init__.py").exists()
    }
    for tree in ("templates", "static", "tests"):
        for half in ("auditor", "labeling"):
            for place in (ROOT / tree / half).glob("*/"):
                if place.name != "__pycache__":
                    assert f"{half}/{place.name}" in slices, f"{tree}/{half}/{place.name} mirrors no slice"


def test_every_slice_says_what_it_promises() -> None:
    for half in ("auditor", "labeling"):
        for init in (ROOT / half).glob("*/__init__.py"):
            assert init.read_text(encoding="utf-8").startswith('"""'), f"{init} has no first sentence"


def test_import_contracts_hold() -> None:
    result = subprocess.run(
        [str(ROOT / ".venv/bin/lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]
