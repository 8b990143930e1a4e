"""A first guess at a mapping, from the first records of a file; a person corrects it."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

from auditor.corpus.sanitise import clean_text
from auditor.intake.importers.mapped import score_number
from auditor.intake.importers.mapping import Mapping, ScoreField
from auditor.intake.importers.paths import join_path

DEPTH = 3  # objects within objects that are looked into
CONVERSATIONS = (
    "messages",
    "conversation",
    "conversations",
    "transcript",
    "traj",
    "dialogue",
    "chat",
    "turns",
)
PROMPTS = ("prompt", "question", "input", "instruction", "user", "query")
RESPONSES = ("response", "answer", "output", "completion", "assistant", "generation", "text")
LOCAL_IDS = ("sample_id", "item_id", "index", "idx", "row", "question_id")  # often count within a task
TASK_IDS = ("task_id", "problem_id", "prompt_id")  # name what was asked, which many models are
IDS = ("id", "transcript_id", "conversation_id", "uuid", "run_id", *TASK_IDS, *LOCAL_IDS)
SCOPES = (
    "task",
    "task_name",
    "dataset",
    "env",
    "environment",
    "benchmark",
    "epoch",
    "trial",
    "repeat",
    "seed",
)
MODELS = ("model", "model_name", "model_id", "target_model")
CONDITIONS = ("condition", "variant", "group", "arm", "treatment", "intervention")
NUMBERS = ("score", "rating", "value", "grade", "probability")
LABELS = ("binary", "label", "verdict", "classification", "prediction", "decision")
EXPLANATIONS = ("raw", "explanation", "rationale", "reasoning", "justification", "response")
FAMILIES = ("scores", "ratings", "grades", "rewards")
SHORT = 80  # characters of something that may be an id
WORTH_ASKING = ("score", "rating", "reward", "grade", "consensus")
VERDICTS = ("_label", "_verdict", "_decision", "_classification")
BESIDE = ("_raw", "_explanation", "_rationale", "_reasoning", "_justification", "_reason")


def suggest(records: Sequence[dict[str, Any]]) -> Mapping:
    """A mapping that reads the given records as far as their field names tell.

    Without any clue it names `messages`, so that the form has something to correct.
    """
    records = [
        {key: item for key, item in record.items() if _can_be_named(key)}
        for record in records
        if isinstance(record, dict)
    ]
    found = next((c for record in records if (c := _conversation(record))), None)
    fields: dict[str, str] = {}
    if found:
        path, item = found
        fields["conversation"] = join_path(path)
        if "role" not in item and "from" in item:
            fields |= {"role_field": "from", "content_field": "value" if "value" in item else "content"}
        elif "content" not in item and "text" in item:
            fields["content_field"] = "text"
    else:
        prompt, response = _asked_and_said(records)
        fields |= {"prompt": join_path([prompt])} if prompt else {}
        fields |= {"response": join_path([response])} if response else {}
        if not fields:
            fields["conversation"] = "messages"
    model = next((name for name in MODELS if any(name in record for record in records)), "")
    return Mapping(
        **fields,
        model=join_path([model]) if model else "",
        id=tuple(join_path([name]) for name in _identity(records)),
        conditions={name: join_path([name]) for name in CONDITIONS if _all_scalar(records, name)},
        scores=tuple({score.channel: score for record in records for score in _scores(record)}.values()),
    )


def _conversation(record: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]] | None:
    """(path, first message) of what most looks like a conversation: known names first, then the shallowest."""
    found = [
        (steps, value[0])
        for steps, value in _walk(record, ())
        if isinstance(value, list) and value and isinstance(value[0], dict) and _is_message(value[0])
    ]
    return min(found, key=lambda f: (f[0][-1].lower() not in CONVERSATIONS, len(f[0])), default=None)


def _is_message(item: dict[str, Any]) -> bool:
    return (
        isinstance(item.get("role"), str) and ("content" in item or "text" in item or "tool_calls" in item)
    ) or (isinstance(item.get("from"), str) and ("value" in item or "content" in item))


def _walk(value: Any, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict) or len(steps) >= DEPTH:
        return
    for key, item in value.items():
        if _can_be_named(key):
            yield (*steps, key), item
            yield from _walk(item, (*steps, key))


def _can_be_named(key: str) -> bool:
    """Whether a path that is stored can name this key."""
    return bool(key) and key == clean_text(key)


def _first(records: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    known = {
        key.lower(): key for record in records for key, value in record.items() if value not in (None, "")
    }
    return next((known[name] for name in names if name in known), "")


def _asked_and_said(records: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """The fields of prompt and response: known names, else a pair such as `callout_prompt`, `callout_response`."""
    prompt = _first(records, PROMPTS)
    response = _first(records, [name for name in RESPONSES if name != prompt])
    if prompt or response:
        return prompt, response
    names = {name.lower(): name for record in records for name in record}
    for asked, said in product(PROMPTS, RESPONSES):
        for name in names:
            stem = name.removesuffix(f"_{asked}")
            if stem != name and f"{stem}_{said}" in names:
                return names[name], names[f"{stem}_{said}"]
    return "", ""


def _identity(records: Sequence[dict[str, Any]]) -> list[str]:
    """The fewest fields that tell all the records apart; a scope first where the id counts within it."""
    ids = [name for name in IDS if _all_scalar(records, name)]
    scopes = [name for name in SCOPES if _all_scalar(records, name)]
    if ids and ids[0] in TASK_IDS:
        models = [name for name in (*MODELS, *CONDITIONS) if _all_scalar(records, name)]
        if models and _apart(records, [*models, ids[0]]):
            return [*models, ids[0]]
    if ids and ids[0] not in LOCAL_IDS and _apart(records, ids[:1]):
        return ids[:1]
    for n in (1, 2, 3):
        for chosen in combinations(scopes, n):
            if ids and _apart(records, [*chosen, ids[0]]):
                return [*chosen, ids[0]]
    said = {*PROMPTS, *RESPONSES, *MODELS}
    short = [
        name
        for name in (records[0] if records else ())
        if name.lower() not in said and _all_scalar(records, name) and len(str(records[0][name])) <= SHORT
    ]
    return next(([name] for name in short if _apart(records, [name])), ids[:1])


def _apart(records: Sequence[dict[str, Any]], names: Sequence[str]) -> bool:
    return len({tuple(str(record[name]) for name in names) for record in records}) == len(records)


def _all_scalar(records: Sequence[dict[str, Any]], name: str) -> bool:
    return bool(records) and all(isinstance(r.get(name), str | int) and r.get(name) != "" for r in records)


def _scores(record: dict[str, Any]) -> Iterator[ScoreField]:
    """Families (`judges.*.score`, `scores.*`) and single numbers whose name says they judge."""
    for name, value in record.items():
        judging = "judge" in name.lower()
        if isinstance(value, dict) and value:
            yield from _family(name, value, judging)
        elif name.lower().endswith(VERDICTS) and _is_verdict(value, judging):
            yield _verdict(name, record, judging)
        elif f"judge_{name}" in record and score_number(value) is not None:
            yield ScoreField(path=join_path([name]), channel=f"judge.{name}"[:200], kind="judge")
        elif score_number(value) is not None and not isinstance(value, bool):
            word = name.lower()
            if word in WORTH_ASKING or any(word.endswith(f"_{end}") for end in WORTH_ASKING):
                yield ScoreField(path=join_path([name]), channel=f"score.{name}"[:200], kind="score")


def _is_verdict(value: Any, judging: bool) -> bool:
    """A word; or nothing yet, where the name leaves no doubt and later records may have one."""
    return 0 < len(value) <= SHORT if isinstance(value, str) else value is None and judging


def _verdict(name: str, record: dict[str, Any], judging: bool) -> ScoreField:
    """A label that stands alone, such as `llm_judge_label`, with the words beside it."""
    stem = name[: name.rindex("_")]
    words = next((stem + end for end in BESIDE if stem + end in record), "")
    return ScoreField(
        path=join_path([name]),
        channel=f"{'judge' if judging else 'score'}.{stem}"[:200],
        kind="judge" if judging else "score",
        explanation_path=join_path([words]) if words else "",
    )


def _family(name: str, entries: dict[str, Any], judging: bool) -> Iterator[ScoreField]:
    first = next(iter(entries.values()))
    prefix, kind = ("judge", "judge") if judging else ("score", "score")
    base = join_path([name])
    if all(isinstance(entry, dict) for entry in entries.values()):
        number = next((key for key in NUMBERS if score_number(first.get(key)) is not None), "")
        label = next((key for key in LABELS if isinstance(first.get(key), str)), "")
        words = next((key for key in EXPLANATIONS if isinstance(first.get(key), str)), "")
        if number or (label and judging):
            yield ScoreField(
                path=f"{base}.*.{number or label}",
                channel=f"{prefix}.*",
                kind=kind,
                label_path=f"{base}.*.{label}" if label else "",
                explanation_path=f"{base}.*.{words}" if words else "",
            )
    elif (judging or name.lower() in FAMILIES) and all(
        score_number(entry) is not None for entry in entries.values()
    ):
        yield ScoreField(path=f"{base}.*", channel=f"{prefix}.*", kind=kind)
