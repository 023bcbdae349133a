# SPDX-License-Identifier: Apache-2.0
"""What a file is that was named as a model and is none."""

from __future__ import annotations

IDENTIFIER = b"TFL3"
_HEAD = 4096


#: (first bytes, what it is, what to do)
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer, not the model", "run `git lfs pull`"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and name the .tflite inside"),
    (b"BZh", "a bzip2 archive", "unpack it and name the .tflite inside"),
    (b"\xfd7zXZ", "an xz archive", "unpack it and name the .tflite inside"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it and name the .tflite inside"),
    (
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file, probably a Keras model",
        "convert it with tf.lite.TFLiteConverter.from_keras_model",
    ),
    (b"\x93NUMPY", "a NumPy array", "name the .tflite model"),
    (b"\x80\x02", "a Python pickle, probably a PyTorch model", "export it to .tflite first"),
    (b"\x80\x04", "a Python pickle, probably a PyTorch model", "export it to .tflite first"),
    (b"GGUF", "a GGUF model", "only .tflite models can be compiled for microcontrollers"),
    (b"\x7fELF", "an ELF program", "name the .tflite model"),
    (b"%PDF", "a PDF document", "name the .tflite model"),
    (b"\x89PNG", "a PNG picture", "name the .tflite model"),
)

#: (member of a zip, what it is, what to do)
_ZIPPED: tuple[tuple[bytes, str, str], ...] = (
    (b"data.pkl", "a PyTorch model", "export it to .tflite first"),
    (
        b"config.json",
        "a Keras model",
        "convert it with tf.lite.TFLiteConverter.from_keras_model",
    ),
    (b".npy", "a NumPy archive", "name the .tflite model"),
    (b".tflite", "a zip archive with a .tflite inside", "unpack it and name that file"),
)


def identify(raw: memoryview) -> tuple[str, str] | None:
    """What a file that is not a TFLite model is, and what to do; None for a likely model.

    Looks at the identifier ``TFL3`` at byte 4 and at well-known first bytes; never at names.
    """
    if len(raw) == 0:
        return "an empty file", "export the model again"
    if bytes(raw[4:8]) == IDENTIFIER:
        return None
    head = bytes(raw[:_HEAD])
    for magic, what, hint in _MAGIC:
        if head.startswith(magic):
            return what, hint
    if head.startswith(b"PK\x03\x04"):
        for member, what, hint in _ZIPPED:
            if member in head:
                return what, hint
        return "a zip archive", "unpack it and name the .tflite inside"
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it, or name an MLF archive as such"
    if _is_onnx(head):
        return "an ONNX model", "convert it to .tflite first, for instance with onnx2tf"
    return _identify_text(head) or (
        "not a TFLite model",
        "its bytes 4 to 8 are not the identifier TFL3; export the model again",
    )


def _is_onnx(head: bytes) -> bool:
    """ModelProto opens with ir_version (field 1), then a producer name or the graph."""
    return len(head) > 3 and head[0] == 0x08 and head[1] < 32 and head[2] in (0x12, 0x3A, 0x42)


def _identify_text(head: bytes) -> tuple[str, str] | None:
    if b"\0" in head:
        return None
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = text[:512].lower()
    if lower.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "an HTML or XML page", "the download failed; fetch the raw file"
    if text.startswith((b"{", b"[")):
        return "a JSON text", "name the .tflite model"
    if b"0x" in lower or (b"const" in lower and b"char" in lower):
        return (
            "C source, probably a model as an array",
            "turn it back with `xxd -r -p` or name the .tflite",
        )
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return "a text file", "name the .tflite model"
    return None
