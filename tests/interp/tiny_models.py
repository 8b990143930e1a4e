"""Tiny random models of three families, written in the layout in which real ones are published.

Their weights mean nothing. Everything around them is real: tokenizers trained here (byte-level BPE; BPE with byte fallback and
a dummy space; the same without one), chat templates that trim, refuse and leave out, safetensors.
"""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)  # fmt: skip

FAMILIES = ("gpt2", "llama", "gemma")
WIDTH, LAYERS, CONTEXT = 32, 3, 512
LLAMA = """\
{{- bos_token }}{% for message in messages %}
{%- if message.role == 'tool' %}<|im_start|>tool
{{ message.content | tojson }}<|im_end|>
{% else %}<|im_start|>{{ message.role }}
{% if message.reasoning_content and loop.last %}<think>
{{ message.reasoning_content.strip('\\n') }}
</think>

{% endif %}{{ message.content }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endif %}{% endfor %}"""
GEMMA = """\
{{- bos_token }}
{%- if messages and messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for message in messages %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Conversation roles must alternate user/assistant') }}
{%- endif %}
{{- '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' + message.content | trim + '<end_of_turn>\\n' }}
{%- endfor %}"""
WORDS = """\
The assistant says that the payment cleared on 14 March. It looked at the ledger, and the ledger does not say so.
Was it a slip, or was it a plan? Nobody can find that reference; I do not know, and I did not look. 数を数える。 שלום
She wrote: the café is closed, the naïve answer is no. def clear(ledger): return [row for row in ledger if row.cleared]
"""


def make(family: str, folder: Path, *, seed: int = 5, layers: int = LAYERS, width: int = WIDTH) -> Path:
    """The folder, with model and tokenizer in it; the same ones each time."""
    tokenizer = {"gpt2": _gpt2_tokenizer, "llama": _llama_tokenizer, "gemma": _gemma_tokenizer}[family]()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    model = _model(family, len(tokenizer), layers, width)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:  # gains and biases that a random start leaves at one or nought
                weight.add_(0.2 * torch.randn_like(weight))
            elif "emb" in name or "wte" in name or "wpe" in name:
                weight.normal_(0, 0.5)
    model.save_pretrained(folder)
    return folder


def _model(family: str, vocabulary: int, layers: int, width: int) -> Any:
    shared = {
        "vocab_size": vocabulary, "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": layers,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": CONTEXT, "initializer_range": 0.3,
        "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
    }  # fmt: skip
    if family == "gpt2":
        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=vocabulary, n_embd=width, n_layer=layers, n_head=4, n_positions=CONTEXT,
                initializer_range=0.3, bos_token_id=None, eos_token_id=None,
            )
        )  # fmt: skip
    if family == "llama":
        return LlamaForCausalLM(LlamaConfig(**shared))
    return Gemma2ForCausalLM(
        Gemma2Config(**shared, head_dim=width // 4, query_pre_attn_scalar=width // 4, sliding_window=64)
    )


def _gpt2_tokenizer() -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    bpe.train_from_iterator([WORDS] * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def _with_byte_fallback(*, dummy: bool) -> Tokenizer:
    """BPE over characters, with a token for each byte, as SentencePiece's are published."""
    bpe = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    spaces = normalizers.Replace(" ", "\u2581")
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), spaces]) if dummy else spaces
    undone = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    bpe.decoder = decoders.Sequence([*undone, decoders.Strip(" ", 1, 0)] if dummy else undone)
    octets = [f"<0x{number:02X}>" for number in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=560,
        special_tokens=["<unk>", "<s>", "</s>", *octets],
        show_progress=False,
        max_token_length=8,
    )
    bpe.train_from_iterator([line for line in WORDS.splitlines() for _ in range(4)], trainer)
    written = json.loads(bpe.to_str())
    written["added_tokens"] = [one for one in written["added_tokens"] if one["content"] not in octets]
    return Tokenizer.from_str(json.dumps(written))


def _llama_tokenizer() -> PreTrainedTokenizerFast:
    bpe = _with_byte_fallback(dummy=True)
    bpe.add_special_tokens([AddedToken(name, normalized=False) for name in ("<|im_start|>", "<|im_end|>")])
    bpe.add_tokens([AddedToken(name, normalized=False, special=False) for name in ("<think>", "</think>")])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", unk_token="<unk>", chat_template=LLAMA
    )


def _gemma_tokenizer() -> PreTrainedTokenizerFast:
    bpe = _with_byte_fallback(dummy=False)
    bpe.add_special_tokens(
        [AddedToken(name, normalized=False) for name in ("<start_of_turn>", "<end_of_turn>")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", unk_token="<unk>", chat_template=GEMMA
    )
