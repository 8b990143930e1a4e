"""Token tracks computed elsewhere: tokens as strings, Neuronpedia's responses, safetensors; exact or refused."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from auditor.accounts.models import Project
from auditor.corpus.models import Transcript
from auditor.corpus.records import Rejection
from auditor.evidence.attach import attach_file
from auditor.evidence.formats import EVIDENCE_FORMATS, form_of, parse
from auditor.evidence.models import EvidenceBatch, Reading, Track
from auditor.evidence.records import TokenLine
from auditor.evidence.tracks import read_track
from tests import make

pytestmark = pytest.mark.django_db

TEXT = "Yes, it cleared on 14 March. I checked the ledger."  # message 1 of `make.CHAT`
TOKENS = [
    "Yes",
    ",",
    "Ġit",
    "Ġcleared",
    "Ġon",
    "Ġ14",
    "ĠMarch",
    ".",
    "ĠI",
    "Ġchecked",
    "Ġthe",
    "Ġledger",
    ".",
]
VALUES = [float(n) for n in range(len(TOKENS))]
NAMES = {"transcript": {"id": "a1"}, "position": 1, "channel": "sae.gemma.20"}
WORDS = "The ledger call failed."


@pytest.fixture
def transcript(project: Project) -> Transcript:
    return make.transcript(project, external_id="a1")


def bring(project: Project, place: Path, data: Any, name: str = "tracks.jsonl") -> EvidenceBatch:
    path = place / name
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        path.write_text("".join(json.dumps(line) + "\n" for line in data))
    return attach_file(project=project, path=path, file_name=name, actor=None)


def reason(batch: EvidenceBatch) -> str:
    return batch.rejects.get().reason


def line(**more: Any) -> dict[str, Any]:
    return {**NAMES, "channel": "probe.d", "tokens": TOKENS, "values": VALUES} | more


def stood_on(channel: str) -> list[tuple[str, float]]:
    """The words of each token of a channel's track, with the value."""
    values = read_track(Track.objects.get(channel__key=channel, superseded_at=None))
    spans = zip(values.starts.tolist(), values.ends.tolist(), values.values.tolist(), strict=True)
    return [(TEXT[start:end], value) for start, end, value in spans]


def test_tokens_are_tied_to_the_words_of_the_part(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    batch = bring(project, tmp_path, [line()])
    assert (batch.tracks_written, batch.rejected) == (1, 0)
    assert stood_on("probe.d") == [
        (token.replace("Ġ", " "), value) for token, value in zip(TOKENS, VALUES, strict=True)
    ]
    peak = Reading.objects.get(channel__key="probe.d", superseded_at=None)
    assert TEXT[peak.start : peak.end] == "."
    assert bring(project, tmp_path, [line()]).unchanged == 1


def test_special_tokens_stand_on_nothing_and_do_not_count(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    special = [True] + [False] * len(TOKENS)
    bring(project, tmp_path, [line(tokens=["<bos>", *TOKENS], values=[999.0, *VALUES], special=special)])
    assert len(stood_on("probe.d")) == len(TOKENS)
    assert Reading.objects.get(channel__key="probe.d").value == max(
        VALUES
    )  # and not the 999 of the first token


@pytest.mark.parametrize(
    ("more", "words"),
    [
        # a token in front that nobody called special: everything is shifted by one
        ({"tokens": ["<bos>", *TOKENS], "values": [0.0, *VALUES]}, "token 0 ('<bos>') does not fit"),
        # the values have the first token and the tokens do not
        ({"values": [0.0, *VALUES]}, "different lengths: 13, 14"),
        # the second token is missing
        ({"tokens": TOKENS[:1] + TOKENS[2:], "values": VALUES[1:]}, "token 1 ('Ġit') does not fit"),
        # the last one is missing
        ({"tokens": TOKENS[:-1], "values": VALUES[:-1]}, "end 1 characters before the text does"),
        # the tokens are of the message before
        ({"position": 0}, "token 0 ('Yes') does not fit: the text goes on with 'Did the March"),
        ({"position": 7}, "no text in message 7"),
        ({"part": "part:3"}, "no part:3 in message 1"),
        ({"starts": [0], "ends": [1]}, "either tokens or starts and ends"),
        ({"special": [True]}, "different lengths"),
        ({"special": [True] * 13}, "no tokens with words"),
        ({"tokens": [1, *TOKENS[1:]]}, "tokens[0] must be a text"),
        ({"values": ["x", *VALUES[1:]]}, "values[0] must be a number"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_first_token(
    more: dict[str, Any], words: str, project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    batch = bring(project, tmp_path, [line(**more)])
    assert words in reason(batch)
    assert not Track.objects.exists()


def test_a_planted_special_token_is_named_by_its_own_number(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    special = [True, False, *[False] * 12]
    batch = bring(
        project,
        tmp_path,
        [line(tokens=["<bos>", "Yess", *TOKENS[1:]], values=[0.0, *VALUES], special=special)],
    )
    assert "token 1 ('Yess') does not fit" in reason(batch)  # it is the second of the producer's list


SINGLE = {
    "activation": {"values": [9.0, *VALUES], "maxValue": 12.0, "maxValueIndex": 13}, "tokens": ["<bos>", *TOKENS],
    "tokensIsSpecial": [True] + [False] * len(TOKENS),
}  # fmt: skip
SOURCE = {"results": [{"tokens": TOKENS, "activeFeatures": {"123": [[0, 2.5], [4, 1.0]], "7": [[12, 3.0]]}}]}
TOP_K = [
    {"tokenPosition": at, "token": token, "isSpecial": False, "topFeatures": [{"featureIndex": at % 2, "activationValue": float(at)}]}
    for at, token in enumerate(TOKENS)
]  # fmt: skip


def test_neuronpedia_single(project: Project, transcript: Transcript, tmp_path: Path) -> None:
    given = {**NAMES, "channel": "probe.np", **SINGLE}
    batch = bring(project, tmp_path, json.dumps(given, indent=1).encode(), "single.json")
    assert (batch.tracks_written, batch.rejected) == (1, 0)
    assert stood_on("probe.np")[3] == (" cleared", 3.0)


def test_neuronpedia_source_is_sparse(project: Project, transcript: Transcript, tmp_path: Path) -> None:
    batch = bring(project, tmp_path, [{**NAMES, "response": SOURCE}], "source.jsonl")
    assert (batch.tracks_written, batch.rejected) == (2, 0)
    assert [value for _, value in stood_on("sae.gemma.20.123")] == [2.5, 0, 0, 0, 1.0, *[0.0] * 8]
    assert stood_on("sae.gemma.20.7")[-1] == (".", 3.0)
    assert Track.objects.get(channel__key="sae.gemma.20.7").channel.kind == "sae"


def test_neuronpedia_top_k(project: Project, transcript: Transcript, tmp_path: Path) -> None:
    bring(project, tmp_path, [{**NAMES, "response": TOP_K}], "top.jsonl")
    assert [value for _, value in stood_on("sae.gemma.20.0")] == [
        float(n) if n % 2 == 0 else 0.0 for n in range(13)
    ]
    assert [value for _, value in stood_on("sae.gemma.20.1")] == [
        float(n) if n % 2 else 0.0 for n in range(13)
    ]


def test_several_results_each_name_their_transcript(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    make.transcript(project, external_id="a2")
    one = SOURCE["results"][0]
    results = [{**one, "transcript": {"id": "a1"}}, {**one, "transcript": {"id": "a2"}}]
    batch = bring(project, tmp_path, [{"position": 1, "channel": "sae.g", "results": results}], "many.jsonl")
    assert (batch.tracks_written, batch.rejected) == (4, 0)
    batch = bring(project, tmp_path, [{**NAMES, "results": [one, one]}], "unnamed.jsonl")
    assert "results[0] says not which transcript" in reason(batch)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (TOP_K, "says not which transcript it is of"),
        ({**NAMES, "channel": "", "response": SOURCE}, "channel is required"),
        ({"transcript": {"id": "a1"}, "channel": "x", "response": SOURCE}, "position is required"),
        (
            {**NAMES, "results": [{"tokens": TOKENS, "activeFeatures": {"1": [[13, 1.0]]}}]},
            "names no token of 13",
        ),
        ({**NAMES, "results": [{"tokens": TOKENS, "activeFeatures": {"x": []}}]}, "no feature"),
        ({**NAMES, "response": TOP_K[1:]}, "tokenPosition is 1, and should be 0"),
        (
            {**NAMES, "results": [{"tokens": ["<bos>", *TOKENS], "activeFeatures": {"1": [[1, 1.0]]}}]},
            "token 0 ('<bos>')",
        ),
    ],
)
def test_neuronpedia_refused(
    given: Any, words: str, project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    assert words in reason(bring(project, tmp_path, [given], "x.jsonl"))


def tensors(**more: Any) -> dict[str, Any]:
    ends = np.cumsum([len(token) for token in TOKENS]).astype(np.int64)
    both = {
        "starts": np.concatenate([[0], np.array([0, *ends[:-1]])]).astype(np.int64),
        "ends": np.concatenate([[3], ends]).astype(np.int64),
        "position": np.array([0] + [1] * len(TOKENS), np.int32),
        "probe.t": np.array([0.5, *VALUES], np.float32),
        "sae.t.3": np.array([0.25, *VALUES], np.float16),
    }
    return both | more


NAMED = {"transcript": json.dumps({"id": "a1"})}


def test_safetensors_tracks(project: Project, transcript: Transcript, tmp_path: Path) -> None:
    batch = bring(project, tmp_path, save(tensors(), NAMED), "a1.safetensors")
    assert (batch.tracks_written, batch.rejected) == (4, 0)  # two channels on two messages
    held = read_track(Track.objects.get(channel__key="sae.t.3", position=1))
    assert [TEXT[a:b] for a, b in zip(held.starts, held.ends, strict=True)] == [
        t.replace("Ġ", " ") for t in TOKENS
    ]
    assert held.values.tolist() == VALUES


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (save(tensors()), "metadata transcript must be JSON"),
        (save(tensors(), {"transcript": "{}"}), "either an id or a fingerprint"),
        (
            save(tensors(position=np.array([0, 1], np.int32)), NAMED),
            "has 14 values, and position 2",
        ),
        (save(tensors(position=np.zeros((14, 1), np.int32)), NAMED), "one number for each token"),
        (save(tensors(starts=np.zeros(14, np.float32)), NAMED), "tensor starts is of type F32"),
        (
            save({name: array for name, array in tensors().items() if "." not in name}, NAMED),
            "tensors with values",
        ),
    ],
)
def test_safetensors_refused(
    data: bytes, words: str, project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    assert words in reason(bring(project, tmp_path, data, "a1.safetensors"))


def test_a_safetensors_track_beyond_its_text_is_refused(
    project: Project, transcript: Transcript, tmp_path: Path
) -> None:
    wrong = tensors()
    wrong["ends"][-1] += 1  # the whole track is shifted by one
    batch = bring(
        project, tmp_path, save({k: v for k, v in wrong.items() if k != "sae.t.3"}, NAMED), "a1.safetensors"
    )
    assert (batch.tracks_written, batch.rejected) == (1, 1)
    assert "offset 51 is beyond the 50 characters" in reason(batch)


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (json.dumps({**NAMES, "response": SOURCE}).encode(), "neuronpedia_activations"),
        (json.dumps({**NAMES, **SINGLE}, indent=2).encode(), "neuronpedia_activations"),
        (json.dumps(TOP_K).encode(), "neuronpedia_activations"),
        (save(tensors(), NAMED), "tensor_tracks"),
        (json.dumps(line()).encode(), "evidence_jsonl"),
    ],
)
def test_the_content_says_which_form_it_is(data: bytes, form: str) -> None:
    assert form_of(io.BytesIO(data)) == form
    assert EVIDENCE_FORMATS[form].title


@pytest.mark.parametrize(
    "begin", [b"\x10\0\0\0\0\0\0\0{", b'{"activeFeatures"', b'[{"topFeatures": [', b"{}\n[]\n"]
)
def test_damaged_files_are_refused_in_words(begin: bytes) -> None:
    found = list(parse(io.BytesIO(begin + b'"starts" "ends" "position"'), name="x"))
    assert all(isinstance(one, Rejection) and one.reason for one in found)
    assert found


def test_a_line_of_tokens_is_parsed_without_looking_at_any_text() -> None:
    (found,) = parse(io.BytesIO(json.dumps(line()).encode()), name="x")
    assert isinstance(found, TokenLine)
    assert found.tokens == tuple(TOKENS)
