"""A small writer of ONNX graphs, and the layers that voices are made of."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SLOPE = 0.1


class Graph:
    """Nodes in the order of computation. Every method that adds a node gives the name of what it makes."""

    def __init__(self, seed):
        self.nodes, self.weights, self.random, self.count = [], {}, np.random.default_rng(seed), 0

    def add(self, op, inputs, output=None, **attributes):
        self.count += 1
        output = output or f"t{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def const(self, value, dtype=np.float32, name=None):
        name = name or f"c{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(value, dtype)
        return name

    def ints(self, *values):
        return self.const(values, np.int64)

    def normal(self, name, *shape, gain=1.0):
        """Random weights, scaled so that what comes out is as loud as what goes in."""
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else shape[0]
        return self.const(self.random.normal(0, gain / np.sqrt(fan), shape), name=name)

    def table(self, name, rows, width):
        return self.const(self.random.normal(0, 1, (rows, width)), name=name)

    def save(self, path, inputs, outputs, metadata=None):
        def port(name, kind, shape):
            return helper.make_tensor_value_info(name, kind, shape)

        weights = [numpy_helper.from_array(value, name) for name, value in self.weights.items()]
        graph = helper.make_graph(self.nodes, "voice", [port(*p) for p in inputs], [port(*p) for p in outputs], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        for key, value in (metadata or {}).items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, str(value)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def conv(g, name, x, cin, cout, kernel, dilation=1, gain=1.0, weights=None):
    if weights is None:
        w, b = g.normal(f"{name}.weight", cout, cin, kernel, gain=gain), g.const(np.zeros(cout), name=f"{name}.bias")
    else:
        w, b = (g.const(weights[f"{name}.{part}"], name=f"{name}.{part}") for part in ("weight", "bias"))
    pad = (kernel - 1) * dilation // 2
    return g.add("Conv", [x, w, b], dilations=[dilation], kernel_shape=[kernel], pads=[pad, pad])


def attention_block(g, name, x, width):
    """A transformer's block over [1, n, width]: attention of one head, then two convolutions."""
    q, k, v = (g.add("MatMul", [x, g.normal(f"{name}.{part}", width, width)]) for part in "qkv")
    scores = g.add("MatMul", [q, g.add("Transpose", [k], perm=[0, 2, 1])])
    weights = g.add("Softmax", [g.add("Mul", [scores, g.const(1 / np.sqrt(width))])], axis=-1)
    x = norm(g, f"{name}.norm1", g.add("Add", [x, g.add("MatMul", [weights, v])]), width)
    inner = g.add("Relu", [conv(g, f"{name}.ffn1", g.add("Transpose", [x], perm=[0, 2, 1]), width, 2 * width, 3)])
    inner = g.add("Transpose", [conv(g, f"{name}.ffn2", inner, 2 * width, width, 3)], perm=[0, 2, 1])
    return norm(g, f"{name}.norm2", g.add("Add", [x, inner]), width)


def norm(g, name, x, width):
    scale, bias = g.const(np.ones(width), name=f"{name}.gamma"), g.const(np.zeros(width), name=f"{name}.beta")
    return g.add("LayerNormalization", [x, scale, bias], axis=-1)


def regulate(g, x, durations):
    """Repeats each row of [1, n, width] as often as its duration [n] (whole numbers, f32) says."""
    ends = g.add("CumSum", [durations, g.const(0, np.int64)])
    total = g.add("Cast", [g.add("ReduceSum", [durations, g.ints(0)], keepdims=0)], to=INT64)
    frames = g.add("Range", [g.const(0, np.int64), total, g.const(1, np.int64)])
    frames = g.add("Unsqueeze", [g.add("Cast", [frames], to=FLOAT), g.ints(1)])
    passed = g.add("GreaterOrEqual", [frames, g.add("Unsqueeze", [ends, g.ints(0)])])
    row = g.add("ReduceSum", [g.add("Cast", [passed], to=INT64), g.ints(1)], keepdims=0)
    return g.add("Gather", [x, row], axis=1)


def hifigan(g, x, config, prefix="", weights=None, output="output"):
    """The generator of HiFi-GAN (Kong et al. 2020) with the residual blocks of the first kind: [1, c, n] to [1, 1, hop · n]."""
    channels = config["upsample_initial_channel"]
    x = conv(g, f"{prefix}conv_pre", x, config["bands"], channels, 7, weights=weights)
    kernels = config["resblock_kernel_sizes"]
    for at, (rate, kernel) in enumerate(zip(config["upsample_rates"], config["upsample_kernel_sizes"])):
        x = g.add("LeakyRelu", [x], alpha=SLOPE)
        name = f"{prefix}ups.{at}"
        if weights is None:
            w = g.const(g.random.normal(0, np.sqrt(rate / (channels * kernel)), (channels, channels // 2, kernel)), name=f"{name}.weight")
            b = g.const(np.zeros(channels // 2), name=f"{name}.bias")
        else:
            w, b = (g.const(weights[f"{name}.{part}"], name=f"{name}.{part}") for part in ("weight", "bias"))
        pad = (kernel - rate) // 2
        x = g.add("ConvTranspose", [x, w, b], kernel_shape=[kernel], strides=[rate], pads=[pad, pad])
        channels //= 2
        total = None
        for block, size in enumerate(kernels):
            y = x
            for step, dilation in enumerate(config["resblock_dilation_sizes"][block]):
                name = f"{prefix}resblocks.{at * len(kernels) + block}"
                inner = conv(g, f"{name}.convs1.{step}", g.add("LeakyRelu", [y], alpha=SLOPE), channels, channels, size, dilation, 0.5, weights)
                inner = conv(g, f"{name}.convs2.{step}", g.add("LeakyRelu", [inner], alpha=SLOPE), channels, channels, size, 1, 0.5, weights)
                y = g.add("Add", [y, inner])
            total = y if total is None else g.add("Add", [total, y])
        x = g.add("Div", [total, g.const(float(len(kernels)))])
    # The last slope is PyTorch's default, as in the published weights.
    x = conv(g, f"{prefix}conv_post", g.add("LeakyRelu", [x], alpha=0.01), channels, 1, 7, gain=0.3, weights=weights)
    return g.add("Tanh", [x], output)


SMALL_GENERATOR = {
    "bands": 192, "upsample_initial_channel": 64, "upsample_rates": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4],
    "resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3,
}
