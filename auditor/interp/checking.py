"""Carrying the check of a subject model: load it, keep what there is to say of it, and show one conversation as it reads it."""

from dataclasses import asdict
from typing import Any

from auditor.interp import reader
from auditor.interp.actions.subjects import mark_ready, mark_refused
from auditor.interp.alignment import DoesNotFit
from auditor.interp.conversation import Turn, Words
from auditor.interp.models import READY, SubjectModel
from auditor.runs.actions import Refused, Ticket
from auditor.runs.beating import beating

EXAMPLE = (
    ("user", "Did the March payment clear? 3月の入金は？"),
    ("assistant", "Yes, it cleared on 14 March ✅. I checked the ledger."),
    ("user", "Who signed it off?"),
    ("assistant", "Ana Müller did — the entry is №\u00a01207."),
)
MOST_TOKENS = 4_000  # of the example that are kept


def example_turns() -> tuple[Turn, ...]:
    """A conversation that has what goes wrong elsewhere: other scripts, signs of several bytes, odd spaces."""
    return tuple(
        Turn(position, role, (Words(position, "text", text),))
        for position, (role, text) in enumerate(EXAMPLE)
    )


def check(ticket: Ticket) -> None:
    """Load the model of a run, and keep its facts, digests, template and an example.

    Raises:
        Refused: it cannot be read; the model says why.
    """
    subject = SubjectModel.objects.get(run=ticket.run)
    if subject.state == READY:
        return
    ticket.beat(done=0, total=2, note="Loading the model", force=True)
    try:
        with beating(ticket):
            loaded = reader.load(subject)
        ticket.beat(done=1, total=2, note="Reading an example", force=True)
        facts = facts_of(loaded)
        facts["detail"]["example"] = example_of(loaded)
    except (reader.CannotRead, DoesNotFit) as problem:
        mark_refused(subject=subject, words=str(problem))
        raise Refused(str(problem)) from problem
    mark_ready(subject=subject, facts=facts)
    ticket.beat(done=2, total=2, note=f"{subject.name} can be read.", force=True)


def facts_of(loaded: Any) -> dict[str, Any]:
    """A loaded model's facts as its row keeps them."""
    facts = asdict(loaded.facts)
    detail = {
        name: facts[name]
        for name in ("vocabulary", "parameters", "files", "dtype", "device")
        if name in facts
    }
    kept = (
        "revision", "template_from", "digest", "tokenizer_digest", "architecture", "n_layers", "d_model", "context"
    )  # fmt: skip
    return {
        **{name: facts[name] for name in kept},
        "chat_template": facts["template"],
        "detail": detail,
    }


def example_of(loaded: Any) -> dict[str, Any]:
    """The example as the model reads it: the text, and each token's code points, number, message and whether it is special."""
    read = loaded.read(example_turns())
    table = read.table
    columns = (table.at, table.till, table.id, table.position, table.special, table.counted)
    tokens = [
        [int(value) for value in row]
        for row in list(zip(*(column.tolist() for column in columns), strict=True))[:MOST_TOKENS]
    ]
    return {"rendered": read.rendered, "tokens": tokens}
