// SPDX-License-Identifier: Apache-2.0
// Application: self-test, then a few inferences.
// This file is yours: gen-fw wrote it once and will not touch it again.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "board.h"
#include "gen_fw.h"
#include "svdf/svdf.h"
#include "svdf/svdf_selftest.h"
#include "postprocess.h"
#include "preprocess.h"

#if GEN_FW_ABI != 1
#error "gen/ has another C API than this application was written for: see gen-fw's CHANGELOG"
#endif

enum { kInferences = 3 };

/// What runs here: the first thing to ask for in a bug report.
static void print_banner(void) {
  printf("%s on %s, compiler %s\n", "svdf", "alif-e7-hp", __VERSION__);
  printf("%s: tflm (ethos_u), model %.8s, arena %lu bytes\n", "svdf",
         SVDF_MODEL_SHA256, (unsigned long)SVDF_ARENA_BYTES);
}

static bool succeeded(enum gen_fw_status status, const char *step) {
  if (status != GEN_FW_OK) {
    printf("%s: %s (%d)\n", step, gen_fw_status_text(status), (int)status);
  }
  return status == GEN_FW_OK;
}

static bool infer_svdf(void) {
  svdf_preprocess();
  const uint64_t start = board_count();
  if (!succeeded(svdf_invoke(), "svdf_invoke")) {
    return false;
  }
  const uint64_t count = board_count() - start;
  const uint64_t us = count * 1000000u / board_clock_hz();
  printf("svdf: %lu " BOARD_COUNT_UNIT " of the CPU, %lu.%03lu ms\n", (unsigned long)count,
         (unsigned long)(us / 1000u), (unsigned long)(us % 1000u));
  printf("  of these the NPU worked %lu of its own cycles\n", (unsigned long)board_npu_cycles());
  svdf_postprocess();
  return true;
}

int main(void) {
  if (!board_init()) {
    return 1;
  }
  print_banner();
  // self-tests first, as a wrong result is worse than none; then the models stay initialised
  if (!succeeded(svdf_selftest(), "self-test of svdf")) {
    return 1;
  }
  for (int i = 0; i < kInferences; ++i) {
    if (!(infer_svdf())) {
      return 1;
    }
  }
  return 0;
}
