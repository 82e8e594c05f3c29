"""Trains the example models and writes `examples/models`; with --check says what would differ."""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import documents
import onnx
from models import IR_VERSION, Example, all_examples

MODELS = Path(__file__).resolve().parent.parent / "models"
BYTES_MAX = 100_000
"""The repository holds these files: they stay small."""


def steady_names(graph: onnx.GraphProto) -> None:
    """Converters give random names to nodes and to what flows between them; the same training must give the same bytes."""
    fixed = {one.name for one in [*graph.input, *graph.output, *graph.initializer]}
    names: dict[str, str] = {"": ""}
    for at, node in enumerate(graph.node):
        node.name = f"{node.op_type}-{at}"
        for names_of in (node.input, node.output):
            for index, name in enumerate(names_of):
                names_of[index] = name if name in fixed else names.setdefault(name, f"value-{len(names)}")


def files(example: Example) -> dict[str, bytes]:
    example.onnx.ir_version = IR_VERSION
    example.onnx.graph.name = example.name
    steady_names(example.onnx.graph)
    model = example.onnx.SerializeToString(deterministic=True)
    if len(model) > BYTES_MAX:
        raise SystemExit(f"{example.name} has {len(model)} bytes, more than {BYTES_MAX}")
    answers = documents.expected(example, model)
    return {
        f"{example.name}.onnx": model,
        "expected.json": (flat_lists(json.dumps(answers, indent=1, ensure_ascii=False)) + "\n").encode(),
        "model.yaml": documents.manifest(example, model).encode(),
        "README.md": documents.readme(example, answers, len(model)).encode(),
    }


def flat_lists(text: str) -> str:
    """A list of numbers or strings in one line."""
    return re.sub(r"\[\n\s*([^\[\]{}]*?)\n\s*\]", lambda found: "[" + re.sub(r",\n\s*", ", ", found[1]) + "]", text)


def main(check: bool) -> int:
    differing = 0
    with tempfile.TemporaryDirectory() as scratch:
        for example in all_examples(Path(scratch)):
            for name, content in files(example).items():
                path = MODELS / example.name / name
                same = path.exists() and path.read_bytes() == content
                differing += not same
                if check:
                    print(f"{'same   ' if same else 'DIFFERS'} {path.relative_to(MODELS)}")
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
            held_out = f", {example.held_out[0]} {example.held_out[1]:.3f}" if example.held_out else ""
            print(f"{example.name}: {len(example.onnx.SerializeToString())} bytes{held_out}")
    return 1 if check and differing else 0


if __name__ == "__main__":
    # The converters walk sets: their order, and so the bytes, hangs on the seed of Python's hashes. Threads change sums.
    steady = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    if any(os.environ.get(name) != value for name, value in steady.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | steady)
    sys.exit(main("--check" in sys.argv[1:]))
