"""Features of a dictionary from activations: our encoder, SAELens's own, and the bare matrix product, in one run.

Torch is needed, so that this runs in the environment of `make test-interp`: `make bench ONLY=sae`. On another machine, with
a card or without, `python -m bench.encoding` does the same; what it ran on is in each figure's conditions.

The paths take turns, so that a change in the machine's speed meets all of them. A figure is a median; `spread` is the
distance between its quartiles, as a share of it.
"""

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.harness import Result, emit, header

SIZES = (16_384, 65_536)  # features
D_MODEL = 2304
TOKENS = 512
ON_CARD = 32_768  # tokens, where there is a card
STRONGEST = 32
WATCHED = 256
TIMES = {16_384: 21}
TIMES_ELSE = 9
DTYPES = ("float32", "bfloat16")
KINDS = ("standard", "jumprelu", "topk")
Path_ = Callable[[], Any]


def main() -> int:
    """Measure the sizes that SIZE names, or all of them."""
    sizes = (int(os.environ["SIZE"]),) if os.environ.get("SIZE") else SIZES
    header()
    for size in sizes:
        for result in run(size):
            emit(result)
    return 0


def run(d_sae: int) -> Iterator[Result]:
    """Tokens a second by each path, for dictionaries of that many features."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for dtype in DTYPES:
        yield from _of_dtype(d_sae, dtype, device)


def _of_dtype(d_sae: int, dtype: str, device: Any) -> Iterator[Result]:
    import torch

    from auditor.interp.torchlab.dictionaries import DTYPES as KNOWN

    tokens = ON_CARD if device.type == "cuda" else TOKENS
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(tokens, D_MODEL, generator=draw).to(device, KNOWN[dtype])
    tensors = _weights(d_sae, draw)
    paths: dict[str, Path_] = {}
    weight = tensors["W_enc"].to(device, KNOWN[dtype])
    paths["bare"] = partial(torch.mm, x, weight)
    for kind in KINDS:
        mine, theirs = _both(kind, d_sae, tensors, dtype, device)
        paths[f"{kind}.ours"] = partial(mine.top, x, STRONGEST)
        if theirs is not None:
            paths[f"{kind}.whole"] = partial(_theirs, theirs, x, len(x))
            paths[f"{kind}.chunked"] = partial(_theirs, theirs, x, mine.chunk)
        if kind == "jumprelu":
            watched = mine.watch(range(0, d_sae, d_sae // WATCHED))
            paths["watch"] = partial(watched, x)
            paths["full"] = partial(_full, mine, x)
    turns = TIMES.get(d_sae, TIMES_ELSE)
    times = _in_turn(paths, device, turns)
    rate = {name: tokens / statistics.median(each) for name, each in times.items()}
    spread = {name: _spread(each) for name, each in times.items()}
    about = _about(dtype, tokens, device) | {"times": turns}
    yield Result(
        f"sae.bare.{dtype}", d_sae, rate["bare"], "tokens/s", conditions=about | {"spread": spread["bare"]}
    )
    for kind in KINDS:
        sae = {name: rate[f"{kind}.{name}"] for name in ("whole", "chunked") if f"{kind}.{name}" in rate}
        fastest = max(sae, key=lambda name: sae[name]) if sae else ""
        yield Result(
            f"sae.{kind}.{dtype}", d_sae, rate[f"{kind}.ours"], "tokens/s", floor=sae.get(fastest),
            conditions=about | {
                "of_bare": round(rate[f"{kind}.ours"] / rate["bare"], 3), "spread": spread[f"{kind}.ours"],
                "saelens": fastest, "saelens_spread": spread.get(f"{kind}.{fastest}"),
            },
        )  # fmt: skip
    yield Result(
        f"sae.watch.{dtype}", d_sae, rate["watch"], "tokens/s", floor=rate["full"],
        conditions=about | {"features": WATCHED, "spread": spread["watch"], "full_spread": spread["full"]},
    )  # fmt: skip


def _weights(d_sae: int, draw: Any) -> dict[str, Any]:
    """Random ones, by which about 60 of 16,384 features are active."""
    import torch

    scale = D_MODEL**-0.5
    return {
        "W_enc": torch.randn(D_MODEL, d_sae, generator=draw) * scale,
        "W_dec": torch.randn(d_sae, D_MODEL, generator=draw) * scale,
        "b_enc": torch.randn(d_sae, generator=draw) * 0.1 - 2.6,
        "b_dec": torch.randn(D_MODEL, generator=draw) * 0.1,
        "threshold": torch.rand(d_sae, generator=draw) * 0.2,
    }


def _both(kind: str, d_sae: int, tensors: Mapping[str, Any], dtype: str, device: Any) -> tuple[Any, Any]:
    """Our encoder and SAELens's with the same weights; None where that is not installed."""
    import torch

    from auditor.interp.sae_config import needed, read_configuration
    from auditor.interp.torchlab.dictionaries import DTYPES as KNOWN
    from auditor.interp.torchlab.dictionaries import Encoder

    about = {"hook_name": "blocks.12.hook_resid_post", "sae_lens_version": "6.54.12"}
    written = {
        "architecture": kind, "d_in": D_MODEL, "d_sae": d_sae, "apply_b_dec_to_input": True,
        "normalize_activations": "none", "reshape_activations": "none", "metadata": about, "device": str(device), "dtype": dtype,
    } | ({"k": 64, "rescale_acts_by_decoder_norm": False} if kind == "topk" else {})  # fmt: skip
    known = read_configuration(written)
    mine = Encoder(known, {name: tensors[name].to(device, KNOWN[dtype]) for name in needed(known)})
    try:
        from sae_lens import SAE
    except ImportError:
        return mine, None
    theirs = SAE.from_dict(written)
    with torch.no_grad():
        for name, weight in theirs.named_parameters():
            weight.copy_(tensors[name])
    theirs.eval().requires_grad_(False)
    return mine, theirs


def _theirs(sae: Any, x: Any, chunk: int) -> None:
    """The strongest features of each token by SAELens's encode, with torch's own way of finding the k largest."""
    import torch

    with torch.inference_mode():
        for begin in range(0, len(x), chunk):
            value, index = torch.topk(sae.encode(x[begin : begin + chunk]), STRONGEST, dim=-1)
            value.float().cpu()
            index.cpu()


def _full(encoder: Any, x: Any) -> None:
    for begin in range(0, len(x), encoder.chunk):
        encoder.encode(x[begin : begin + encoder.chunk])


def _in_turn(paths: Mapping[str, Path_], device: Any, turns: int) -> dict[str, list[float]]:
    """Wall seconds of each path, one after the other, so many times after one that does not count."""
    import torch

    found: dict[str, list[float]] = {name: [] for name in paths}
    for turn in range(turns + 1):
        for name, path in paths.items():
            began = perf_counter()
            path()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:
                found[name].append(perf_counter() - began)
    return found


def _spread(times: list[float]) -> float:
    low, middle, high = statistics.quantiles(times, n=4)
    return round((high - low) / middle, 3)


def _about(dtype: str, tokens: int, device: Any) -> dict[str, Any]:
    import torch

    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        cores, models = os.cpu_count(), Path("/proc/cpuinfo")
        lines = models.read_text(encoding="utf-8").splitlines() if models.is_file() else []
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
            platform.machine(),
        )
        name = f"{model}, {cores} cores, {torch.get_num_threads()} threads"
    return {
        "d_model": D_MODEL,
        "device": name,
        "dtype": dtype,
        "strongest": STRONGEST,
        "tokens": tokens,
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    sys.exit(main())
