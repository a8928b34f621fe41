"""Pickles of everyday life: plain data, arrays, estimators, training state. All are refused by default, and all are harmless."""

import struct

from . import op

MULTIARRAY, NEWER = "numpy.core.multiarray", "numpy._core.multiarray"


def dtype(code, imported=op.glob, order="<"):
    """numpy.dtype of `code`, as arrays carry it."""
    body = op.call(imported("numpy", "dtype"), op.uni(code), op.FALSE, op.TRUE)
    size = op.num(-1)
    return body + op.tup(op.num(3), op.uni(order), op.NONE, op.NONE, op.NONE, size, size, op.num(0)) + op.BUILD


def array(shape, code, data, imported=op.glob, binary=op.encoded, module=MULTIARRAY):
    """A numpy.ndarray, as its __reduce__ says it."""
    body = op.call(imported(module, "_reconstruct"), imported("numpy", "ndarray"), op.tup(op.num(0)), binary(b"b"))
    return body + op.tup(op.num(1), op.tup(*map(op.num, shape)), dtype(code, imported), op.FALSE, binary(data)) + op.BUILD


def array4(shape, code, data, module=MULTIARRAY):
    return array(shape, code, data, op.sglob, op.raw, module)


def scalar4(code, data):
    return op.call(op.sglob(MULTIARRAY, "scalar"), dtype(code, op.sglob), op.raw(data))


FLOATS = struct.pack("<6d", *range(6))


def estimator(cls, state, imported=op.sglob):
    module, name = cls.rsplit(".", 1)
    return op.new(imported(module, name)) + state + op.BUILD


def logistic_regression():
    return estimator("sklearn.linear_model._logistic.LogisticRegression", op.named(
        penalty=op.short("l2"), C=op.real(1.0), fit_intercept=op.TRUE, max_iter=op.num(100), n_features_in_=op.num(6),
        classes_=array4([2], "i8", struct.pack("<2q", 0, 1)), coef_=array4([1, 6], "f8", FLOATS), n_iter_=array4([1], "i4", b"\x07\0\0\0"),
        tol=scalar4("f8", struct.pack("<d", 1e-4)), _sklearn_version=op.short("1.2.1")))


def pipeline():
    scaler = estimator("sklearn.preprocessing._data.StandardScaler", op.named(with_mean=op.TRUE, mean_=array4([6], "f8", FLOATS)))
    return estimator("sklearn.pipeline.Pipeline", op.named(
        steps=op.lst(op.tup(op.short("scale"), scaler), op.tup(op.short("fit"), logistic_regression())), memory=op.NONE, verbose=op.FALSE))


def tree_state():
    return op.named(
        random_state=op.num(7), n_estimators=op.num(1),
        estimators_=op.lst(estimator("sklearn.tree._classes.DecisionTreeClassifier", op.named(max_depth=op.num(3), random_state=op.num(3)))))


def sparse_matrix():
    return estimator("scipy.sparse._csr.csr_matrix", op.named(
        _shape=op.tup(op.num(2), op.num(3)), maxprint=op.num(50), indices=array4([2], "i4", struct.pack("<2i", 0, 2)),
        indptr=array4([3], "i4", struct.pack("<3i", 0, 1, 2)), data=array4([2], "f8", FLOATS[:16])))


PLAIN = {
    "dict-of-all-kinds": op.named(none=op.NONE, yes=op.TRUE, no=op.FALSE, number=op.num(70000), big=op.num(2 ** 70), less=op.num(-5),
                                  real=op.real(0.5), text=op.uni("text, \u00e4\u00f6\u00fc"), list=op.lst(op.num(1), op.num(2)),
                                  tuple=op.tup(op.num(1), op.num(2), op.num(3), op.num(4)), empty=op.tup()),
    "shared-by-memo": op.lst(op.lst(op.num(1)) + op.put(0), op.get(0), op.get(0)),
    "ordered-dict": op.odict({op.uni("a"): op.num(1)}),
    "counter": op.call(op.glob("collections", "Counter"), op.dct({op.uni("a"): op.num(1)})),
    "default-dict": op.call(op.glob("collections", "defaultdict"), op.glob("__builtin__", "int")) + op.items({op.uni("a"): op.num(1)}),
    "set-of-python-2": op.call(op.glob("__builtin__", "set"), op.lst(op.num(1))),
    "complex": op.call(op.glob("__builtin__", "complex"), op.real(1.0), op.real(2.0)),
    "bytes-of-protocol-2": op.encoded(bytes(range(256))),
    "array": array([2, 3], "f8", FLOATS),
    "date": op.call(op.glob("datetime", "date"), op.encoded(b"\x07\xe9\x01\x02")),
}

PLAIN4 = {
    "set": op.EMPTY_SET + op.MEMOIZE + op.MARK + op.num(1) + op.num(2) + op.ADDITEMS,
    "frozenset": op.MARK + op.num(1) + op.FROZENSET,
    "bytearray": op.call(op.sglob("builtins", "bytearray"), op.raw(b"abc")),
    "array-of-numpy-2": array4([6], "f8", FLOATS, NEWER),
    "scalar": scalar4("f4", b"\0\0\x80\x3f"),
    "names-kept-by-memo": (op.short("collections") + op.MEMOIZE + op.short("OrderedDict") + op.MEMOIZE + op.STACK_GLOBAL + op.EMPTY_TUPLE
                           + op.REDUCE + op.POP + op.get(0) + op.get(1) + op.STACK_GLOBAL + op.EMPTY_TUPLE + op.REDUCE),
    "words-that-look-bad": op.lst(op.short("os.system('rm -rf /')"), op.short("__reduce__"), op.short("builtins"), op.short("eval")),
}

SKLEARN = {
    "logistic": logistic_regression(),
    "pipeline": pipeline(),
    "forest": estimator("sklearn.ensemble._forest.RandomForestClassifier", tree_state()),
    "kmeans": estimator("sklearn.cluster._kmeans.KMeans", op.named(n_clusters=op.num(2), cluster_centers_=array4([2, 3], "f8", FLOATS))),
    "tfidf": estimator("sklearn.feature_extraction.text.TfidfTransformer", op.named(norm=op.short("l2"), use_idf=op.TRUE)),
    "svc": estimator("sklearn.svm._classes.SVC", op.named(C=op.real(1.0), kernel=op.short("rbf"))),
    "sparse-matrix": sparse_matrix(),
}


def add_to(corpus):
    for name, body in PLAIN.items():
        corpus.clean(f"pickle/clean/{name}.pkl", op.p2(body))
    for name, body in PLAIN4.items():
        corpus.clean(f"pickle/clean/{name}.pickle", op.p4(body))
    for name, body in SKLEARN.items():
        corpus.clean(f"pickle/sklearn/{name}.pkl", op.p4(body))
    for version in range(6):
        body = op.lst(op.num(1), op.uni("x")) if version else b"(lp0\nI1\naVx\np1\na"
        head = op.proto(version) if version >= 2 else b""
        corpus.clean(f"pickle/protocol-{version}.pkl", head + body + op.STOP)
    corpus.clean("pickle/protocol-0-object.pkl",
                 b"ccopy_reg\n_reconstructor\np0\n(csklearn.svm._classes\nSVC\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nVC\np6\nF1.0\nsb.")
    corpus.clean("pickle/two-in-a-row.pkl", op.p2(op.lst(op.num(1))) + op.p2(op.num(2)))
    corpus.clean("pickle/three-in-a-row.pkl", op.p4(op.short("a")) + op.p4(op.lst(op.num(1))) + op.p2(op.NONE))
    corpus.clean("pickle/large-object-between-frames.pkl",
                 op.proto(4) + op.frame(op.EMPTY_LIST + op.MARK) + op.raw(bytes(70_000)) + op.frame(op.APPENDS + op.STOP))
    corpus.clean("pickle/numbers.pkl", b"(I1\nI01\nI-5\nL123456789012345678901L\nF0.5\nI0\nlp0\n.")
