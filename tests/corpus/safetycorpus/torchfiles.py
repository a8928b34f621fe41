"""Files of torch.save: zips with data.pkl, streams of old versions, TorchScript, exported programs."""

import struct

from . import op, rawzip
from .rawzip import Entry

SIZES = {"Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1, "Double": 8, "ComplexFloat": 8,
         "ComplexDouble": 16, "QInt8": 1, "QUInt8": 1, "QInt32": 4}


def storage(key, numel, kind="Float", view=False):
    cls = op.glob("torch", kind + "Storage")
    more = (op.NONE,) if view else ()
    return op.tup(op.uni("storage"), cls, op.uni(key), op.uni("cpu"), op.num(numel), *more) + op.BINPERSID


def tensor(key, shape, kind="Float", numel=None, offset=0, stride=None, view=False):
    count, strides = 1, []
    for size in reversed(shape):
        strides.insert(0, count)
        count *= size
    return op.call(op.glob("torch._utils", "_rebuild_tensor_v2"), storage(key, count if numel is None else numel, kind, view), op.num(offset),
                   op.tup(*map(op.num, shape)), op.tup(*map(op.num, strides if stride is None else stride)), op.FALSE,
                   op.call(op.glob("collections", "OrderedDict")))


def state(*tensors):
    return op.p2(op.odict({op.uni(f"layer.{number}.weight"): each for number, each in enumerate(tensors)}))


def members(program, storages, root="archive", **more):
    """`storages`: key → bytes; `more`: other members by their names below the root, dots as double underscores."""
    names = {f"{root}/data.pkl": program, f"{root}/byteorder": b"little"}
    names.update({f"{root}/data/{key}": data for key, data in storages.items()})
    names.update({f"{root}/{name.replace('__', '.')}": data for name, data in more.items()})
    names[f"{root}/version"] = b"3\n"
    return names


def torch_zip(program, storages, align=64, root="archive", **more):
    return rawzip.plain(members(program, storages, root, **more), align=align)


USUAL = (state(tensor("0", [2, 3]), tensor("1", [4])), {"0": bytes(24), "1": bytes(16)})
EVIL = op.p2(op.odict({op.uni("a"): op.ATTACK}))
CHECKPOINT = op.p2(op.named(
    epoch=op.num(3), step=op.num(1000), model=op.odict({op.uni("w"): tensor("0", [2, 3])}), best=op.real(0.5), name=op.uni("run"),
    optimizer=op.named(state=op.dct({op.num(0): op.named(step=tensor("1", []), exp_avg=tensor("2", [2, 3]))}),
                       param_groups=op.lst(op.named(lr=op.real(0.001), betas=op.tup(op.real(0.9), op.real(0.999)), params=op.lst(op.num(0)))))))


def parameter(inner):
    return op.call(op.glob("torch._utils", "_rebuild_parameter"), inner, op.TRUE, op.call(op.glob("collections", "OrderedDict")))


def legit(corpus):
    corpus.clean("torch/pytorch_model.bin", torch_zip(*USUAL))
    corpus.clean("torch/unaligned.pt", torch_zip(*USUAL, align=0))
    corpus.clean("torch/another-root.pth", torch_zip(*USUAL, root="pytorch_model"))
    corpus.clean("torch/newer.pt", torch_zip(*USUAL, __format_version=b"1", __storage_alignment=b"64", **{"__data/serialization_id": b"0" * 40}))
    corpus.clean("torch/checkpoint.ckpt", torch_zip(CHECKPOINT, {"0": bytes(24), "1": bytes(4), "2": bytes(24)}))
    corpus.clean("torch/parameters.pt", torch_zip(state(parameter(tensor("0", [2, 3]))), {"0": bytes(24)}))
    corpus.clean("torch/shared-storage.pt", torch_zip(state(tensor("0", [2, 3]), tensor("0", [3], numel=6, offset=3)), {"0": bytes(24)}))
    corpus.clean("torch/transposed.pt", torch_zip(state(tensor("0", [3, 2], numel=6, stride=[1, 3])), {"0": bytes(24)}))
    corpus.clean("torch/no-tensors.pt", torch_zip(op.p2(op.named(epoch=op.num(1))), {}))
    kinds = list(SIZES)
    corpus.clean("torch/all-dtypes.pt", torch_zip(state(*(tensor(str(i), [2], kind) for i, kind in enumerate(kinds))),
                                                  {str(i): bytes(2 * SIZES[kind]) for i, kind in enumerate(kinds)}))
    corpus.clean("torch/dtype-and-device.pt", torch_zip(op.p2(op.named(
        dtype=op.glob("torch", "bfloat16"), device=op.call(op.glob("torch", "device"), op.uni("cuda"), op.num(0)),
        size=op.call(op.glob("torch", "Size"), op.tup(op.num(2), op.num(3))))), {}))
    corpus.clean("torch/bytes-that-look-like-a-pickle.pt", torch_zip(state(tensor("0", [64], "Byte")), {"0": op.p2(op.ATTACK).ljust(64, b"\0")}),
                 "what lies in a storage is data")
    corpus.clean("torch/legacy.pt", legacy(op.odict({op.uni("w"): tensor("1", [2, 3], view=True)}), {"1": bytes(24)}))
    corpus.clean("torch/legacy-of-two.bin", legacy(op.odict({op.uni("w"): tensor("1", [2], view=True), op.uni("b"): tensor("2", [1], "Long", view=True)}),
                                                   {"1": bytes(8), "2": bytes(8)}, counts={"1": 2, "2": 1}))
    corpus.clean("torch/legacy-empty.pt", legacy(op.named(epoch=op.num(1)), {}))


MAGIC = 0x1950A86A20F9469CFC6C
SYS_INFO = op.named(protocol_version=op.num(1001), little_endian=op.TRUE,
                    type_sizes=op.named(short=op.num(2), int=op.num(4), long=op.num(4)))


def legacy(program, storages, magic=op.num(MAGIC), version=op.num(1001), info=SYS_INFO, keys=None, counts=None, tail=b""):
    out = op.p2(magic) + op.p2(version) + op.p2(info) + op.p2(program)
    out += op.p2(op.lst(*map(op.uni, storages)) if keys is None else keys)
    for key, data in storages.items():
        out += struct.pack("<q", len(data) // 4 if counts is None else counts[key]) + data
    return out + tail


def dangerous(corpus):
    group = "zip-tricks"
    corpus.evil("gadgets", "torch/evil/data-pkl.bin", torch_zip(EVIL, {}))
    corpus.evil("gadgets", "torch/evil/beside-tensors.bin", torch_zip(op.p2(op.odict({op.uni("w"): tensor("0", [2, 3]), op.uni("x"): op.ATTACK})), {"0": bytes(24)}))
    corpus.evil("gadgets", "torch/evil/unlisted-class.bin", torch_zip(op.p2(op.named(model=op.new(op.glob("acme.models", "Net")))), {}))
    corpus.evil("wrong-name", "torch/evil/model.safetensors", torch_zip(EVIL, {}))
    corpus.add("torch/evil/clean/model.safetensors", torch_zip(*USUAL), "unsafe", "wrong-name", "any", "a clean checkpoint under a name that promises no pickle")
    corpus.evil("nested-pickles", "torch/evil/other-pickle-member.pt", torch_zip(*USUAL, **{"extra__pkl": op.p2(op.ATTACK)}))
    corpus.evil("nested-pickles", "torch/evil/pickle-member-without-its-name.pt", torch_zip(*USUAL, **{"notes__txt": b"cposix\nsystem\n(Vtrue\ntR."}))
    corpus.evil("nested-pickles", "torch/evil/storage-nobody-refers-to.pt", torch_zip(USUAL[0], {**USUAL[1], "2": op.p2(op.ATTACK)}))
    corpus.evil("nested-pickles", "torch/evil/pickle-as-version.pt", rawzip.plain({"a/data.pkl": USUAL[0], "a/data/0": bytes(24), "a/data/1": bytes(16), "a/version": op.p2(op.ATTACK)}))
    corpus.evil(group, "torch/evil/two-roots.pt", rawzip.plain({**members(*USUAL, root="a"), "b/data.pkl": EVIL, "b/version": b"3\n"}))
    group = "wrong-targets"
    for name, (program, storages) in {
        "storage-too-small": (state(tensor("0", [2, 3])), {"0": bytes(20)}),
        "storage-too-large": (state(tensor("0", [2, 3])), {"0": bytes(28)}),
        "storage-missing": (state(tensor("0", [2, 3])), {}),
        "storage-named-by-path": (state(tensor("../0", [2, 3])), {"../0": bytes(24)}),
        "storage-of-another-type": (state(tensor("0", [2, 3], "Double")), {"0": bytes(24)}),
        "tensor-beyond-its-storage": (state(tensor("0", [4], numel=2)), {"0": bytes(8)}),
        "tensor-offset-beyond": (state(tensor("0", [2], numel=2, offset=1)), {"0": bytes(8)}),
        "tensor-stride-beyond": (state(tensor("0", [2], numel=2, stride=[2])), {"0": bytes(8)}),
        "tensor-negative-stride": (state(tensor("0", [2], numel=2, stride=[-1])), {"0": bytes(8)}),
        "tensor-of-overflowing-size": (state(tensor("0", [2 ** 62, 8], numel=2, stride=[4, 2 ** 62])), {"0": bytes(8)}),
        "numel-negative": (state(tensor("0", [1], numel=-1)), {"0": bytes(4)}),
        "persistent-id-of-another-kind": (op.p2(op.tup(op.uni("module"), op.glob("acme", "Net"), op.uni("net.py"), op.uni("pass")) + op.BINPERSID), {}),
        "persistent-id-is-text": (op.p2(op.uni("storage") + op.BINPERSID), {}),
        "items-set-on-a-tensor": (op.p2(tensor("0", [1]) + op.MARK + op.num(0) + op.num(1) + op.SETITEMS), {"0": bytes(4)}),
    }.items():
        corpus.evil(group, f"torch/targets/{name}.pt", torch_zip(program, storages))
    group = "legacy-torch"
    weights = (op.odict({op.uni("w"): tensor("1", [2, 3], view=True)}), {"1": bytes(24)})
    corpus.evil(group, "torch/legacy/magic-is-computed.pt", legacy(*weights, magic=op.call(op.glob("builtins", "eval"), op.uni(hex(MAGIC)))))
    corpus.evil(group, "torch/legacy/attack-and-then-the-magic.pt", legacy(*weights, magic=op.ATTACK + op.POP + op.num(MAGIC)))
    corpus.evil(group, "torch/legacy/attack-in-the-version.pt", legacy(*weights, version=op.ATTACK))
    corpus.evil(group, "torch/legacy/attack-in-the-system-info.pt", legacy(*weights, info=op.named(little_endian=op.ATTACK)))
    corpus.evil(group, "torch/legacy/attack-in-the-object.pt", legacy(op.odict({op.uni("w"): op.ATTACK}), {}))
    corpus.evil(group, "torch/legacy/attack-in-the-keys.pt", legacy(*weights, keys=op.lst(op.uni("1"), op.ATTACK)))
    corpus.evil(group, "torch/legacy/more-than-the-storages.pt", legacy(*weights, tail=b"\0"))
    corpus.evil(group, "torch/legacy/pickle-behind-the-storages.pt", legacy(*weights, tail=op.p2(op.ATTACK)))
    corpus.evil(group, "torch/legacy/cut-storage.pt", legacy(*weights)[:-1])
    corpus.evil(group, "torch/legacy/storage-count-lies.pt", legacy(*weights, counts={"1": 2 ** 60}))
    corpus.evil(group, "torch/legacy/source-of-a-module.pt", legacy(op.tup(op.uni("module"), op.glob("acme", "Net"), op.uni("net.py"), op.uni("pass")) + op.BINPERSID, {}))


def programs(corpus):
    group = "old-containers"
    script = {"code/__torch__/net.py": b"class Net(Module):\n  def forward(self, x):\n    return x\n", "constants.pkl": op.p2(op.tup()),
              "data.pkl": op.p2(op.new(op.glob("__torch__.net", "Net"))), "version": b"3\n"}
    corpus.add("torch/script/model.pt", rawzip.plain({f"net/{name}": data for name, data in script.items()}, align=64), "unsafe", group, "any")
    corpus.add("torch/script/pytorch_model.bin", rawzip.plain({f"net/{name}": data for name, data in script.items()}, align=64), "unsafe", group, "any")
    corpus.add("torch/script/only-constants.pt", rawzip.plain({"net/constants.pkl": op.p2(op.tup()), **members(*USUAL, root="net")}), "unsafe", group, "any")
    corpus.add("torch/script/first-version.pt", rawzip.plain({"net/model.json": b'{"protoVersion": 2}', "net/code/net.py": b"op_version_set = 0\n", "net/version": b"1\n"}),
               "unsafe", group, "any")
    exported = {"archive_format": b"pt2", "byteorder": b"little", "version": b"0", "models/model.json": b"{}", "data/weights/weight_0": bytes(16)}
    corpus.add("torch/exported/compiled.pt2", rawzip.plain({**{f"m/{name}": data for name, data in exported.items()},
                                                            "m/data/aotinductor/model/x.so": b"\x7fELF" + bytes(60)}), "unsafe", group, "any")
    corpus.add("torch/exported/kernel.pt2", rawzip.plain({**{f"m/{name}": data for name, data in exported.items()},
                                                          "m/data/aotinductor/model/x.cubin": bytes(64)}), "unsafe", group, "any")
    corpus.evil(group, "torch/exported/custom-object.pt2", rawzip.plain({**{f"m/{name}": data for name, data in exported.items()},
                                                                         "m/data/constants/custom_obj_0": op.p2(op.ATTACK)}))
    old = {"sys_info": SYS_INFO, "pickle": op.p2(op.odict({})), "storages": op.p2(op.num(0)), "tensors": op.p2(op.num(0))}
    corpus.add("torch/tar/model.pt", rawzip.tar({name: data for name, data in old.items() if name != "sys_info"}), "unsafe", group, "dangerous",
               "refused whatever it holds: no loader of today checks it")
    corpus.evil(group, "torch/tar/attack.pt", rawzip.tar({**old, "sys_info": op.p2(SYS_INFO), "pickle": op.p2(op.ATTACK)}))


def add_to(corpus):
    legit(corpus)
    dangerous(corpus)
    programs(corpus)
