"""Trains one scikit-learn model and writes it for both servers: train_iris.py FOLDER -> model.joblib, model.onnx, expected.json."""

import json
import pathlib
import sys

import joblib
import numpy
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

folder = pathlib.Path(sys.argv[1])
rows, labels = load_iris(return_X_y=True)
rows = rows.astype(numpy.float32)
model = LogisticRegression(max_iter=1000).fit(rows, labels)
joblib.dump(model, folder / "model.joblib")
onnx = to_onnx(model, rows[:1], options={"zipmap": False})
(folder / "model.onnx").write_bytes(onnx.SerializeToString())
asked = rows[::50]
expected = {
    "input": onnx.graph.input[0].name,
    "label": onnx.graph.output[0].name,
    "rows": asked.tolist(),
    "labels": model.predict(asked).tolist(),
}
(folder / "expected.json").write_text(json.dumps(expected))
