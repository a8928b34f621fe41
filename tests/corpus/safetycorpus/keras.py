"""Keras: the zip of version 3 and the HDF5 of before."""

import json

from . import hdf5, op, rawzip
from .hdf5 import Dataset, Group

DENSE = {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
         "config": {"name": "dense", "units": 2, "activation": "relu", "kernel_initializer": {"module": "keras.initializers", "class_name": "GlorotUniform",
                                                                                              "config": {"seed": None}, "registered_name": None}},
         "build_config": {"input_shape": [None, 3]}}
INPUT = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 3], "dtype": "float32", "name": "input"}, "registered_name": None}


def model(*layers, **more):
    return {"module": "keras", "class_name": "Sequential", "registered_name": "Sequential", "build_config": {"input_shape": [None, 3]},
            "config": {"name": "otter", "trainable": True, "layers": [INPUT, *layers]}, **more}


WEIGHTS = hdf5.classic(Group({"layers": Group({"dense": Group({"vars": Group({"0": Dataset((3, 2)), "1": Dataset((2,))})})})}))
COMPILED = {"optimizer": {"module": "keras.optimizers", "class_name": "Adam", "config": {"learning_rate": 0.001}, "registered_name": None},
            "loss": "categorical_crossentropy", "metrics": ["accuracy"]}


def archive(config, weights=WEIGHTS, **more):
    text = config if isinstance(config, str) else json.dumps(config)
    return rawzip.plain({"metadata.json": b'{"keras_version": "3.4.1", "date_saved": "2025-01-01@00:00:00"}', "config.json": text.encode(), "model.weights.h5": weights,
                         **{name.replace("__", "/"): data for name, data in more.items()}})


def layer(name, module="keras.layers", registered=None, **config):
    return {"module": module, "class_name": name, "config": {"name": "x", **config}, "registered_name": registered}


LAMBDA = layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}})


def bad_models():
    yield "lambda", model(LAMBDA)
    yield "lambda-in-a-nested-model", model(model(model(LAMBDA)))
    yield "lambda-in-compile-config", model(DENSE, compile_config={"loss": LAMBDA})
    yield "lambda-in-build-config", model(DENSE, build_config={"extra": LAMBDA})
    yield "lambda-by-escape", json.dumps(model(LAMBDA)).replace('"Lambda"', '"\\u004cambda"')
    yield "lambda-behind-a-second-key", json.dumps(model(LAMBDA)).replace('"class_name": "Lambda"', '"class_name": "Lambda", "class_name": "Dense"')
    yield "lambda-in-front-of-a-second-key", json.dumps(model(LAMBDA)).replace('"class_name": "Lambda"', '"class_name": "Dense", "class_name": "Lambda"')
    yield "lambda-as-an-activation", model({**DENSE, "config": {**DENSE["config"], "activation": LAMBDA}})
    for name in ("TFOpLambda", "SlicingOpLambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"):
        yield name, model(layer(name))
    yield "function-of-builtins", model({**DENSE, "config": {"activation": {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"}}})
    yield "get-file", model({**DENSE, "config": {"activation": {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "function"}}})
    yield "enable-unsafe", model({**DENSE, "config": {"activation": {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization", "registered_name": "function"}}})
    yield "module-of-os", model(layer("system", module="os"))
    yield "module-by-prefix", model(layer("Thing", module="keras_evil.layers"))
    yield "own-package", model(layer("Thing", module="acme.layers", registered="acme>Thing"))
    yield "registered-name-of-a-package", model(layer("Dense", registered="acme>Dense"))
    yield "vocabulary-from-a-file", model(layer("StringLookup", vocabulary="/etc/passwd"))
    yield "text-vocabulary-from-a-file", model(layer("TextVectorization", vocabulary="../../secrets.txt"))


def add_to(corpus):
    group = "keras"
    corpus.safe("keras/model.keras", archive(model(DENSE)))
    corpus.safe("keras/compiled.keras", archive(model(DENSE, layer("Dropout", rate=0.5), compile_config=COMPILED)))
    corpus.safe("keras/nested.keras", archive(model(model(DENSE))))
    corpus.safe("keras/vocabulary.keras", archive(model(layer("StringLookup", vocabulary=["Lambda", "os.system", "eval"]))))
    corpus.safe("keras/with-assets.keras", archive(model(DENSE), assets__vocab__txt=b"cats and dogs\nand birds\n"))
    for name, config in bad_models():
        if "second-key" in name:
            corpus.refused(group, f"keras/evil/{name}.keras", archive(config), "parsers differ in which of the two counts", pickle="none")
            continue
        corpus.code(group, f"keras/evil/{name}.keras", archive(config))
    corpus.evil(group, "keras/evil/pickle-as-an-asset.keras", archive(model(DENSE), **{"assets__x.pkl": op.p2(op.ATTACK)}))
    corpus.code(group, "keras/evil/script-as-an-asset.keras", archive(model(DENSE), **{"assets__x.py": b"import os\n"}))
    corpus.refused(group, "keras/evil/broken-config.keras", archive('{"class_name": "Sequential", '), pickle="none")
    corpus.refused(group, "keras/evil/external-link-in-the-weights.keras", archive(model(DENSE), weights=hdf5.newest(Group({"x": hdf5.external_link("/etc/passwd")}))), pickle="none")

    for name, write in {"classic": hdf5.classic, "newest": hdf5.newest}.items():
        weights = Group({"dense": Group({"kernel:0": Dataset(), "bias:0": Dataset((3,))}, {"weight_names": "kernel:0"})}, {"backend": "tensorflow", "keras_version": "2.11.0"})
        corpus.safe(f"hdf5/{name}/tf_model.h5", write(weights))
        corpus.safe(f"hdf5/{name}/empty.h5", write(Group()))
        whole = Group({"model_weights": Group({"dense": Group({"kernel:0": Dataset()})})}, {"keras_version": "2.11.0"})
        whole.long["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": 2}}]}})
        corpus.safe(f"hdf5/{name}/model.h5", write(whole))
        evil = json.dumps({"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None], "function_type": "lambda"}}]}})
        corpus.code(group, f"hdf5/{name}/lambda.h5", write(Group({"model_weights": Group()}, long={"model_config": evil})))
        corpus.code(group, f"hdf5/{name}/lambda-in-the-header.h5", write(Group({"model_weights": Group()}, {"model_config": evil})))
        corpus.code(group, f"hdf5/{name}/lambda-by-escape.h5", write(Group({}, long={"model_config": evil.replace("Lambda", "\\u004cambda")})))
        corpus.code(group, f"hdf5/{name}/lambda.keras", write(Group({}, long={"model_config": evil})), "the name of version 3, the format of before")
        group_, good = "hdf5", write(weights)
        corpus.refused(group_, f"hdf5/{name}/external-data.h5", write(Group({"x": Dataset(extra=(hdf5.external_files(),), address=hdf5.UNDEFINED)})), pickle="none")
        corpus.refused("bombs", f"hdf5/{name}/declared-petabytes.h5", write(Group({"x": Dataset((1 << 24, 1 << 24), layout="chunked")})), pickle="none")
        corpus.refused(group_, f"hdf5/{name}/plug-in-filter.h5", write(Group({"x": Dataset((2, 3), layout="chunked", extra=(hdf5.filters(32015),))})), pickle="none")
        corpus.refused(group_, f"hdf5/{name}/unknown-message-that-must-be-known.h5", write(Group({"x": Dataset(extra=((0x77, bytes(8), 0x80),))})), pickle="none")
        corpus.refused(group_, f"hdf5/{name}/data-beyond-the-end.h5", write(Group({"x": Dataset(address=1 << 40)})), pickle="none")
        corpus.refused(group_, f"hdf5/{name}/cut.h5", good[:len(good) // 2], pickle="none")
        corpus.refused("trailing-bytes", f"hdf5/{name}/more-behind.h5", good + b"\0" * 64, pickle="none")
        corpus.refused("polyglots", f"hdf5/{name}/pickle-in-front.h5", op.p2(op.ATTACK).ljust(512, b"\0") + good)
    corpus.refused("hdf5", "hdf5/newest/external-link.h5", hdf5.newest(Group({"x": hdf5.external_link("/etc/passwd")})), pickle="none")
