"""Nothing that the web process loads imports what knows torch; only functions that a worker runs may."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"torch", "transformers", "peft", "tokenizers", "huggingface_hub", "sae_lens", "transformer_lens"}


def imported_at_the_head(tree: ast.Module) -> set[str]:
    """Names of modules that a file imports outside of functions."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                continue
            waiting += ast.iter_child_nodes(node)
    return found


def test_the_rule_knows_good_from_bad() -> None:
    bad = "import torch\nclass A:\n    from auditor.interp.torchlab import subject\n"
    good = "if TYPE_CHECKING:\n    import torch\ndef f():\n    import torch\n"
    assert imported_at_the_head(ast.parse(bad)) >= {"torch", "auditor.interp.torchlab"}
    assert imported_at_the_head(ast.parse(good)) == set()


def test_the_rooms_own_name_costs_nothing() -> None:
    path = ROOT / "auditor" / "interp" / "torchlab" / "__init__.py"
    assert not imported_at_the_head(ast.parse(path.read_text(encoding="utf-8")))


def test_only_the_torch_room_imports_torch_at_its_head() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {name}"
        for half in ("auditor", "labeling")
        for path in sorted((ROOT / half).rglob("*.py"))
        if "torchlab" not in path.parts
        for name in imported_at_the_head(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] in HEAVY or name.startswith("auditor.interp.torchlab")
    ]
    assert not broken
