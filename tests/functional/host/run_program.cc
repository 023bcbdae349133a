// SPDX-License-Identifier: Apache-2.0
// Runs one generated program on raw input files and writes raw outputs:
//   run_program INPUT... OUTPUT_PREFIX
// Four inferences: the first, a second without reset, a third after a reset, and another without
// writing the inputs again (recordings of TFLM that invoke twice in a row hold that). The test that
// builds this passes -include of a header with HARNESS_INIT, ..., HARNESS_INPUTS, HARNESS_OUTPUTS.

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Tensor {
  void *data;
  size_t bytes;
};

bool read_file(const char *path, const Tensor &tensor) {
  std::FILE *file = std::fopen(path, "rb");
  const bool done = file != nullptr && std::fread(tensor.data, 1, tensor.bytes, file) == tensor.bytes;
  if (file != nullptr) {
    std::fclose(file);
  }
  return done;
}

bool write_file(const std::string &path, const Tensor &tensor) {
  std::FILE *file = std::fopen(path.c_str(), "wb");
  const bool done =
      file != nullptr && std::fwrite(tensor.data, 1, tensor.bytes, file) == tensor.bytes;
  if (file != nullptr) {
    std::fclose(file);
  }
  return done;
}

int fail(const char *step, int status) {
  std::printf("%s: %d\n", step, status);
  return 1;
}

}  // namespace

int main(int argc, char **argv) {
  if (HARNESS_INVOKE() != GEN_FW_ERROR_NOT_READY) {
    return fail("invoke before init", 0);
  }
  alignas(16) static unsigned char small[16];
  if (HARNESS_INIT_WITH(small, sizeof small) != GEN_FW_ERROR_ARENA_SIZE ||
      HARNESS_INIT_WITH(small + 1, 1 << 20) != GEN_FW_ERROR_ARENA_ALIGNMENT) {
    return fail("init with a bad arena", 0);
  }
  int status = HARNESS_INIT();
  if (status != 0) {
    return fail("init", status);
  }
  const Tensor inputs[] = HARNESS_INPUTS;
  const Tensor outputs[] = HARNESS_OUTPUTS;
  const int input_count = sizeof inputs / sizeof inputs[0];
  if (argc != input_count + 2) {
    return fail("arguments", argc);
  }
  std::printf("arena %zu of %zu\n", HARNESS_ARENA_USED(), static_cast<size_t>(HARNESS_ARENA_BYTES));
  for (const char *run : {"run1", "run2", "reset", "again"}) {
    if (std::strcmp(run, "reset") == 0) {
      status = HARNESS_RESET();
      if (status != 0) {
        return fail("reset", status);
      }
    }
    const bool writes_inputs = std::strcmp(run, "again") != 0;
    for (int i = 0; writes_inputs && i < input_count; ++i) {
      if (!read_file(argv[1 + i], inputs[i])) {
        return fail("read", i);
      }
    }
    status = HARNESS_INVOKE();
    if (status != 0) {
      return fail("invoke", status);
    }
    int index = 0;
    for (const Tensor &output : outputs) {
      if (!write_file(std::string(argv[argc - 1]) + run + "_" + std::to_string(index++), output)) {
        return fail("write", index);
      }
    }
  }
  return 0;
}
