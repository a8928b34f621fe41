"""ONNX, TensorFlow, TFLite, OpenVINO, Core ML, Flax, SentencePiece."""

import struct

from .wire import Extension, block, number, pack

# --- ONNX ---


def onnx_tensor(name, count=4, data=None, kind=1, external=()):
    body = number(1, count) + number(2, kind) + block(8, name)
    if external:
        return body + b"".join(block(13, block(1, key) + block(2, content)) for key, content in external) + number(14, 1)
    return body + block(9, bytes(4 * count) if data is None else data)


def onnx_node(kind, domain="", attributes=()):
    return block(1, "x") + block(2, "y") + block(4, kind) + b"".join(block(5, each) for each in attributes) + (block(7, domain) if domain else b"")


def onnx_graph(nodes=(), tensors=(), name="g"):
    return b"".join(block(1, node) for node in nodes) + block(2, name) + b"".join(block(5, tensor) for tensor in tensors)


def onnx(graph, domains=("",), more=b""):
    return number(1, 8) + block(7, graph) + b"".join(block(8, (block(1, name) if name else b"") + number(2, 13)) for name in domains) + more


def attribute(name, field, content, kind):
    return block(1, name) + block(field, content) + number(20, kind)


def onnx_files(corpus):
    group = "other-graphs"
    add = onnx_node("Add")
    corpus.safe("onnx/model.onnx", onnx(onnx_graph([add], [onnx_tensor("w")])))
    corpus.safe("onnx/empty-graph.onnx", onnx(onnx_graph()))
    corpus.safe("onnx/known-domains.onnx", onnx(onnx_graph([add, onnx_node("Scaler", "ai.onnx.ml"), onnx_node("Attention", "com.microsoft")]),
                                               ("", "ai.onnx.ml", "com.microsoft")))
    corpus.safe("onnx/subgraph.onnx", onnx(onnx_graph([onnx_node("If", attributes=[attribute("then_branch", 6, onnx_graph([add], [onnx_tensor("w")]), 5)])])))
    corpus.safe("onnx/metadata.onnx", onnx(onnx_graph([add]), more=block(14, block(1, "author") + block(2, "nobody"))))
    corpus.safe("onnx/external/model.onnx", onnx(onnx_graph([add], [onnx_tensor("w", external=(("location", "model.onnx_data"), ("offset", "0"), ("length", "16")))])),
                "its data lies beside it")
    corpus.safe("onnx/external/model.onnx_data", onnx_data())
    for name, location in {"parent": "../../etc/passwd", "absolute": "/etc/passwd", "drive": "C:\\secrets", "backslash": "..\\secrets", "inner-parent": "a/../../b",
                           "nul": "a\0b", "empty": ""}.items():
        corpus.add(f"onnx/external-{name}.onnx", onnx(onnx_graph([add], [onnx_tensor("w", external=(("location", location),))])), "refused", group)
    outside = onnx_tensor("w", external=(("location", "../../etc/passwd"),))
    corpus.refused(group, "onnx/external-in-an-attribute.onnx", onnx(onnx_graph([onnx_node("Constant", attributes=[attribute("value", 5, outside, 4)])])), pickle="none")
    corpus.refused(group, "onnx/external-in-a-subgraph.onnx", onnx(onnx_graph([onnx_node("If", attributes=[attribute("then_branch", 6, onnx_graph([], [outside]), 5)])])), pickle="none")
    function = block(1, "f") + block(7, onnx_node("Constant", attributes=[attribute("value", 5, outside, 4)])) + block(10, "local")
    corpus.refused(group, "onnx/external-in-a-function.onnx", onnx(onnx_graph([add]), more=block(25, function)), pickle="none")
    corpus.refused(group, "onnx/external-in-training.onnx", onnx(onnx_graph([add]), more=block(20, block(1, onnx_graph([], [outside])))), pickle="none")
    sparse = block(1, outside) + block(2, onnx_tensor("i", kind=7, data=bytes(32))) + number(3, 4)
    corpus.refused(group, "onnx/external-in-a-sparse-tensor.onnx", onnx(onnx_graph([add]) + block(15, sparse)), pickle="none")
    corpus.code(group, "onnx/custom-domain.onnx", onnx(onnx_graph([onnx_node("Thing", "acme.ops")]), ("", "acme.ops")))
    corpus.code(group, "onnx/python-operator.onnx", onnx(onnx_graph([onnx_node("PyOp", "pyopmulti")]), ("", "pyopmulti")))
    corpus.code(group, "onnx/custom-domain-in-a-subgraph.onnx", onnx(onnx_graph([onnx_node("If", attributes=[attribute("then_branch", 6, onnx_graph([onnx_node("Thing", "acme.ops")]), 5)])])))
    context = [attribute("ep_cache_context", 4, "../x.bin", 3), block(1, "embed_mode") + number(3, 0) + number(20, 2)]
    corpus.code(group, "onnx/compiled-context.onnx", onnx(onnx_graph([onnx_node("EPContext", "com.microsoft", context)]), ("", "com.microsoft")))
    corpus.refused(group, "onnx/raw-data-too-short.onnx", onnx(onnx_graph([add], [onnx_tensor("w", data=bytes(3))])), pickle="none")
    whole = onnx(onnx_graph([add], [onnx_tensor("w")]))
    corpus.refused(group, "onnx/cut.onnx", whole[:-3], pickle="none")
    corpus.refused("trailing-bytes", "onnx/junk-behind.onnx", whole + b"\xff\xff\xff", pickle="none")


def onnx_data():
    return bytes(16)


# --- TensorFlow ---

def node(kind, name="n", attributes=()):
    return block(1, name) + block(2, kind) + b"".join(block(5, block(1, key) + block(2, content)) for key, content in attributes)


def graph(*kinds, functions=()):
    body = b"".join(block(1, each if isinstance(each, bytes) else node(each, f"n{i}")) for i, each in enumerate(kinds))
    library = b"".join(block(1, block(1, block(1, f"f{i}")) + b"".join(block(3, node(kind)) for kind in kinds_)) for i, kinds_ in enumerate(functions))
    return body + (block(2, library) if functions else b"")


def saved_model(graph_def):
    return number(1, 1) + block(2, block(2, graph_def))


USUAL = ("Placeholder", "Const", "MatMul", "Relu", "VarHandleOp", "ReadVariableOp", "SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename",
         "StaticRegexFullMatch", "StringJoin", "Select", "Pack", "StatefulPartitionedCall", "Identity", "NoOp")
BAD = ("PyFunc", "EagerPyFunc", "PyFuncStateless", "ReadFile", "WriteFile", "MatchingFiles", "WholeFileReaderV2", "SaveDataset", "LoadDataset",
       "ImmutableConst", "AcmeCustomOp", "DataServiceDataset", "LMDBReader")


def tensorflow_files(corpus):
    group = "tensorflow"
    corpus.safe("tensorflow/plain/saved_model.pb", saved_model(graph(*USUAL)))
    corpus.safe("tensorflow/functions/saved_model.pb", saved_model(graph("StatefulPartitionedCall", functions=(("MatMul", "Relu"), ("AddV2", "Identity")))))
    corpus.safe("tensorflow/frozen.pb", graph("Placeholder", "Const", "Conv2D", "Softmax"))
    corpus.safe("tensorflow/model.meta", block(2, graph("Placeholder", "Const", "MatMul")))
    for kind in BAD:
        corpus.code(group, f"tensorflow/{kind}/saved_model.pb", saved_model(graph("Placeholder", kind)))
    corpus.code(group, "tensorflow/in-a-function/saved_model.pb", saved_model(graph("StatefulPartitionedCall", functions=(("MatMul",), ("WriteFile",)))))
    inner = graph("Placeholder", "WriteFile")
    tensor = number(1, 7) + block(8, inner)
    corpus.code(group, "tensorflow/graph-in-a-constant/saved_model.pb", saved_model(graph("DatasetFromGraph", node("Const", "c", [("value", block(8, tensor))]))))
    corpus.code(group, "tensorflow/evil-frozen.pb", graph("Placeholder", "PyFunc"))
    corpus.code(group, "tensorflow/evil.meta", block(2, graph("ReadFile")))
    corpus.refused("trailing-bytes", "tensorflow/junk-behind/saved_model.pb", saved_model(graph("Const")) + b"\xff\xff\xff", pickle="none")
    corpus.refused(group, "tensorflow/cut/saved_model.pb", saved_model(graph(*USUAL))[:-4], pickle="none")
    lambda_layer = '{"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wEAAAA=", null, null]}}]}}'
    corpus.code("keras", "tensorflow/lambda/keras_metadata.pb", block(1, block(4, "_tf_keras_model") + block(5, lambda_layer)))
    corpus.safe("tensorflow/keras/keras_metadata.pb", block(1, block(4, "_tf_keras_layer") + block(5, '{"class_name": "Dense", "config": {"units": 2}}')))


# --- TFLite ---

def tflite(custom=None, builtin=0):
    """A flatbuffer of a model with one operator code."""
    data = bytearray()

    def place(content, align=4):
        data.extend(bytes(-len(data) % align))
        at = len(data)
        data.extend(content)
        return at

    def table(fields):
        """`fields`: slot → (format, value, is an offset)."""
        slots = max(fields) + 1
        size, where = 4, {}
        for slot, (form, _, _) in fields.items():
            width = struct.calcsize(form)
            size += -size % width
            where[slot] = size
            size += width
        vtable = place(struct.pack("<HH", 4 + 2 * slots, size) + b"".join(struct.pack("<H", where.get(slot, 0)) for slot in range(slots)), 2)
        data.extend(bytes(-len(data) % 4))
        at = len(data)
        data.extend(struct.pack("<i", at - vtable) + bytes(size - 4))
        fixes.extend((at + where[slot], form, content, is_offset) for slot, (form, content, is_offset) in fields.items())
        return at

    fixes = []
    place(b"\0\0\0\0TFL3")
    model_vector = {}
    root_fields = {0: ("<I", 3, False), 1: ("<I", "codes", True), 2: ("<I", "graphs", True), 4: ("<I", "buffers", True)}
    root = table(root_fields)
    code_fields = {3: ("<i", 32 if custom else builtin, False), 0: ("<b", 32 if custom else min(builtin, 127), False)}
    if custom:
        code_fields[1] = ("<I", "custom", True)
    model_vector["codes"] = place(struct.pack("<I", 1) + bytes(4))
    code = table(code_fields)
    fixes.append((model_vector["codes"] + 4, "<I", code, True))
    model_vector["graphs"] = place(struct.pack("<I", 0))
    model_vector["buffers"] = place(struct.pack("<I", 0))
    if custom:
        name = custom.encode()
        model_vector["custom"] = place(struct.pack("<I", len(name)) + name + b"\0")
    for at, form, content, is_offset in fixes:
        target = model_vector.get(content, content) if isinstance(content, str) else content
        struct.pack_into(form, data, at, target - at if is_offset else target)
    struct.pack_into("<I", data, 0, root)
    data.extend(bytes(-len(data) % 4))
    return bytes(data)


def others(corpus):
    group = "other-graphs"
    corpus.safe("tflite/model.tflite", tflite(builtin=9))
    corpus.code(group, "tflite/custom.tflite", tflite("AcmeThing"))
    corpus.code(group, "tflite/flex-file.tflite", tflite("FlexWriteFile"))
    corpus.refused(group, "tflite/cut.tflite", tflite(builtin=9)[:30], pickle="none")
    wild = bytearray(tflite(builtin=9))
    struct.pack_into("<I", wild, 0, 0xfffffff0)
    corpus.refused(group, "tflite/offset-beyond.tflite", wild, pickle="none")

    net = ('<?xml version="1.0"?>\n<net name="otter" version="11"><layers>'
           '<layer id="0" name="w" type="Const" version="{version}"><data element_type="f32" shape="4" offset="0" size="16"/>'
           '<output><port id="0" precision="FP32"><dim>4</dim></port></output></layer></layers><edges/></net>\n')
    corpus.safe("openvino/openvino_model.xml", net.format(version="opset1"))
    corpus.add("openvino/openvino_model.bin", bytes(16), "unknown", group, note="raw weights, which nothing but the .xml describes")
    corpus.code(group, "openvino/extension.xml", net.format(version="extension"))
    corpus.refused(group, "openvino/unknown-set.xml", net.format(version="acme1"), pickle="none")
    corpus.refused(group, "openvino/entity.xml", '<?xml version="1.0"?>\n<!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<net name="&a;" version="11"><layers/></net>\n', pickle="none")
    corpus.refused(group, "openvino/deep.xml", "<net>" + "<a>" * 5000 + "</a>" * 5000 + "</net>", pickle="none")

    network = number(1, 4) + block(2, block(100, b""))
    corpus.safe("coreml/model.mlmodel", network + block(500, block(1, block(1, "dense") + block(140, number(1, 2)))))
    corpus.code(group, "coreml/custom-layer.mlmodel", network + block(500, block(1, block(1, "x") + block(500, block(10, "AppClass")))))
    corpus.code(group, "coreml/custom-model.mlmodel", network + block(555, block(10, "AppClass")))

    array = Extension(1, [[2, 2], "float32", bytes(16)])
    corpus.safe("flax/flax_model.msgpack", pack({"params": {"dense": {"kernel": array, "bias": Extension(1, [[2], "float32", bytes(8)])}}}))
    corpus.safe("flax/scalars.msgpack", pack({"step": 7, "scale": Extension(3, ["float32", bytes(4)]), "complex": Extension(1, [[1], "complex64", bytes(8)])}))
    for name, tree in {
        "objects": {"a": Extension(1, [[1], "object", bytes(8)])}, "unknown-extension": {"a": Extension(9, b"abc")}, "size-lies": {"a": Extension(1, [[9], "float32", bytes(8)])},
        "overflowing": {"a": Extension(1, [[2 ** 62, 4], "float32", b""])}, "negative": {"a": Extension(1, [[-1], "float32", bytes(4)])},
        "unknown-dtype": {"a": Extension(1, [[1], "acme", bytes(4)])},
    }.items():
        corpus.refused(group, f"flax/{name}.msgpack", pack(tree), pickle="none")
    corpus.refused(group, "flax/count-lies.msgpack", b"\xdf\xff\xff\xff\xff" + pack("a"), pickle="none")
    corpus.refused("bombs", "flax/deep.msgpack", b"\x81\xa1a" * 100_000 + b"\xc0", pickle="none")
    corpus.refused("trailing-bytes", "flax/more-behind.msgpack", pack({"a": 1}) + b"\xc0", pickle="none")

    pieces = b"".join(block(1, block(1, piece) + struct.pack("<Bf", 2 << 3 | 5, -1.5) + (number(3, kind) if kind else b""))
                      for piece, kind in (("<unk>", 2), ("<s>", 3), ("</s>", 3), ("\u2581the", 0), ("os.system", 0)))
    trainer = block(2, number(3, 1) + number(4, 5))
    normalizer = block(3, block(1, "nmt_nfkc"))
    corpus.safe("sentencepiece/tokenizer.model", pieces + trainer + normalizer)
    corpus.safe("sentencepiece/spiece.model", pieces)
    corpus.refused("trailing-bytes", "sentencepiece/junk/tokenizer.model", pieces + b"\xff\xff", pickle="none")


def add_to(corpus):
    onnx_files(corpus)
    tensorflow_files(corpus)
    others(corpus)
