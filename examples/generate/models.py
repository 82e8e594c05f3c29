"""The example models: how each is trained, and what it is asked."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import lightgbm
import numpy as np
import onnx
import sklearn
import xgboost
from onnx import TensorProto, helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as TreeFloats
from onnxruntime import InferenceSession
from onnxruntime.quantization import QuantType, quantize_dynamic
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

SEED = 20
OPSET = 18
"""Older than the newest: every onnxruntime of the last two years reads it."""
IR_VERSION = 9
SKLEARN = ("scikit-learn", sklearn.__version__)

warnings.filterwarnings("ignore", category=UserWarning)


@dataclass(frozen=True)
class Example:
    name: str
    """Folder, file and manifest."""
    title: str
    data: str
    library: tuple[str, str]
    onnx: onnx.ModelProto
    cases: list[dict[str, np.ndarray]]
    """Inputs by name."""
    answer: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
    """What the training library says, by output name."""
    held_out: tuple[str, float, int] | None = None
    """Metric, value, rows."""
    tolerance: dict[str, float] = field(default_factory=lambda: {"absolute": 1e-5, "relative": 1e-4})
    family: str | None = None
    version: str | None = None


def split(x, y):
    return train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y if len(set(y)) < 50 else None)


def rows(x: np.ndarray) -> list[dict[str, np.ndarray]]:
    """One case of one row and one of four."""
    return [{"features": x[:1]}, {"features": x[1:5]}]


def options(estimator) -> dict:
    """Probabilities as a tensor: maps have no place in the inference protocol."""
    return {id(estimator): {"zipmap": False}}


def classifier(model, columns: int, last=None) -> onnx.ModelProto:
    kind = [("features", FloatTensorType([None, columns]))]
    return to_onnx(model, initial_types=kind, options=options(last or model), target_opset=OPSET)


def answers(model):
    return lambda case: {"label": model.predict(case["features"]), "probabilities": model.predict_proba(case["features"])}


def iris(version: str) -> Example:
    data = load_iris()
    x, x_test, y, y_test = split(data.data.astype(np.float32), data.target)
    if version == "1":
        model, kind = LogisticRegression(max_iter=500, random_state=SEED), "logistic regression"
    else:
        model = make_pipeline(StandardScaler(), MLPClassifier((8,), alpha=0.01, solver="lbfgs", max_iter=2000, random_state=SEED))
        kind = "a small neural network on standardized features"
    model.fit(x, y)
    return Example(
        name=f"iris-{version}",
        title=f"The species of an iris flower from four measurements in cm, version {version}: {kind}",
        data="Iris, 150 flowers, from scikit-learn",
        library=SKLEARN,
        onnx=classifier(model, 4, model if version == "1" else model[-1]),
        cases=rows(x_test),
        answer=answers(model),
        held_out=("accuracy", model.score(x_test, y_test), len(y_test)),
        family="iris",
        version=version,
    )


def digits_data():
    data = load_digits()
    return split(data.data.astype(np.float32), data.target)


def digits() -> Example:
    x, x_test, y, y_test = digits_data()
    model = make_pipeline(MinMaxScaler(), MLPClassifier((64,), alpha=0.01, max_iter=600, random_state=SEED))
    model.fit(x, y)
    return Example(
        name="digits",
        title="The digit in a picture of 8 × 8 grey values (0 to 16): a neural network with one hidden layer",
        data="Optical recognition of handwritten digits, 1797 pictures, from scikit-learn",
        library=SKLEARN,
        onnx=classifier(model, 64, model[-1]),
        cases=rows(x_test),
        answer=answers(model),
        held_out=("accuracy", model.score(x_test, y_test), len(y_test)),
    )


def digits_int8(whole: Example, scratch: Path) -> Example:
    """Unsigned weights: with signed ones processors without VNNI saturate and answer differently."""
    source, target = scratch / "digits.onnx", scratch / "digits-int8.onnx"
    onnx.save(whole.onnx, source)
    quantize_dynamic(source, target, weight_type=QuantType.QUInt8)
    _, x_test, _, y_test = digits_data()
    labels, _ = InferenceSession(target, providers=["CPUExecutionProvider"]).run(None, {"features": x_test})
    return Example(
        name="digits-int8",
        title="The model `digits` with its weights and activations quantized to 8-bit integers",
        data=whole.data,
        library=whole.library,
        onnx=onnx.load(target),
        cases=whole.cases,
        answer=whole.answer,
        held_out=("accuracy", float(np.mean(labels == y_test)), len(y_test)),
        tolerance={"absolute": 0.05, "relative": 0.0},
    )


def wine() -> Example:
    data = load_wine()
    cultivars = np.array(["first cultivar", "second cultivar", "third cultivar"])
    x, x_test, y, y_test = split(data.data.astype(np.float32), cultivars[data.target])
    model = RandomForestClassifier(n_estimators=20, max_depth=6, random_state=SEED, n_jobs=1).fit(x, y)
    return Example(
        name="wine",
        title="The cultivar of an Italian wine from 13 chemical measurements: a random forest whose labels are strings",
        data="Wine recognition, 178 wines, from scikit-learn",
        library=SKLEARN,
        onnx=classifier(model, 13),
        cases=rows(x_test),
        answer=answers(model),
        held_out=("accuracy", model.score(x_test, y_test), len(y_test)),
    )


def breast_cancer() -> Example:
    data = load_breast_cancer()
    x, x_test, y, y_test = split(data.data.astype(np.float32), data.target)
    model = xgboost.XGBClassifier(n_estimators=60, max_depth=2, learning_rate=0.3, random_state=SEED, n_jobs=1, tree_method="exact")
    model.fit(x, y)
    return Example(
        name="breast-cancer",
        title="Whether a tumour is malignant (0) or benign (1) from 30 measurements of cell nuclei: gradient boosted trees by XGBoost",
        data="Breast cancer Wisconsin (diagnostic), 569 tumours, from scikit-learn",
        library=("xgboost", xgboost.__version__),
        onnx=convert_xgboost(model, initial_types=[("features", TreeFloats([None, 30]))], target_opset=15),
        cases=rows(x_test),
        answer=answers(model),
        held_out=("accuracy", model.score(x_test, y_test), len(y_test)),
    )


def diabetes() -> Example:
    data = load_diabetes(scaled=False)
    x, x_test, y, y_test = split(data.data.astype(np.float32), data.target)
    model = lightgbm.LGBMRegressor(
        n_estimators=60, num_leaves=8, learning_rate=0.08, random_state=SEED, n_jobs=1, deterministic=True, force_row_wise=True, verbose=-1
    ).fit(x, y)
    return Example(
        name="diabetes",
        title="The progress of diabetes after one year from 10 measurements: regression by gradient boosted trees of LightGBM",
        data="Diabetes, 442 patients, unscaled, from scikit-learn",
        library=("lightgbm", lightgbm.__version__),
        onnx=convert_lightgbm(model, initial_types=[("features", TreeFloats([None, 10]))], target_opset=15),
        cases=rows(x_test),
        answer=lambda case: {"variable": model.predict(case["features"]).reshape(-1, 1)},
        held_out=("R²", model.score(x_test, y_test), len(y_test)),
    )


LICENCES = {
    "apache": ["Apache-2.0"],
    "artistic": ["Artistic"],
    "cc0": ["CC0-1.0"],
    "gfdl": ["GFDL-1.2", "GFDL-1.3"],
    "gpl": ["GPL-1", "GPL-2", "GPL-3"],
    "lgpl": ["LGPL-2", "LGPL-2.1", "LGPL-3"],
    "mpl": ["MPL-1.1", "MPL-2.0"],
}
LICENCE_FOLDER = Path("/usr/share/common-licenses")


def licence_paragraphs() -> tuple[list[str], list[str]]:
    """Paragraphs of at least 60 characters; what stands word for word in two families belongs to neither."""
    families: dict[str, set[str]] = {}
    for family, names in LICENCES.items():
        for name in names:
            for paragraph in (LICENCE_FOLDER / name).read_text(encoding="utf8").split("\n\n"):
                text = " ".join(paragraph.split())
                if len(text) >= 60:
                    families.setdefault(text, set()).add(family)
    known = sorted((text, next(iter(of))) for text, of in families.items() if len(of) == 1)
    return [text for text, _ in known], [family for _, family in known]


def licences() -> Example:
    texts, families = licence_paragraphs()
    x, x_test, y, y_test = train_test_split(texts, families, test_size=0.25, random_state=SEED, stratify=families)
    words = TfidfVectorizer(max_features=400, lowercase=True, token_pattern="[a-zA-Z]+", sublinear_tf=False)
    model = make_pipeline(words, LogisticRegression(C=20, max_iter=2000, random_state=SEED))
    model.fit(x, y)
    converted = to_onnx(
        model,
        initial_types=[("text", StringTensorType([None, 1]))],
        options={id(words): {"tokenexp": "[a-zA-Z]+"}, **options(model[-1])},
        target_opset=OPSET,
    )
    for node in converted.graph.node:
        if node.op_type == "StringNormalizer":
            # The default is en_US.UTF-8, which small machines do not have; the words are ASCII.
            node.attribute.append(helper.make_attribute("locale", "C"))
    tensor = np.array(x_test, dtype=object).reshape(-1, 1)
    return Example(
        name="licences",
        title="Which family of licences a paragraph comes from: string in, string out, TF-IDF and logistic regression",
        data=f"{len(texts)} paragraphs of {sum(map(len, LICENCES.values()))} licences, from Debian's base-files",
        library=SKLEARN,
        onnx=converted,
        cases=[{"text": tensor[:1]}, {"text": tensor[1:5]}],
        answer=lambda case: {
            "label": model.predict(case["text"].ravel()),
            "probabilities": model.predict_proba(case["text"].ravel()),
        },
        held_out=("accuracy", model.score(x_test, y_test), len(y_test)),
    )


def int64() -> Example:
    """Not trained: integers beyond 2^53, which only an exact path keeps."""
    ids = helper.make_tensor_value_info("id", TensorProto.INT64, ["count"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["count"]) for name in ("next", "bucket")]
    nodes = [helper.make_node("Add", ["id", "one"], ["next"]), helper.make_node("Mod", ["id", "thousand"], ["bucket"])]
    constants = [helper.make_tensor(name, TensorProto.INT64, [], [value]) for name, value in (("one", 1), ("thousand", 1000))]
    graph = helper.make_graph(nodes, "int64", [ids], outputs, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    big = np.array([0, 41, 2**53, 2**53 + 1, 2**63 - 2, -(2**63)], dtype=np.int64)
    return Example(
        name="int64",
        title="The successor of a 64-bit id and its bucket of a thousand: exact integers beyond 2^53, no training",
        data="none",
        library=("numpy", np.__version__),
        onnx=model,
        cases=[{"id": big[3:4]}, {"id": big}],
        answer=lambda case: {"next": case["id"] + 1, "bucket": np.mod(case["id"], 1000)},
        tolerance={"absolute": 0.0, "relative": 0.0},
    )


def all_examples(scratch: Path) -> list[Example]:
    whole = digits()
    return [iris("1"), iris("2"), whole, digits_int8(whole, scratch), wine(), breast_cancer(), diabetes(), licences(), int64()]
