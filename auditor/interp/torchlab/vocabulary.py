"""A tokenizer's vocabulary as bytes, and the conversation as its chat template writes it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from auditor.interp.alignment import DoesNotFit
from auditor.interp.normal_forms import Form
from auditor.interp.pieces import SPELLINGS, Piece
from auditor.interp.torchlab.folders import MOST_TEMPLATE, Refused

# For models that bring no template: who speaks, and what. What a base model would read, and nothing that it was tuned to.
PLAIN = """\
{%- if begins %}{{ bos_token }}{% endif %}
{%- for message in messages %}
{{- message['role'] }}: {% if message['reasoning_content'] %}(thinks) {{ message['reasoning_content'] }}
{% endif %}{{ message['content'] }}
{%- for call in message['tool_calls'] or [] %}
(calls {{ call['function']['name'] }}) {{ call['function']['arguments'] | tojson }}
{%- endfor %}

{% endfor %}"""


class Vocabulary:
    """A tokenizer of transformers with a backend of `tokenizers`, read token by token.

    Raises:
        Refused: it writes its tokens in a way that is not read here, so that they could not be tied to words.
    """

    def __init__(self, tokenizer: Any, template: str = "") -> None:
        self.tokenizer = tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise Refused(
                "This tokenizer has no fast form (tokenizer.json), so that its tokens cannot be tied to words."
            )
        written = json.loads(backend.to_str())
        self.spelling, self.form = _spelling(written), _form(written)
        self._added = tokenizer.added_tokens_decoder
        self._pieces: dict[int, Piece] = {}
        begins = [int(number) for number in tokenizer("")["input_ids"][:1]]
        self._begins = bool(begins) and begins[0] == tokenizer.bos_token_id
        self.template, self.template_from = self._template(template)

    def _template(self, given: str) -> tuple[str, str]:
        own = self.tokenizer.chat_template
        if isinstance(own, Mapping):
            own = own.get("default")
        template, source = (given, "given") if given else (own, "model") if own else (PLAIN, "plain")
        if len(template) > MOST_TEMPLATE:
            raise Refused(f"The chat template has more than {MOST_TEMPLATE:,} characters.")
        return template, source

    def render(self, messages: list[dict[str, Any]]) -> str:
        """The conversation as the model reads it."""
        rendered: str = self.tokenizer.apply_chat_template(
            messages,
            chat_template=self.template,
            tokenize=False,
            add_generation_prompt=False,
            begins=self._begins,
        )
        return rendered

    def tokens(self, rendered: str) -> tuple[list[int], list[Piece]]:
        """The text's tokens, as numbers and as bytes; nothing is put before or behind it."""
        ids = [
            int(number)
            for number in self.tokenizer(rendered, add_special_tokens=False, truncation=False)["input_ids"]
        ]
        return ids, self.pieces(ids)

    def pieces(self, ids: Sequence[int]) -> list[Piece]:
        """What tokens stand for.

        Raises:
            DoesNotFit: a token that is written in no known way.
        """
        for number in set(ids) - self._pieces.keys():
            self._pieces[number] = self._piece(number)
        return [self._pieces[number] for number in ids]

    def _piece(self, number: int) -> Piece:
        added = self._added.get(number)
        if added is not None:
            return Piece(
                added.content.encode(), special=bool(added.special), added=True,
                takes_left=bool(added.lstrip), takes_right=bool(added.rstrip),
            )  # fmt: skip
        token = self.tokenizer.convert_ids_to_tokens(number)
        try:
            return Piece(SPELLINGS[self.spelling](token))
        except ValueError as problem:
            raise DoesNotFit(
                f"Token number {number} cannot be read: {problem}.", token_text=token
            ) from problem


def _spelling(written: Mapping[str, Any]) -> str:
    """How the vocabulary is written, by what undoes it."""
    undone = [kind for kind, _ in _steps(written.get("decoder"))]
    signs = [about for kind, about in _steps(written.get("decoder")) if kind in ("Replace", "Metaspace")]
    if "ByteLevel" in undone:
        return "byte_level"
    if "ByteFallback" in undone or any("\u2581" in json.dumps(about, ensure_ascii=False) for about in signs):
        return "sentencepiece"
    kind = (written.get("model") or {}).get("type", "unknown")
    raise Refused(
        f"This tokenizer ({str(kind)[:40]}) keeps less than the text it reads, so that its tokens cannot be tied to words."
    )


def _form(written: Mapping[str, Any]) -> Form | None:
    """The form in which a text is put before it is cut, if it is put in one."""
    kinds = [kind for kind, _ in _steps(written.get("normalizer"))]
    return next((form for form in get_args(Form) if form in kinds), None)


def _steps(decoder: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if not isinstance(decoder, Mapping):
        return []
    if decoder.get("type") == "Sequence":
        inner = decoder.get("decoders") or decoder.get("normalizers") or []
        return [step for one in inner for step in _steps(one)]
    return [(str(decoder.get("type")), decoder)]
