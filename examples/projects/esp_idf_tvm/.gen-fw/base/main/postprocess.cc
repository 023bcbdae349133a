// SPDX-License-Identifier: Apache-2.0
// From the model's outputs to a decision. This file is yours: gen-fw will not touch it again.
//
// An output with one value is printed, a vector is ranked (as class scores are), and of a larger
// tensor the range and the mean are shown. Act on the result instead of printing it.

#include "postprocess.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "chirps/chirps.h"

namespace {

constexpr size_t kBest = 3;

struct Ranked {
  size_t index;
  float score;
};

/// The kBest largest scores, best first; returns how many there are. `real` dequantizes an element.
template <typename Element, typename Real>
size_t rank(const Element *scores, size_t count, Real real, Ranked (&best)[kBest]) {
  size_t found = 0;
  for (size_t i = 0; i < count; ++i) {
    const Ranked entry{i, real(scores[i])};
    size_t place = found < kBest ? found++ : kBest;
    while (place > 0 && entry.score > best[place - 1].score) {
      if (place < kBest) {
        best[place] = best[place - 1];
      }
      --place;
    }
    if (place < kBest) {
      best[place] = entry;
    }
  }
  return found;
}

/// Prints the best classes, by name where there are `labels` (may be null).
template <typename Element, typename Real>
void print_best(const char *name, const Element *scores, size_t count, Real real,
                const char *const *labels) {
  Ranked best[kBest];
  const size_t found = rank(scores, count, real, best);
  for (size_t i = 0; i < found; ++i) {
    const double score = static_cast<double>(best[i].score);
    if (labels != nullptr) {
      std::printf("  %s: %s %.4f\n", name, labels[best[i].index], score);
    } else {
      std::printf("  %s[%u]: %.4f\n", name, static_cast<unsigned>(best[i].index), score);
    }
  }
}

}  // namespace

void chirps_postprocess() {
  print_best("output0", chirps_output0(), CHIRPS_OUTPUT0_ELEMENTS,
             chirps_output0_dequantize, chirps_labels);
}
