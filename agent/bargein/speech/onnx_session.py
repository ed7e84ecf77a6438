"""Voices that are ONNX models: a session for one core, and a tensor that the model keeps to itself."""

from __future__ import annotations

from typing import Any


def new_session(model: bytes) -> Any:
    """An onnxruntime.InferenceSession of one thread. Raises ImportError, and what onnxruntime raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # an arena would keep the memory of the longest sentence, for each voice
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def with_output(model: bytes, name: str) -> bytes:
    """The ONNX model with one more output, the tensor `name`.

    Protobuf merges a message field that occurs twice and appends its repeated fields (protobuf encoding, "Last One
    Wins"), so that ModelProto.graph (7) { output (12) { name (1) } } at the end of the file is all it takes.
    """

    def field(number: int, payload: bytes) -> bytes:
        assert len(payload) < 128  # one byte of length
        return bytes([number << 3 | 2, len(payload)]) + payload

    return model + field(7, field(12, field(1, name.encode())))
