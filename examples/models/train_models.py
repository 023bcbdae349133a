# SPDX-License-Identifier: Apache-2.0
"""Trains and converts the example models beside this file (extra ``train``).

    python examples/models/train_models.py [--out DIR]

One thread and fixed seeds: with the same TensorFlow on the same kind of processor, a second run
writes the same bytes. It prints the accuracy of every model on data that training never saw.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import chirps
import drawn_digits
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from quantization import dequantize, quantize
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
CALIBRATION_SAMPLES = 200
CHIRP_TRAIN_SEED, CHIRP_TEST_SEED, CHIRP_SAMPLE_SEED = 1, 2, 3

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def make_repeatable() -> None:
    """One thread, seeded, deterministic kernels: two threads add in another order."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def to_tflite(model: keras.Model, calibration: Floats | None) -> bytes:
    """The ``.tflite``: float32, or int8 inside and outside when given calibration inputs."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if calibration is not None:
        samples = calibration

        def representative() -> Iterator[list[Floats]]:
            for sample in samples:
                yield [sample[np.newaxis]]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(converter.convert())


class Runner:
    """A ``.tflite`` run one sample at a time by LiteRT's reference kernels, floats in and out."""

    def __init__(self, model: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._interpreter = tf.lite.Interpreter(
                model_content=model,
                num_threads=1,
                experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
            )
        self._interpreter.allocate_tensors()
        self._input: dict[str, Any] = self._interpreter.get_input_details()[0]
        self._output: dict[str, Any] = self._interpreter.get_output_details()[0]

    def quantized(self, sample: Floats) -> npt.NDArray[Any]:
        """``sample`` with a batch dimension of 1, in the input's own dtype."""
        scale, zero_point = self._input["quantization"]
        return quantize(sample[np.newaxis], scale, zero_point, self._input["dtype"])

    def __call__(self, sample: Floats) -> Floats:
        """Dequantized output of one sample, without the batch dimension."""
        self._interpreter.set_tensor(self._input["index"], self.quantized(sample))
        self._interpreter.invoke()
        stored = self._interpreter.get_tensor(self._output["index"])[0]
        scale, zero_point = self._output["quantization"]
        return dequantize(stored, scale, zero_point)


def accuracy(runner: Runner, samples: Floats, labels: Ints) -> float:
    """Share of samples whose arg-max is the label."""
    return float(np.mean([np.argmax(runner(sample)) for sample in samples] == labels))


def fit(
    model: keras.Model, samples: Floats, targets: Any, loss: str, epochs: int, rate: float
) -> None:
    """Adam with a cosine schedule down to zero, batches of 32."""
    steps = epochs * -(-len(samples) // 32)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        loss=loss,
        jit_compile=False,
    )
    model.fit(samples, targets, batch_size=32, epochs=epochs, verbose=0)


def write(out: Path, name: str, model: bytes, sample: Floats) -> Runner:
    """Writes ``<name>.tflite`` and ``<name>_sample.npz`` (key ``in0``, the model's own dtype)."""
    runner = Runner(model)
    (out / f"{name}.tflite").write_bytes(model)
    np.savez_compressed(out / f"{name}_sample.npz", in0=runner.quantized(sample))
    return runner


def make_sine(out: Path) -> None:
    """sin(x) for x in [-pi, pi): three dense layers."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    angles = rng.uniform(-np.pi, np.pi, (2000, 1)).astype(np.float32)
    model = keras.Sequential(
        [
            keras.Input((1,), batch_size=1),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    fit(model, angles, np.sin(angles), "mse", epochs=300, rate=0.01)
    held_out = np.linspace(-np.pi, np.pi, 1000, endpoint=False, dtype=np.float32)[:, np.newaxis]
    sample = np.array([np.pi / 2], dtype=np.float32)
    for name, calibration in (("sine_float32", None), ("sine_int8", angles[:CALIBRATION_SAMPLES])):
        runner = write(out, name, to_tflite(model, calibration), sample)
        error = np.abs(
            np.concatenate([runner(angle) for angle in held_out]) - np.sin(held_out[:, 0])
        )
        print(f"{name}: mean error {error.mean():.4f}, worst {error.max():.4f}")


def make_digits(out: Path) -> None:
    """8 x 8 grey digits (scikit-learn's bundled UCI set), one fifth held out, stratified."""
    keras.utils.set_random_seed(2)
    images, labels = load_digits(return_X_y=True)
    pixels = (images.reshape(-1, 8, 8, 1) / 16).astype(np.float32)
    train, test, train_labels, test_labels = train_test_split(
        pixels, labels, test_size=0.2, random_state=0, stratify=labels
    )
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), batch_size=1),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    fit(model, train, train_labels, "sparse_categorical_crossentropy", epochs=40, rate=0.005)
    blob = to_tflite(model, train[:CALIBRATION_SAMPLES])
    runner = write(out, "digits_int8", blob, drawn_digits.drawn(3))
    (out / "digits_labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    drawings = np.stack([drawn_digits.drawn(digit) for digit in range(10)])
    print(
        f"digits_int8: held-out accuracy {accuracy(runner, test, test_labels):.4f} of {len(test)}, "
        f"our drawings {accuracy(runner, drawings, np.arange(10)):.1f}"
    )


def make_chirps(out: Path) -> None:
    """Four kinds of sound from a 0.5 s spectrogram: a depthwise-separable CNN."""
    keras.utils.set_random_seed(3)
    train, train_labels = chirps.dataset(4000, CHIRP_TRAIN_SEED)
    test, test_labels = chirps.dataset(1000, CHIRP_TEST_SEED)
    layers: list[Any] = [
        keras.Input((chirps.FRAMES, chirps.BANDS, 1), batch_size=1),
        keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
    ]
    for channels, strides in ((16, 1), (24, 2)):
        layers += [
            keras.layers.DepthwiseConv2D(3, strides=strides, padding="same", activation="relu"),
            keras.layers.Conv2D(channels, 1, activation="relu"),
        ]
    layers += [
        keras.layers.AveragePooling2D((8, 4)),
        keras.layers.Flatten(),
        keras.layers.Dense(len(chirps.LABELS), activation="softmax"),
    ]
    model = keras.Sequential(layers)
    fit(model, train, train_labels, "sparse_categorical_crossentropy", epochs=30, rate=0.005)
    blob = to_tflite(model, train[:CALIBRATION_SAMPLES])
    sample = chirps.clip(chirps.LABELS.index("up"), np.random.default_rng(CHIRP_SAMPLE_SEED))
    runner = write(out, "chirps_int8", blob, chirps.features(sample))
    (out / "chirps_labels.txt").write_text("".join(f"{label}\n" for label in chirps.LABELS))
    score = accuracy(runner, test, test_labels)
    print(f"chirps_int8: held-out accuracy {score:.4f} of {len(test)}")


MAKERS: tuple[Callable[[Path], None], ...] = (make_sine, make_digits, make_chirps)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains and converts the example models.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    make_repeatable()
    for make in MAKERS:
        make(out)


if __name__ == "__main__":
    main()
