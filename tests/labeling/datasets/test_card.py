"""The card: plain words, and no way out of them."""

import json
from typing import Any

from labeling.datasets.card import card, plain
from labeling.datasets.citing import citation

HOSTILE = "x](http://evil) <img src=x onerror=alert(1)> | `code` **b**\n# Heading\n---"


SAMPLE: dict[str, Any] = {
    "name": "S", "design": "uniform", "seed": 7, "parameters": {}, "filter": {}, "frame_at": "2026-11-20",
    "frame_size": 40, "frame_digest": "f" * 64, "left_out": 0, "strata": [],
}  # fmt: skip


def sampled(**changed: Any) -> list[dict[str, Any]]:
    return [{"name": "Round one", "policy": "reveal", "sample": {**SAMPLE, **changed}}]


def manifest(**changed: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "name": "Ledger one",
        "created_by": "Mia",
        "as_of": "2026-11-20T10:00:00+00:00",
        "app_version": "0.1.0",
        "project": {"name": "Ledger audit", "slug": "ledger-audit"},
        "source": "adjudicated",
        "codebook": {"title": "Intent", "number": 1, "digest": "d" * 64},
        "codebooks": [{"number": 1, "digest": "d" * 64, "file": "codebook.yaml"}],
        "rounds": [{"name": "Round one", "policy": "reveal", "sample": SAMPLE}],
        "parameters": {},
        "splits": [],
        "redaction": {"patterns": [], "code_points": 0, "records": 0},
        "licence": "cc-by-4.0",
        "counts": {"items": 4, "included": 1, "labels": 4, "reviewers": 2, "by_rule": 1, "by_adjudicator": 0},
        "reviewers": ["r-1", "r-2"],
        "agreement": {"compared": 3, "same_label": 1, "same_group": 2},
        "channels": [
            {"key": "judge.quill", "name": "Quill | <b>", "kind": "judge", "n": 1, "notice": "Generated for the tour."}
        ],
        "labels": [{"label": "D", "words": "Strategic deception", "group": "intent", "definition": "It had it.", "n": 1}],
        "exclusions": [{"reason": "open_case", "words": "nobody has ruled yet", "n": 3}],
        "files": [{"name": "labels.jsonl", "size": 10, "sha256": "a" * 64}],
    }  # fmt: skip
    return {**base, **changed}


def test_agreement_is_stated_plainly() -> None:
    text = card(manifest())
    assert "the same label on 1 of 3 items" in text
    assert "Not corrected for chance" in text


def test_exclusions_and_weights_are_said() -> None:
    text = card(manifest())
    assert "1 of 4 items of the round are here" in text
    assert "sampling.probability" in text


def test_what_cannot_be_carried_back_is_said() -> None:
    text = card(
        manifest(rounds=sampled(carries_back=False, why_not="Only the top was taken.", excludes=["First"]))
    )
    assert "Only the top was taken" in text
    assert "unless each record is weighted" not in text
    assert "what was drawn by First" in text


def test_hostile_names_cannot_break_out_of_the_markdown() -> None:
    rounds = sampled(name=HOSTILE, filter={"q": "``` <b>"})
    text = card(manifest(name=HOSTILE, project={"name": HOSTILE, "slug": "x"}, rounds=rounds))
    head, body = text.split("\n---\n", 1)
    assert head.startswith("---\npretty_name: " + json.dumps(HOSTILE) + "\nlicense:")
    assert "](http" not in body
    assert "<" not in body
    assert "\n# Heading" not in body


def test_plain_text_is_one_line_without_markup() -> None:
    assert plain("a_b\n*c* <d>") == "a\\_b \\*c\\* &lt;d&gt;"


def test_the_citation_names_who_when_and_the_digest() -> None:
    assert citation(manifest()) == (
        f"Mia (2026). Ledger one [data set]. Ledger audit. Made with Auditor 0.1.0. labels.jsonl sha256:{'a' * 64}"
    )


def test_channels_come_with_their_notice() -> None:
    text = card(manifest())
    assert "`judge.quill`" in text
    assert "Generated for the tour" in text
    assert "<b>" not in text
