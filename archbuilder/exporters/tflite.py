"""The network as a TensorFlow Lite file, in int8 or float32, with a plan of the memory that a microcontroller needs.

The file is run in LiteRT, if that is installed, before it is written. It contains the offsets of its tensors
(`OfflineMemoryAllocation`). TensorFlow Lite for Microcontrollers uses them, so its arena has the size that `check`
reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite
import torch
from torch import Tensor

from archbuilder.device.arena import plan
from archbuilder.device.program import FLOAT32, INT8, Operator, Program
from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.exporters.proof import BATCHES, DIFFERS, Exported, compare, images
from archbuilder.ir.graph import Graph
from archbuilder.modules.weights import ready
from archbuilder.quantized import floats, int8_file, integers
from archbuilder.quantized.scales import Quantized, Scale
from archbuilder.version import __version__

SCHEMA = 3
PLAN = "OfflineMemoryAllocation"
PLAN_VERSION, PLAN_SUBGRAPHS = 1, 0
UNPLANNED = -1
ALIGNED = 16  # bytes, alignment of each constant in the file: the runtime reads constants in place

# For each kernel: the functions of `tflite` for its options, with values from the operator's options, and a version #
# that supports both dtypes.
Options = Callable[[Operator], dict[str, Any]]


def _strides(operator: Operator) -> dict[str, Any]:
    height, width = operator.options["stride"]
    return {"Padding": getattr(tflite.Padding, operator.options["padding"]), "StrideH": height, "StrideW": width}


def _fused(operator: Operator) -> dict[str, Any]:
    return {"FusedActivationFunction": getattr(tflite.ActivationFunctionType, operator.activation)}


def _window(operator: Operator) -> dict[str, Any]:
    height, width = operator.options["dilation"]
    return _strides(operator) | {"DilationHFactor": height, "DilationWFactor": width} | _fused(operator)


def _depthwise(operator: Operator) -> dict[str, Any]:
    return _window(operator) | {"DepthMultiplier": operator.options["multiplier"]}


def _pool(operator: Operator) -> dict[str, Any]:
    height, width = operator.options["kernel"]
    return _strides(operator) | {"FilterHeight": height, "FilterWidth": width} | _fused(operator)


def _plain(operator: Operator) -> dict[str, Any]:
    return {}


KERNELS: dict[str, tuple[int, str, Options]] = {
    "ADD": (2, "AddOptions", _fused),
    "AVERAGE_POOL_2D": (2, "Pool2DOptions", _pool),
    "CONCATENATION": (2, "ConcatenationOptions", lambda operator: {"Axis": operator.options["axis"]}),
    "CONV_2D": (3, "Conv2DOptions", _window),
    "DEPTHWISE_CONV_2D": (3, "DepthwiseConv2DOptions", _depthwise),
    "ELU": (1, "", _plain),
    "FULLY_CONNECTED": (4, "FullyConnectedOptions", _fused),
    "HARD_SWISH": (1, "HardSwishOptions", _plain),
    "LEAKY_RELU": (2, "LeakyReluOptions", lambda operator: {"Alpha": operator.options["slope"]}),
    "LOGISTIC": (2, "", _plain),
    "MAX_POOL_2D": (2, "Pool2DOptions", _pool),
    "MEAN": (2, "ReducerOptions", lambda operator: {"KeepDims": True}),
    "MIRROR_PAD": (2, "MirrorPadOptions", lambda operator: {"Mode": tflite.MirrorPadMode.REFLECT}),
    "MUL": (2, "MulOptions", _fused),
    "PAD": (2, "PadOptions", _plain),
    "PADV2": (2, "PadV2Options", _plain),
    "PRELU": (1, "", _plain),
    "QUANTIZE": (2, "QuantizeOptions", _plain),
    "REDUCE_MAX": (2, "ReducerOptions", lambda operator: {"KeepDims": True}),
    "RELU": (2, "", _plain),
    "RELU6": (2, "", _plain),
    "RESHAPE": (1, "ReshapeOptions", _plain),
    "RESIZE_BILINEAR": (3, "ResizeBilinearOptions", lambda operator: {"HalfPixelCenters": True}),
    "RESIZE_NEAREST_NEIGHBOR": (2, "ResizeNearestNeighborOptions", _plain),
    "STRIDED_SLICE": (2, "StridedSliceOptions", _plain),
    "TANH": (2, "", _plain),
    "TRANSPOSE": (2, "TransposeOptions", _plain),
}


TOLERANCE = 1e-4
ONE_STEP = 1  # in int8: the largest allowed difference between a kernel's activation and the nearest integer


def export(graph: Graph, weights: Path | None = None, dtype: str | None = None) -> Exported:
    """The content of a .tflite file: image (1, height, width, channels) -> output for one image.

    weights: the folder of a run; for float32 also a checkpoint, for int8 an int8.safetensors; None for random ones.
    dtype: float32 or int8; None for int8 if the run has been quantised, else float32.

    Raises ArchbuilderError AB880 (a layer without a kernel), AB881 (int8 without int8.safetensors), AB855, AB856
    (weights that are damaged, or of another network), AB858 (the runtime computes something else).
    """
    path = weights / int8_file.FILE if weights and weights.is_dir() else None
    if weights and weights.name.endswith(int8_file.FILE):  # a network without a run
        path = weights
    if dtype is None:
        dtype = INT8 if path and path.is_file() else FLOAT32
    if dtype == FLOAT32:
        return _float32(graph, weights)
    if path is None or not path.is_file():
        message = f"there is no {int8_file.FILE} to export" if path else "an export in int8 needs a run"
        hint = f"make it first: archbuilder quantize {weights or 'RUN'}; or use --dtype float32"
        raise ArchbuilderError(int8_file.NOT_QUANTIZED.at(Span(str(path or graph.name)), message, hint))
    return _int8(graph, int8_file.load(graph, path))


def _float32(graph: Graph, weights: Path | None) -> Exported:
    module, program = ready(graph, weights), int8_file.program_for(graph, FLOAT32)
    with torch.no_grad():
        constants = floats.constants(program, module)
    data = write(program, constants)
    run = litert(data) if _has_runtime() else lambda x: floats.run(program, constants, x)
    difference = compare(graph, module, lambda x: _as_torch(run(x)), TOLERANCE)
    return Exported(data, difference)


def _int8(graph: Graph, model: Quantized) -> Exported:
    """The file of a network in int8. Its difference is in int8 steps; without the runtime there is none."""
    data = write(model.program, model.constants, model.scales)
    worst = 0
    for number in BATCHES if _has_runtime() else ():
        x = images(graph, number)
        found = litert(data)(model.scales[model.program.input].integers(x).to(torch.int8))
        worst = max(worst, int((found.int() - integers.run(model, x).int()).abs().max()))
    if worst > ONE_STEP:
        message = f"the outputs of the exported network differ by {worst} steps"
        raise ArchbuilderError(DIFFERS.at(Span(graph.name), message, "nothing was written; please report this"))
    return Exported(data, worst)


def _as_torch(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def _has_runtime() -> bool:
    return find_spec("ai_edge_litert") is not None


def litert(data: bytes) -> Callable[[Tensor], Tensor]:
    """The file in LiteRT: images (n, c, h, w), one by one -> results, channels last."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    except ValueError:  # an operator without a reference kernel: ELU
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = Interpreter(model_content=data, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(x: Tensor) -> Tensor:
        found = []
        for each in x.permute(0, 2, 3, 1).split(1):
            interpreter.set_tensor(image["index"], each.contiguous().numpy())
            interpreter.invoke()
            found.append(torch.from_numpy(interpreter.get_tensor(output["index"])))
        return torch.cat(found)

    return run


def write(
    program: Program, constants: Mapping[str, Tensor], scales: Mapping[str, Scale] | None = None, planned: bool = True
) -> bytes:
    """The content of a .tflite file: a program with its constants, and in int8 the scales of its tensors.

    planned: whether the file contains the memory offsets of its tensors; else the runtime plans them.
    """
    return _Writer(program, constants, scales or {}, planned).file()


class _Writer:
    """The tables of the file; each is written before the tables that refer to it."""

    def __init__(
        self, program: Program, constants: Mapping[str, Tensor], scales: Mapping[str, Scale], planned: bool
    ) -> None:
        self.program = program
        self.constants = constants
        self.scales = scales
        self.planned = planned
        self.builder = flatbuffers.Builder(1 << 16)
        self.buffers = [self._table("Buffer")]  # the first is empty, for tensors without constant content
        self.numbers = {name: number for number, name in enumerate(program.tensors)}

    def file(self) -> bytes:
        kernels = self.program.kernels
        tensors = [self._tensor(name) for name in self.program.tensors]
        operators = [self._operator(operator, kernels) for operator in self.program.operators]
        subgraph = self._table(
            "SubGraph",
            Tensors=self._tables(tensors),
            Inputs=self._numbers([self.numbers[self.program.input]]),
            Outputs=self._numbers([self.numbers[self.program.output]]),
            Operators=self._tables(operators),
        )
        metadata = [self._plan()] if self.planned else []
        model = self._table(
            "Model",
            Version=SCHEMA,
            OperatorCodes=self._tables([self._code(kernel) for kernel in kernels]),
            Subgraphs=self._tables([subgraph]),
            Description=self.builder.CreateString(f"archbuilder {__version__}"),
            Buffers=self._tables(self.buffers),
            Metadata=self._tables(metadata),
        )
        self.builder.Finish(model, file_identifier=b"TFL3")
        return bytes(self.builder.Output())

    def _tensor(self, name: str) -> int:
        content = self.constants[name].detach().numpy() if name in self.constants else None
        dtype = content.dtype.name if content is not None else self.program.dtype
        buffer = 0 if content is None else self._buffer(np.ascontiguousarray(content).tobytes())
        return self._table(
            "Tensor",
            Shape=self._numbers(self.program.tensors[name].shape),
            Type=getattr(tflite.TensorType, dtype.upper()),
            Buffer=buffer,
            Name=self.builder.CreateString(name),
            Quantization=self._scale(self.scales[name]) if name in self.scales else None,
        )

    def _scale(self, scale: Scale) -> int:
        values = np.atleast_1d(scale.scale.numpy().astype("<f4"))
        return self._table(
            "QuantizationParameters",
            Scale=self.builder.CreateNumpyVector(values),
            ZeroPoint=self.builder.CreateNumpyVector(np.full(len(values), scale.zero, "<i8")),
            QuantizedDimension=scale.axis,
        )

    def _operator(self, operator: Operator, kernels: tuple[str, ...]) -> int:
        _, table, options = KERNELS[operator.kernel]
        kind = getattr(tflite.BuiltinOptions, table) if table else tflite.BuiltinOptions.NONE
        return self._table(
            "Operator",
            OpcodeIndex=kernels.index(operator.kernel),
            Inputs=self._numbers([self.numbers[name] for name in operator.inputs]),
            Outputs=self._numbers([self.numbers[operator.output]]),
            BuiltinOptionsType=kind,
            BuiltinOptions=self._table(table, **options(operator)) if table else None,
        )

    def _code(self, kernel: str) -> int:
        number, version = getattr(tflite.BuiltinOperator, kernel), KERNELS[kernel][0]
        old = min(number, tflite.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
        return self._table("OperatorCode", DeprecatedBuiltinCode=old, BuiltinCode=number, Version=version)

    def _plan(self) -> int:
        """Write the memory offset of each tensor, which the runtime uses."""
        offsets = plan(self.program).offsets
        each = [offsets.get(name, UNPLANNED) for name in self.program.tensors]
        content = np.array([PLAN_VERSION, PLAN_SUBGRAPHS, len(each), *each], "<i4").tobytes()
        buffer = self._buffer(content)
        return self._table("Metadata", Name=self.builder.CreateString(PLAN), Buffer=buffer)

    def _buffer(self, content: bytes) -> int:
        """The number of a new buffer."""
        self.builder.StartVector(1, len(content), ALIGNED)
        self.builder.head -= len(content)
        self.builder.Bytes[self.builder.head : self.builder.head + len(content)] = content
        self.buffers.append(self._table("Buffer", Data=self.builder.EndVector()))
        return len(self.buffers) - 1

    def _numbers(self, numbers: Iterable[int]) -> int:
        vector: int = self.builder.CreateNumpyVector(np.array(list(numbers), "<i4"))
        return vector

    def _tables(self, tables: list[int]) -> int:
        self.builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            self.builder.PrependUOffsetTRelative(table)
        vector: int = self.builder.EndVector()
        return vector

    def _table(self, name: str, **fields: Any) -> int:
        """A table of the schema with these fields; fields that are None are omitted."""
        getattr(tflite, f"{name}Start")(self.builder)
        for field, value in fields.items():
            if value is not None:
                getattr(tflite, f"{name}Add{field}")(self.builder, value)
        table: int = getattr(tflite, f"{name}End")(self.builder)
        return table
