// SPDX-License-Identifier: Apache-2.0
/// Declarations of what generated code uses of the ML Embedded Evaluation Kit: nothing here has code.
#pragma once

namespace arm {
namespace app {

class Profiler {
 public:
  explicit Profiler(const char *name);
  bool StartProfiling(const char *name = nullptr);
  bool StopProfiling();
  void PrintProfilingResult(bool full = false);
};

}  // namespace app
}  // namespace arm
