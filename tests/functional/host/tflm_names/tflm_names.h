// SPDX-License-Identifier: Apache-2.0
// The names of TensorFlow Lite Micro that generated code uses, declared where a release has them:
// in `tflite` (up to 2026-08), or with TFLM_MICRO in `tflite::micro`, C types included, as the
// symbols of the tflite-micro wheel of 2026-10 show. Declarations only: objects compiled with this
// are not run, but their undefined symbols are looked up in a real library.
#pragma once

#include <cstddef>
#include <cstdint>

#define TFLITE_SCHEMA_VERSION (3)

namespace tflite {
struct Model {
  uint32_t version() const;
};
const Model *GetModel(const void *data);
#ifdef TFLM_MICRO
namespace micro {
#else
}  // namespace tflite
#endif

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
struct TfLiteTensor {
  int type;
  union {
    void *data;
  } data;
  size_t bytes;
};
struct TFLMRegistration;

#ifndef TFLM_MICRO
namespace tflite {
// what older releases keep here must not be mistaken for the moved names
namespace micro {
template <typename T>
T *GetTensorData(TfLiteTensor *tensor);
}
#endif

enum class MemoryPlannerType { kGreedy, kLinear };
class MicroProfilerInterface;

class MicroAllocator {
 public:
  static MicroAllocator *Create(uint8_t *arena, size_t bytes,
                                MemoryPlannerType planner = MemoryPlannerType::kGreedy);
};

class MicroResourceVariables {
 public:
  static MicroResourceVariables *Create(MicroAllocator *allocator, int count);
};

class MicroOpResolver {
 public:
  virtual ~MicroOpResolver() = default;
};

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddCustom(const char *, const TFLMRegistration *) { return kTfLiteOk; }
  TfLiteStatus AddAdd() { return kTfLiteOk; }
  TfLiteStatus AddArgMax() { return kTfLiteOk; }
  TfLiteStatus AddAssignVariable() { return kTfLiteOk; }
  TfLiteStatus AddAveragePool2D() { return kTfLiteOk; }
  TfLiteStatus AddCallOnce() { return kTfLiteOk; }
  TfLiteStatus AddConcatenation() { return kTfLiteOk; }
  TfLiteStatus AddConv2D() { return kTfLiteOk; }
  TfLiteStatus AddDepthwiseConv2D() { return kTfLiteOk; }
  TfLiteStatus AddDequantize() { return kTfLiteOk; }
  TfLiteStatus AddEthosU() { return kTfLiteOk; }
  TfLiteStatus AddFullyConnected() { return kTfLiteOk; }
  TfLiteStatus AddIf() { return kTfLiteOk; }
  TfLiteStatus AddLeakyRelu() { return kTfLiteOk; }
  TfLiteStatus AddLess() { return kTfLiteOk; }
  TfLiteStatus AddLogistic() { return kTfLiteOk; }
  TfLiteStatus AddMaxPool2D() { return kTfLiteOk; }
  TfLiteStatus AddMean() { return kTfLiteOk; }
  TfLiteStatus AddMul() { return kTfLiteOk; }
  TfLiteStatus AddQuantize() { return kTfLiteOk; }
  TfLiteStatus AddReadVariable() { return kTfLiteOk; }
  TfLiteStatus AddRelu() { return kTfLiteOk; }
  TfLiteStatus AddReshape() { return kTfLiteOk; }
  TfLiteStatus AddSoftmax() { return kTfLiteOk; }
  TfLiteStatus AddStridedSlice() { return kTfLiteOk; }
  TfLiteStatus AddSvdf() { return kTfLiteOk; }
  TfLiteStatus AddTransposeConv() { return kTfLiteOk; }
  TfLiteStatus AddUnidirectionalSequenceLSTM() { return kTfLiteOk; }
  TfLiteStatus AddVarHandle() { return kTfLiteOk; }
  TfLiteStatus AddWhile() { return kTfLiteOk; }
};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena,
                   size_t bytes, MicroResourceVariables *variables = nullptr,
                   MicroProfilerInterface *profiler = nullptr, bool preserve_all_tensors = false);
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, MicroAllocator *allocator,
                   MicroResourceVariables *variables = nullptr,
                   MicroProfilerInterface *profiler = nullptr);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);
  size_t arena_used_bytes() const { return 0; }
};

#ifdef TFLM_MICRO
}  // namespace micro
#endif
}  // namespace tflite
