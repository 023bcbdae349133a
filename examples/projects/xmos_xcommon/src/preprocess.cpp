// SPDX-License-Identifier: Apache-2.0
// From the world to the model's inputs. This file is yours: gen-fw will not touch it again.
//
// Samples are real numbers in the units that the model was trained with (normalised pixels,
// spectrogram values, ...); the quantize functions turn each into the tensor's type. A triangle
// wave stands in for the sensor, so that the firmware runs as it is.

#include "preprocess.h"

#include <cstddef>
#include <cstdint>

#include "digits_int8/digits_int8.h"

namespace {

/// Triangle wave with values in [-1, 1] and a period of 64 samples.
class TestSignal {
 public:
  float next() {
    const uint32_t phase = count_++ % kPeriod;
    const uint32_t half = kPeriod / 2;
    const uint32_t rise = phase < half ? phase : kPeriod - phase;
    return 2.0f * static_cast<float>(rise) / static_cast<float>(half) - 1.0f;
  }

 private:
  static constexpr uint32_t kPeriod = 64;
  uint32_t count_ = 0;
};

}  // namespace

void digits_int8_preprocess() {
  static TestSignal signal;  // replace by your sensor

  // input0: int8[1, 8, 8, 1], "serving_default_keras_tensor_4:0"
  int8_t *input0 = digits_int8_input0();
  for (size_t i = 0; i < DIGITS_INT8_INPUT0_ELEMENTS; ++i) {
    input0[i] = digits_int8_input0_quantize(signal.next());
  }
}
