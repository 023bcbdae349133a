# SPDX-License-Identifier: Apache-2.0
"""Models that TensorFlow's converter writes, untrained, with seeded weights.

Legacy Keras (``tf_keras``) is used because Keras 3 never fuses an LSTM into one operator. Each
function returns one ``.tflite``; ``CONVERTED`` names them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf
import tf_keras as keras

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.experimental.enable_op_determinism()

CALIBRATION_SAMPLES = 32
INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
INT8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8


def _quantized(converter: Any, shape: tuple[int, ...], operators: Any, io: Any) -> bytes:
    """Converts with calibration on standard normal inputs of ``shape`` (batch included)."""

    def representative() -> Iterator[list[Any]]:
        rng = np.random.default_rng(0)
        for _ in range(CALIBRATION_SAMPLES):
            yield [rng.standard_normal(shape).astype(np.float32)]

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [operators]
    converter.inference_input_type = io
    converter.inference_output_type = io
    return bytes(converter.convert())


def _small_cnn() -> Any:
    """Convolution, depthwise convolution, both poolings, dense, softmax."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), batch_size=1),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(6, 1, activation="relu"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(4),
            layers.Softmax(),
        ]
    )


def cnn_float32() -> bytes:
    """The small CNN in float32."""
    return bytes(tf.lite.TFLiteConverter.from_keras_model(_small_cnn()).convert())


def cnn_int16x8() -> bytes:
    """The small CNN with int16 activations and int8 weights (int64 biases)."""
    converter = tf.lite.TFLiteConverter.from_keras_model(_small_cnn())
    return _quantized(converter, (1, 8, 8, 1), INT16X8, tf.int16)


def branches_int8() -> bytes:
    """int8 inside, float32 outside; two branches that join, two outputs."""
    keras.utils.set_random_seed(2)
    layers = keras.layers
    given = keras.Input((6, 6, 2), batch_size=1)
    stem = layers.Conv2D(4, 3, padding="same", activation="relu6")(given)
    residual = layers.Add()([stem, layers.Conv2D(4, 1)(stem)])
    padded = layers.ZeroPadding2D(1)(residual)
    valid = layers.Conv2D(4, 3, activation=tf.nn.leaky_relu)(padded)
    joined = layers.Concatenate()([residual, valid])
    upsampled = layers.Conv2DTranspose(3, 2, strides=2)(joined)
    pooled = layers.Lambda(lambda value: tf.reduce_mean(value, axis=(1, 2)))(upsampled)
    score = layers.Dense(2, activation="sigmoid")(pooled)
    model = keras.Model(given, [score, layers.Flatten()(valid)])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    return _quantized(converter, (1, 6, 6, 2), INT8, tf.float32)


def lstm_int8() -> bytes:
    """One fused int8 UNIDIRECTIONAL_SEQUENCE_LSTM and a dense layer."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8, 6), batch_size=1),
            keras.layers.LSTM(8, return_sequences=True),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ]
    )
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    return _quantized(converter, (1, 8, 6), INT8, tf.int8)


class _RingBuffer(tf.Module):  # type: ignore[misc]
    """Keeps the last four frames in a variable and weighs them."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = tf.Variable(tf.zeros((1, 4, 3)), name="frames")
        rng = np.random.default_rng(4)
        self.weights = tf.constant(rng.standard_normal((12, 2)), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec((1, 1, 3), tf.float32)])  # type: ignore[untyped-decorator]
    def __call__(self, frame: Any) -> Any:
        window = tf.concat([self.frames[:, 1:], frame], axis=1)
        self.frames.assign(window)
        return tf.matmul(tf.reshape(window, (1, 12)), self.weights)


def _ring_converter() -> Any:
    module = _RingBuffer()
    concrete = module.__call__.get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)


def ring_buffer_float32() -> bytes:
    """Four frames of memory in a resource variable: VAR_HANDLE, CALL_ONCE, ASSIGN, READ."""
    converter = _ring_converter()
    converter.experimental_enable_resource_variables = True
    return bytes(converter.convert())


def ring_buffer_int8() -> bytes:
    """The same, quantized: the variable itself is int8."""
    converter = _ring_converter()
    converter.experimental_enable_resource_variables = True
    converter._experimental_variable_quantization = True
    return _quantized(converter, (1, 1, 3), INT8, tf.int8)


CONVERTED: dict[str, Callable[[], bytes]] = {
    function.__name__: function
    for function in (
        cnn_float32,
        cnn_int16x8,
        branches_int8,
        lstm_int8,
        ring_buffer_float32,
        ring_buffer_int8,
    )
}
