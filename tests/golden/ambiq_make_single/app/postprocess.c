// SPDX-License-Identifier: Apache-2.0
// From the model's outputs to a decision. This file is yours: gen-fw will not touch it again.
//
// An output with one value is printed, a vector is ranked (as class scores are), and of a larger
// tensor the range and the mean are shown. Act on the result instead of printing it.

#include "postprocess.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "direction/direction.h"

/// Prints four decimals, without the printf for floating point, which small C libraries lack.
static void print_real(float value) {
  const float limit = 200000.0f;
  if (!(value > -limit && value < limit)) {
    printf("%s", value >= limit ? "over 200000" : value <= -limit ? "below -200000" : "nan");
    return;
  }
  const int32_t scaled = (int32_t)(value * 10000.0f + (value < 0 ? -0.5f : 0.5f));
  const uint32_t size = (uint32_t)(scaled < 0 ? -scaled : scaled);
  printf("%s%lu.%04lu", scaled < 0 ? "-" : "", (unsigned long)(size / 10000u),
         (unsigned long)(size % 10000u));
}

enum { kBest = 3 };

struct ranked {
  size_t index;
  float score;
};

/// Puts an element among the best so far, which are `found` at most kBest; returns how many now.
static size_t rank(struct ranked best[kBest], size_t found, size_t index, float score) {
  size_t place = found < kBest ? found++ : kBest;
  while (place > 0 && score > best[place - 1].score) {
    if (place < kBest) {
      best[place] = best[place - 1];
    }
    --place;
  }
  if (place < kBest) {
    best[place].index = index;
    best[place].score = score;
  }
  return found;
}

/// Prints the best classes, by name where there are `labels` (may be null).
static void print_best(const char *name, const struct ranked best[kBest], size_t found,
                       const char *const *labels) {
  for (size_t i = 0; i < found; ++i) {
    if (labels != NULL) {
      printf("  %s: %s ", name, labels[best[i].index]);
    } else {
      printf("  %s[%lu]: ", name, (unsigned long)best[i].index);
    }
    print_real(best[i].score);
    printf("\n");
  }
}

void direction_postprocess(void) {
  struct ranked best_output0[kBest];
  size_t found_output0 = 0;
  for (size_t i = 0; i < DIRECTION_OUTPUT0_ELEMENTS; ++i) {
    found_output0 = rank(best_output0, found_output0, i, direction_output0_dequantize(direction_output0()[i]));
  }
  print_best("output0", best_output0, found_output0, NULL);
}
