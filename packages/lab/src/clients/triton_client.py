"""Calls every example model of a node with tritonclient, unchanged, and compares with onnxruntime and the training library.

Arguments: host:port of the node, folder of the example models, the node's version of onnxruntime, and under TLS a PEM file of whom to trust. Prints one JSON object; exit code 1 with the differences if there are any.
Integers and strings must be equal to onnxruntime's in this process; fp32 must have equal bits where onnxruntime has the version that the
node reports, and be within the model's stated tolerance of the training library always.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import tritonclient.grpc as grpc_client
import tritonclient.http as http_client

TYPES = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "INT32": np.int32, "BOOL": np.bool_}


def as_array(tensor):
    if tensor["datatype"] == "BYTES":
        return np.array([text.encode() for text in tensor["data"]], dtype=object).reshape(tensor["shape"])
    return np.array(tensor["data"], dtype=TYPES[tensor["datatype"]]).reshape(tensor["shape"])


def reference(path, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    plain = {name: array.astype(str).astype(object) if array.dtype == object else array for name, array in feeds.items()}
    plain = {
        name: np.vectorize(lambda item: item.decode(), otypes=[object])(feeds[name]) if array.dtype == object else array
        for name, array in plain.items()
    }
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, plain)))


def decoded(array):
    if array.dtype != object:
        return array
    return np.vectorize(lambda item: item.decode() if isinstance(item, bytes) else item, otypes=[object])(array)


class Check:
    def __init__(self, same_version):
        self.same_version = same_version
        self.problems = []
        self.compared = 0
        self.bits = 0

    def outputs(self, label, got, onnx, expected, tolerance):
        for tensor in expected:
            name = tensor["name"]
            mine = decoded(got(name))
            theirs = onnx[name]
            self.compared += 1
            if tensor["datatype"] == "FP32":
                wanted = as_array(tensor)
                if not np.allclose(mine, wanted, rtol=tolerance["relative"], atol=tolerance["absolute"]):
                    self.problems.append(f"{label} {name}: {mine.tolist()} is not within the tolerance of {wanted.tolist()}")
                if self.same_version:
                    self.bits += 1
                    if mine.tobytes() != theirs.astype(np.float32).tobytes():
                        self.problems.append(f"{label} {name}: other bits than onnxruntime {onnxruntime.__version__}")
            elif not np.array_equal(mine, theirs):
                self.problems.append(f"{label} {name}: {mine.tolist()} is not {theirs.tolist()}")


def inputs_for(module, case, binary=None):
    made = []
    for tensor in case["request"]["inputs"]:
        one = module.InferInput(tensor["name"], tensor["shape"], tensor["datatype"])
        array = as_array(tensor)
        if binary is None:
            one.set_data_from_numpy(array)
        else:
            one.set_data_from_numpy(array, binary_data=binary)
        made.append(one)
    return made


def call_all(model, case, folder, check, clients):
    name, version = (model["model"].split("@") + [""])[:2]
    feeds = {tensor["name"]: as_array(tensor) for tensor in case["request"]["inputs"]}
    onnx = reference(folder / f"{folder.name}.onnx", feeds)
    grpc, http = clients
    answer = grpc.infer(name, inputs_for(grpc_client, case), model_version=version)
    check.outputs(f"{folder.name} grpc", answer.as_numpy, onnx, case["outputs"], model["tolerance"])
    outputs = [tensor["name"] for tensor in case["outputs"]]
    for binary in (False, True):
        for compression in (None, "gzip", "deflate"):
            asked = [http_client.InferRequestedOutput(output, binary_data=binary) for output in outputs]
            answer = http.infer(
                name,
                inputs_for(http_client, case, binary),
                model_version=version,
                outputs=asked,
                request_compression_algorithm=compression,
                response_compression_algorithm=compression,
            )
            label = f"{folder.name} http binary={binary} compression={compression}"
            check.outputs(label, answer.as_numpy, onnx, case["outputs"], model["tolerance"])


def describe(check, clients, models):
    grpc, http = clients
    for client, kind in ((grpc, "grpc"), (http, "http")):
        if not (client.is_server_live() and client.is_server_ready()):
            check.problems.append(f"{kind}: the server is not live and ready")
        for model in models:
            name, version = (model["model"].split("@") + [""])[:2]
            if not client.is_model_ready(name, version):
                check.problems.append(f"{kind}: {name} is not ready")
            metadata = client.get_model_metadata(name, version)
            inputs = metadata.inputs if kind == "grpc" else metadata["inputs"]
            if len(inputs) == 0:
                check.problems.append(f"{kind}: {name} has no inputs")
        client.get_server_metadata()
        index = client.get_model_repository_index()
        entries = list(index.models) if kind == "grpc" else index
        if len(entries) < len(models):
            check.problems.append(f"{kind}: the index lists {len(entries)} models, not {len(models)}")


def repository(check, clients, models):
    name = models[0]["model"]
    for client, kind in zip(clients, ("grpc", "http")):
        client.unload_model(name)
        client.load_model(name)
        if not client.is_model_ready(*name.split("@")):
            check.problems.append(f"{kind}: {name} is not ready after load")


def errors(check, clients):
    grpc, http = clients
    for client, kind, error in (
        (grpc, "grpc", grpc_client.InferenceServerException),
        (http, "http", http_client.InferenceServerException),
    ):
        try:
            client.get_model_metadata("nobody")
            check.problems.append(f"{kind}: an unknown model has metadata")
        except error as refused:
            if "not found" not in str(refused):
                check.problems.append(f"{kind}: an unknown model is told as {refused}")


def clients_of(address, ca):
    if ca is None:
        return grpc_client.InferenceServerClient(address), http_client.InferenceServerClient(address)
    return (
        grpc_client.InferenceServerClient(address, ssl=True, root_certificates=ca),
        http_client.InferenceServerClient(address, ssl=True, ssl_options={"ca_certs": ca}),
    )


def main():
    address, examples, node_version = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    check = Check(onnxruntime.__version__ == node_version)
    clients = clients_of(address, sys.argv[4] if len(sys.argv) > 4 else None)
    folders = sorted(folder for folder in examples.iterdir() if (folder / "expected.json").exists())
    models = [json.loads((folder / "expected.json").read_text()) for folder in folders]
    describe(check, clients, models)
    for folder, model in zip(folders, models):
        for case in model["cases"]:
            call_all(model, case, folder, check, clients)
    repository(check, clients, models)
    errors(check, clients)
    print(json.dumps({"models": len(models), "compared": check.compared, "bits": check.bits, "problems": check.problems}))
    sys.exit(1 if check.problems else 0)


main()
