"""What is written beside a model: manifest, expected answers, README."""

import base64
import hashlib
import json

import numpy as np
import onnxruntime

from models import Example

DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64", "int32": "INT32", "bool": "BOOL"}
CONTENTS = {"FP32": "fp32_contents", "INT64": "int64_contents", "BYTES": "bytes_contents"}


def datatype(array: np.ndarray) -> str:
    return DATATYPES.get(array.dtype.name, "BYTES")


def scalar(value):
    """The shortest decimal that gives the same bits again, in the width of the tensor."""
    if isinstance(value, np.floating):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else value


def tensor(name: str, array: np.ndarray) -> dict:
    return {"name": name, "datatype": datatype(array), "shape": list(array.shape), "data": [scalar(value) for value in array.ravel()]}


def session(model: bytes) -> onnxruntime.InferenceSession:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])


def expected(example: Example, model: bytes) -> dict:
    """Asks the training library and onnxruntime the same; refuses to write down answers that differ by more than the tolerance."""
    runtime = session(model)
    names = [output.name for output in runtime.get_outputs()]
    cases = []
    for inputs in example.cases:
        trained = example.answer(inputs)
        served = dict(zip(names, runtime.run(names, inputs)))
        for name in names:
            compare(example, name, np.asarray(trained[name]), served[name])
        cases.append(
            {
                "request": {"inputs": [tensor(name, array) for name, array in inputs.items()]},
                "outputs": [tensor(name, np.asarray(trained[name])) | {"datatype": datatype(served[name])} for name in names],
                "onnxruntime": {"outputs": [tensor(name, served[name]) for name in names]},
            }
        )
    return {
        "model": f"{example.family}@{example.version}" if example.family else example.name,
        "library": {"name": example.library[0], "version": example.library[1]},
        "onnxruntime": {"version": onnxruntime.__version__, "threads": 1},
        "tolerance": example.tolerance,
        "cases": cases,
    }


def compare(example: Example, name: str, trained: np.ndarray, served: np.ndarray) -> None:
    if datatype(served) == "FP32":
        near = np.allclose(served, trained, rtol=example.tolerance["relative"], atol=example.tolerance["absolute"])
    else:
        near = np.array_equal(trained.astype(served.dtype), served)
    if not near or trained.shape != served.shape:
        raise SystemExit(f"{example.name}: output {name} of the converted model differs from the library's: {trained} {served}")


def manifest(example: Example, model: bytes) -> str:
    versioned = [f"  family: {example.family}", f'  version: "{example.version}"'] if example.family else []
    return "\n".join(
        [
            "apiVersion: modelmesh.io/v1alpha1",
            "kind: Model",
            "metadata:",
            f"  name: {example.name}",
            "spec:",
            *versioned,
            "  format:",
            "    name: onnx",
            "  storage:",
            f"    uri: ./{example.name}.onnx",
            f"    sha256: {hashlib.sha256(model).hexdigest()}",
            "",
        ]
    )


def readme(example: Example, answers: dict, size: int) -> str:
    request = answers["cases"][0]["request"]
    (given,) = request["inputs"]
    outputs = ", ".join(f"`{one['name']}` {one['datatype']}" for one in answers["cases"][0]["outputs"])
    name = example.family or example.name
    version = f"/versions/{example.version}" if example.version else ""
    raw = [base64.b64encode(text.encode()).decode() for text in given["data"]] if given["datatype"] == "BYTES" else given["data"]
    grpc = {"model_name": name} | ({"model_version": example.version} if example.version else {})
    grpc["inputs"] = [{key: given[key] for key in ("name", "datatype", "shape")} | {"contents": {CONTENTS[given["datatype"]]: raw}}]
    score = ""
    if example.held_out:
        metric, value, count = example.held_out
        score = f" {metric[0].upper()}{metric[1:]} on {count} held-out rows: {value:.3f}."
    numpy_type = {"FP32": "np.float32", "INT64": "np.int64", "BYTES": "np.object_"}[given["datatype"]]
    values = json.dumps(given["data"], ensure_ascii=False)
    version_argument = f", model_version='{example.version}'" if example.version else ""
    return f"""# {example.name}

{example.title}.

Data: {example.data}. Trained with {example.library[0]} {example.library[1]}, {size} bytes of ONNX.{score}
Input: `{given["name"]}` {given["datatype"]}, first dimension free. Outputs: {outputs}. `expected.json` holds requests and the answers to them.

```sh
mmesh apply -f examples/models/{example.name}/model.yaml

curl -s localhost:8033/v2/models/{name}{version}/infer -H 'content-type: application/json' -d '{shell(request)}'

grpcurl -plaintext -d '{shell(grpc)}' localhost:8033 inference.GRPCInferenceService/ModelInfer
```

```python
import numpy as np, tritonclient.grpc as triton
client = triton.InferenceServerClient('localhost:8033')
tensor = triton.InferInput('{given["name"]}', {given["shape"]}, '{given["datatype"]}')
tensor.set_data_from_numpy(np.array({values}, {numpy_type}).reshape({given["shape"]}))
print(client.infer('{name}', [tensor]{version_argument}).as_numpy('{answers["cases"][0]["outputs"][0]["name"]}'))
```
"""


def shell(value: dict) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("'", "'\\''")
