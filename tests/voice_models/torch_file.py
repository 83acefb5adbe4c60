"""Reads the tensors of a PyTorch file of the form before 1.6 (a row of pickles, then the raw values), with numpy alone.

Only the four names that such a file of tensors needs are known to the unpickler; anything else is refused.
"""
import collections
import io
import pickle
import struct

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
TYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "LongStorage": "<i8", "IntStorage": "<i4", "HalfStorage": "<f2"}


class Storage:
    """Values that come later in the file."""

    def __init__(self, dtype, count):
        self.dtype, self.count, self.values = np.dtype(dtype), count, None


class Tensor:
    def __init__(self, storage, offset, size, stride, *_):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self):
        step = [s * self.storage.dtype.itemsize for s in self.stride]
        return np.lib.stride_tricks.as_strided(self.storage.values[self.offset:], self.size, step).copy()


class Reader(pickle.Unpickler):
    def __init__(self, file, storages):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return Tensor
        if module == "torch" and name in TYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, saved):
        kind, dtype, key, _, count, _ = saved
        if kind != "storage":
            raise pickle.UnpicklingError(f"{kind} is not known")
        return self.storages.setdefault(key, Storage(TYPES[dtype], count))


def load(path):
    """A dictionary as it was saved, its tensors as numpy arrays."""
    with open(path, "rb") as opened:
        file = io.BytesIO(opened.read())
    storages = {}
    if Reader(file, storages).load() != MAGIC:
        raise ValueError(f"{path} is no PyTorch file of the old form")
    Reader(file, storages).load()  # version of the protocol
    Reader(file, storages).load()  # sizes of C types
    saved = Reader(file, storages).load()
    for key in Reader(file, storages).load():
        (count,) = struct.unpack("<q", file.read(8))
        storage = storages[key]
        storage.values = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
        if len(storage.values) != count:
            raise ValueError(f"{path} is cut off")

    def arrays(value):
        if isinstance(value, Tensor):
            return value.array()
        return {k: arrays(v) for k, v in value.items()} if isinstance(value, dict) else value

    return arrays(saved)
