// SPDX-License-Identifier: Apache-2.0
// Application: self-test, then a few inferences.
// This file is yours: gen-fw wrote it once and will not touch it again.

#include <cstdint>
#include <cstdio>

#include "board.h"
#include "gen_fw.h"
#include "gen_fw_xcore.h"
#include "digits_int8/digits_int8.h"
#include "digits_int8/digits_int8_selftest.h"
#include "postprocess.h"
#include "preprocess.h"

#if GEN_FW_ABI != 1
#error "gen/ has another C API than this application was written for: see gen-fw's CHANGELOG"
#endif

enum { kInferences = 3 };

/// What runs here: the first thing to ask for in a bug report.
static void print_banner(void) {
  printf("%s on %s, compiler %s\n", "digits_int8", "xcore-ai-explorer", __VERSION__);
  printf("%s: xcore (xcore), model %.8s, arena %lu bytes\n", "digits_int8",
         DIGITS_INT8_MODEL_SHA256, (unsigned long)DIGITS_INT8_ARENA_BYTES);
}

static bool succeeded(enum gen_fw_status status, const char *step) {
  if (status != GEN_FW_OK) {
    printf("%s: %s (%d)\n", step, gen_fw_status_text(status), (int)status);
  }
  return status == GEN_FW_OK;
}

static bool infer_digits_int8(void) {
  digits_int8_preprocess();
  const uint64_t start = board_count();
  if (!succeeded(digits_int8_invoke(), "digits_int8_invoke")) {
    return false;
  }
  const uint64_t count = board_count() - start;
  printf("digits_int8: %lu " BOARD_COUNT_UNIT "\n", (unsigned long)count);
  digits_int8_postprocess();
  return true;
}

/// Called by gen/start.c, with the servers of parameters running.
extern "C" int app_main(void) {
  print_banner();
  // self-tests first, as a wrong result is worse than none; then the models stay initialised
  if (!succeeded(digits_int8_selftest(), "self-test of digits_int8")) {
    return 1;
  }
  for (int i = 0; i < kInferences; ++i) {
    if (!(infer_digits_int8())) {
      return 1;
    }
  }
  return 0;
}
