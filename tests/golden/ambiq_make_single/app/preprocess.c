// SPDX-License-Identifier: Apache-2.0
// From the world to the model's inputs. This file is yours: gen-fw will not touch it again.
//
// Samples are real numbers in the units that the model was trained with (normalised pixels,
// spectrogram values, ...); the quantize functions turn each into the tensor's type. A triangle
// wave stands in for the sensor, so that the firmware runs as it is.

#include "preprocess.h"

#include <stddef.h>
#include <stdint.h>

#include "direction/direction.h"

/// Triangle wave with values in [-1, 1] and a period of 64 samples.
static float next_sample(uint32_t *count) {
  const uint32_t period = 64;
  const uint32_t half = period / 2;
  const uint32_t phase = (*count)++ % period;
  const uint32_t rise = phase < half ? phase : period - phase;
  return 2.0f * (float)rise / (float)half - 1.0f;
}

void direction_preprocess(void) {
  static uint32_t count;  // replace by your sensor

  // input0: int8[1, 16], "x"
  int8_t *input0 = direction_input0();
  for (size_t i = 0; i < DIRECTION_INPUT0_ELEMENTS; ++i) {
    input0[i] = direction_input0_quantize(next_sample(&count));
  }
}
