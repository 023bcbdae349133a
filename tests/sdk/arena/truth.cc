// SPDX-License-Identifier: Apache-2.0
// Runs TFLite Micro on models and says what its arena allocator is asked for, as JSON lines.
//
// Subclasses without members log every call, so that the arena is byte for byte what
// MicroInterpreter(model, resolver, arena, bytes) makes of it. Jobs come from the file "jobs.txt",
// one a line: model arena-bytes resource-variables invocations inputs outputs events on-refusal
// persistent-bytes (file names without blanks, "-" for none; events 0 or 1; on-refusal "stop" or
// "go"). Persistent bytes that are not 0 are those of a second arena; TFLM's own allocators then
// work as they are, without events, and what they print tells of a refusal.
// The result goes to "truth.jsonl".

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <new>

#include "files.h"
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/memory_helpers.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_arena_constants.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

using tflite::GreedyMemoryPlanner;
using tflite::MicroInterpreter;
using tflite::MicroInterpreterGraph;
using tflite::SingleArenaBufferAllocator;

constexpr size_t kModelBytes = 4u << 20;
constexpr size_t kArenaBytes = 6u << 20;
constexpr size_t kInputBytes = 1u << 20;
constexpr size_t kGuardBytes = 256;
constexpr uint8_t kGuard = 0x5a;
// what a real arena holds is unknown: not zeros
constexpr uint8_t kFill = 0xa5;

alignas(16) uint8_t model_bytes[kModelBytes];
alignas(16) uint8_t storage[kArenaBytes + 3 * kGuardBytes];
alignas(16) uint8_t input_bytes[kInputBytes];
uint8_t *const arena = storage + kGuardBytes;

// --- where the run is ---------------------------------------------------------------------------

struct State {
  const char *phase;
  int parsed;     // operators that the parser has looked up
  int operators;  // of all subgraphs
  int finished;   // operators whose Prepare is over
  int refused;    // allocations that failed
  int overlaps;   // allocations that reach into the other end
  bool events;
  bool stop;  // at the first failed allocation
  bool split;  // two arenas
  MicroInterpreterGraph *graph;
  const tflite::Model *model;
  jmp_buf refuse;
} state;

// --- JSON lines ---------------------------------------------------------------------------------

int report = -1;
char text[4096];
size_t text_bytes;

void flush() {
  if (text_bytes != 0) {
    file_write(report, text, text_bytes);
    text_bytes = 0;
  }
}

void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
void put(const char *format, ...) {
  if (sizeof text - text_bytes < 512) {
    flush();
  }
  va_list list;
  va_start(list, format);
  const int bytes = vsnprintf(text + text_bytes, sizeof text - text_bytes, format, list);
  va_end(list);
  text_bytes += bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

/// The operator that the log line is about.
void put_operator() {
  int subgraph = -1;
  int index = -1;
  if (strcmp(state.phase, "parse") == 0) {
    index = state.parsed - 1;
    subgraph = 0;
    for (const auto *graph : *state.model->subgraphs()) {
      const int size = graph->operators() == nullptr ? 0 : static_cast<int>(graph->operators()->size());
      if (index < size) {
        break;
      }
      index -= size;
      ++subgraph;
    }
  } else if (strcmp(state.phase, "init") == 0 || strcmp(state.phase, "prepare") == 0 ||
             strcmp(state.phase, "invoke") == 0) {
    subgraph = state.graph->GetCurrentSubgraphIndex();
    index = state.graph->GetCurrentOperatorIndex();
  }
  put(",\"phase\":\"%s\",\"subgraph\":%d,\"op\":%d", state.phase, subgraph, index);
}

// --- the logging allocator ----------------------------------------------------------------------

class Allocator : public SingleArenaBufferAllocator {
 public:
  using SingleArenaBufferAllocator::SingleArenaBufferAllocator;

  uint8_t *AllocatePersistentBuffer(size_t size, size_t alignment) override {
    uint8_t *result = SingleArenaBufferAllocator::AllocatePersistentBuffer(size, alignment);
    return log("persistent", size, alignment, result, result != nullptr);
  }
  uint8_t *AllocateTemp(size_t size, size_t alignment) override {
    uint8_t *result = SingleArenaBufferAllocator::AllocateTemp(size, alignment);
    return log("temp", size, alignment, result, result != nullptr);
  }
  void DeallocateTemp(uint8_t *buffer) override {
    SingleArenaBufferAllocator::DeallocateTemp(buffer);
    log("free", 0, 0, buffer, true);
  }
  TfLiteStatus ResetTempAllocations() override {
    if (strcmp(state.phase, "parse") == 0 || strcmp(state.phase, "init") == 0) {
      state.phase = "prepare";  // of an operator that has no function for it
    }
    const TfLiteStatus status = SingleArenaBufferAllocator::ResetTempAllocations();
    log("reset", 0, 0, nullptr, status == kTfLiteOk);
    return status;
  }
  uint8_t *AllocateResizableBuffer(size_t size, size_t alignment) override {
    ++nested_;
    uint8_t *result = SingleArenaBufferAllocator::AllocateResizableBuffer(size, alignment);
    --nested_;
    return log("resize", size, alignment, result, result != nullptr);
  }
  TfLiteStatus ResizeBuffer(uint8_t *buffer, size_t size, size_t alignment) override {
    const TfLiteStatus status = SingleArenaBufferAllocator::ResizeBuffer(buffer, size, alignment);
    log("resize", size, alignment, buffer, status == kTfLiteOk);
    if (nested_ == 0 && strcmp(state.phase, "prepare") == 0 &&
        ++state.finished == state.operators) {
      state.phase = "plan";
    }
    return status;
  }
  TfLiteStatus ReserveNonPersistentOverlayMemory(size_t size, size_t alignment) override {
    ++nested_;
    const TfLiteStatus status =
        SingleArenaBufferAllocator::ReserveNonPersistentOverlayMemory(size, alignment);
    --nested_;
    log("resize", size, alignment, nullptr, status == kTfLiteOk);
    state.phase = "io";
    return status;
  }
  TfLiteStatus DeallocateResizableBuffer(uint8_t *buffer) override {
    ++nested_;
    const TfLiteStatus status = SingleArenaBufferAllocator::DeallocateResizableBuffer(buffer);
    --nested_;
    log("resize", 0, 1, buffer, status == kTfLiteOk);
    return status;
  }

 private:
  uint8_t *log(const char *kind, size_t size, size_t alignment, uint8_t *result, bool ok) {
    if (nested_ != 0) {
      return result;
    }
    const size_t head = static_cast<size_t>(this->head() - GetOverlayMemoryAddress());
    const size_t low = GetNonPersistentUsedBytes();
    const size_t tail = GetPersistentUsedBytes();
    state.refused += !ok;
    const bool overlap = GetOverlayMemoryAddress() + low > this->tail();
    state.overlaps += overlap;
    if (state.events || !ok) {
      put("{\"event\":\"%s\",\"bytes\":%lu,\"alignment\":%lu", kind,
          static_cast<unsigned long>(size), static_cast<unsigned long>(alignment));
      put_operator();
      put(",\"ok\":%d,\"overlap\":%d,\"head\":%lu,\"low\":%lu,\"tail\":%lu}\n", ok, overlap,
          static_cast<unsigned long>(head), static_cast<unsigned long>(low),
          static_cast<unsigned long>(tail));
    }
    if (!ok && state.stop) {
      longjmp(state.refuse, 1);
    }
    return result;
  }

  static int nested_;
  TF_LITE_REMOVE_VIRTUAL_DELETE
};
int Allocator::nested_ = 0;
static_assert(sizeof(Allocator) == sizeof(SingleArenaBufferAllocator) &&
                  alignof(Allocator) == alignof(SingleArenaBufferAllocator),
              "logging must not change the arena");

// --- the logging planner ------------------------------------------------------------------------

class Planner : public GreedyMemoryPlanner {
 public:
  TfLiteStatus Init(unsigned char *buffer, int bytes) override {
    return GreedyMemoryPlanner::Init(buffer, bytes);
  }
  TfLiteStatus AddBuffer(int size, int first, int last) override {
    return added(size, first, last, -1, GreedyMemoryPlanner::AddBuffer(size, first, last));
  }
  TfLiteStatus AddBuffer(int size, int first, int last, int offline) override {
    ++nested_;  // GreedyMemoryPlanner's calls the other one
    const TfLiteStatus status = GreedyMemoryPlanner::AddBuffer(size, first, last, offline);
    --nested_;
    return added(size, first, last, offline, status);
  }
  TfLiteStatus GetOffsetForBuffer(int index, int *offset) override {
    const TfLiteStatus status = GreedyMemoryPlanner::GetOffsetForBuffer(index, offset);
    if (state.events) {
      put("{\"planned\":%d,\"offset\":%d}\n", index, *offset);
    }
    return status;
  }

 private:
  TfLiteStatus added(int size, int first, int last, int offline, TfLiteStatus status) {
    if (nested_ != 0) {
      return status;
    }
    state.refused += status != kTfLiteOk;
    if (state.events) {
      put("{\"buffer\":%d,\"bytes\":%d,\"first\":%d,\"last\":%d,\"offline\":%d}\n",
          GetBufferCount() - 1, size, first, last, offline);
    }
    return status;
  }

  static int nested_;
  TF_LITE_REMOVE_VIRTUAL_DELETE
};
int Planner::nested_ = 0;
static_assert(sizeof(Planner) == sizeof(GreedyMemoryPlanner) &&
                  alignof(Planner) == alignof(GreedyMemoryPlanner),
              "logging must not change the arena");

// --- kernels, whose calls say which operator is at work -----------------------------------------

constexpr unsigned kOperators = 0
#define OPERATOR(call) +1
#include "operators.inc"
#undef OPERATOR
    ;

using Operators = tflite::MicroMutableOpResolver<kOperators>;

/// Finds the registrations of `Operators`, but with functions that note the phase.
class Resolver : public tflite::MicroOpResolver {
 public:
  bool fill() {
    bool good = true;
#define OPERATOR(call) good = operators_.call() == kTfLiteOk && good;
#include "operators.inc"
#undef OPERATOR
    return good;
  }
  const TFLMRegistration *FindOp(tflite::BuiltinOperator code) const override {
    return noted(operators_.FindOp(code));
  }
  const TFLMRegistration *FindOp(const char *code) const override {
    return noted(operators_.FindOp(code));
  }
  tflite::TfLiteBridgeBuiltinParseFunction GetOpDataParser(
      tflite::BuiltinOperator code) const override {
    return operators_.GetOpDataParser(code);
  }

  /// The registration behind one that FindOp has given.
  static const TFLMRegistration &original(const TFLMRegistration *registration) {
    return *originals_[registration - copies_];
  }

 private:
  static const TFLMRegistration *noted(const TFLMRegistration *found);

  Operators operators_;
  static TFLMRegistration copies_[kOperators];
  static const TFLMRegistration *originals_[kOperators];
  static unsigned count_;
  TF_LITE_REMOVE_VIRTUAL_DELETE
};
TFLMRegistration Resolver::copies_[kOperators];
const TFLMRegistration *Resolver::originals_[kOperators];
unsigned Resolver::count_ = 0;

const TFLMRegistration &current() {
  const auto &graph = state.graph->GetAllocations()[state.graph->GetCurrentSubgraphIndex()];
  return Resolver::original(
      graph.node_and_registrations[state.graph->GetCurrentOperatorIndex()].registration);
}

void *noted_init(TfLiteContext *context, const char *buffer, size_t bytes) {
  state.phase = "init";
  return current().init(context, buffer, bytes);
}

TfLiteStatus noted_prepare(TfLiteContext *context, TfLiteNode *node) {
  state.phase = "prepare";
  return current().prepare(context, node);
}

const TFLMRegistration *Resolver::noted(const TFLMRegistration *found) {
  state.phase = "parse";
  ++state.parsed;
  if (found == nullptr) {
    return nullptr;
  }
  for (unsigned i = 0; i < count_; ++i) {
    if (originals_[i] == found) {
      return &copies_[i];
    }
  }
  TFLMRegistration &copy = copies_[count_];
  originals_[count_++] = found;
  copy = *found;
  copy.init = found->init == nullptr ? nullptr : noted_init;
  copy.prepare = found->prepare == nullptr ? nullptr : noted_prepare;
  return &copy;
}

// --- a private member, by the rule that explicit instantiation ignores access --------------------

template <typename Tag, typename Tag::Type kMember>
struct Reach {
  friend typename Tag::Type member(Tag) { return kMember; }
};
struct Graph {
  using Type = MicroInterpreterGraph MicroInterpreter::*;
  friend Type member(Graph);
};
template struct Reach<Graph, &MicroInterpreter::graph_>;

// --- jobs ---------------------------------------------------------------------------------------

struct Job {
  char model[128];
  unsigned long arena;
  int variables;
  int invocations;
  char inputs[128];
  char outputs[128];
  int events;
  char refusal[8];
  unsigned long persistent;
};

/// The second arena, behind the guard of the first.
uint8_t *persistent_arena(const Job &job) { return arena + job.arena + kGuardBytes; }

alignas(Resolver) unsigned char resolver_storage[sizeof(Resolver)];
alignas(MicroInterpreter) unsigned char interpreter_storage[sizeof(MicroInterpreter)];
Resolver *resolver;

/// What MicroAllocator::Create(arena, bytes) does, with the logging classes.
tflite::MicroAllocator *create(const Job &job) {
  if (state.split) {
    return tflite::MicroAllocator::Create(persistent_arena(job), job.persistent, arena, job.arena);
  }
  Allocator boot(arena, job.arena);
  Allocator *allocator = ::new (boot.AllocatePersistentBuffer(
      sizeof(SingleArenaBufferAllocator), alignof(SingleArenaBufferAllocator))) Allocator(boot);
  Planner *planner = ::new (allocator->AllocatePersistentBuffer(
      sizeof(GreedyMemoryPlanner), alignof(GreedyMemoryPlanner))) Planner();
  return tflite::MicroAllocator::Create(allocator, planner);
}

/// Nothing was written beside the arenas.
bool intact(const Job &job) {
  for (size_t i = 0; i < kGuardBytes; ++i) {
    if (storage[i] != kGuard || arena[job.arena + i] != kGuard ||
        (state.split && persistent_arena(job)[job.persistent + i] != kGuard)) {
      return false;
    }
  }
  return true;
}

bool invoke(MicroInterpreter &interpreter, const Job &job) {
  size_t given = 0;
  if (strcmp(job.inputs, "-") != 0) {
    given = file_load(job.inputs, input_bytes, kInputBytes);
  }
  const int outputs = strcmp(job.outputs, "-") == 0 ? -1 : file_open(job.outputs, true);
  size_t at = 0;
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (int round = 0; round < job.invocations; ++round) {
    for (size_t i = 0; i < interpreter.inputs_size(); ++i) {
      TfLiteTensor *input = interpreter.input(i);
      if (input->data.data == nullptr) {
        continue;
      }
      if (given < input->bytes) {
        memset(input->data.data, 0, input->bytes);
        continue;
      }
      if (at + input->bytes > given) {
        at = 0;
      }
      memcpy(input->data.data, input_bytes + at, input->bytes);
      at += input->bytes;
    }
    state.phase = "invoke";
    if (interpreter.Invoke() != kTfLiteOk) {
      return false;
    }
    for (size_t i = 0; i < interpreter.outputs_size(); ++i) {
      const TfLiteTensor *output = interpreter.output(i);
      const auto *data = static_cast<const uint8_t *>(output->data.data);
      for (size_t byte = 0; data != nullptr && byte < output->bytes; ++byte) {
        hash = (hash ^ data[byte]) * 0x100000001b3u;
      }
      if (outputs >= 0 && data != nullptr) {
        file_write(outputs, data, output->bytes);
      }
    }
  }
  if (outputs >= 0) {
    file_close(outputs);
  }
  put("{\"hash\":\"%08lx%08lx\"}\n", static_cast<unsigned long>(hash >> 32),
      static_cast<unsigned long>(hash & 0xffffffffu));
  return true;
}

/// How the job ends: "ok", or what failed.
const char *run(const Job &job) {
  const size_t bytes = file_load(job.model, model_bytes, kModelBytes);
  if (bytes == 0 || bytes == kModelBytes || job.arena + job.persistent > kArenaBytes) {
    return "unusable";
  }
  memset(storage, kGuard, kGuardBytes);
  memset(arena, kFill, job.arena);
  memset(arena + job.arena, kGuard, kGuardBytes);
  memset(persistent_arena(job), kFill, job.persistent);
  memset(persistent_arena(job) + job.persistent, kGuard, kGuardBytes);
  state = {};
  state.phase = "boot";
  state.events = job.events != 0;
  state.stop = strcmp(job.refusal, "stop") == 0;
  state.split = job.persistent != 0;
  state.model = tflite::GetModel(model_bytes);
  if (state.model->version() != TFLITE_SCHEMA_VERSION) {
    return "schema";
  }
  for (const auto *graph : *state.model->subgraphs()) {
    state.operators += graph->operators() == nullptr ? 0 : static_cast<int>(graph->operators()->size());
  }
  if (setjmp(state.refuse) != 0) {
    return "refused";
  }
  tflite::MicroAllocator *allocator = create(job);
  tflite::MicroResourceVariables *variables = nullptr;
  if (job.variables != 0) {
    state.phase = "variables";
    variables = tflite::MicroResourceVariables::Create(allocator, job.variables);
  }
  state.phase = "start";
  auto *interpreter = ::new (static_cast<void *>(interpreter_storage))
      MicroInterpreter(state.model, *resolver, allocator, variables);
  state.graph = &(interpreter->*member(Graph()));
  if (interpreter->AllocateTensors() != kTfLiteOk) {
    return "allocate";
  }
  put("{\"used\":%lu,\"tensors\":[", static_cast<unsigned long>(allocator->used_bytes()));
  for (size_t i = 0; i < interpreter->inputs_size(); ++i) {
    const TfLiteTensor *tensor = interpreter->input(i);
    put("%s[\"in\",%d,%lu]", i == 0 ? "" : ",", tensor->type,
        static_cast<unsigned long>(tensor->bytes));
  }
  for (size_t i = 0; i < interpreter->outputs_size(); ++i) {
    const TfLiteTensor *tensor = interpreter->output(i);
    put("%s[\"out\",%d,%lu]", i + interpreter->inputs_size() == 0 ? "" : ",", tensor->type,
        static_cast<unsigned long>(tensor->bytes));
  }
  put("]}\n");
  flush();
  if (job.invocations != 0 && !invoke(*interpreter, job)) {
    return "invoke";
  }
  return intact(job) ? "ok" : "overrun";
}

char jobs[1u << 18];

}  // namespace

extern "C" void DebugLog(const char *format, va_list arguments) {
  char line[256];
  vsnprintf(line, sizeof line, format, arguments);
  put("{\"message\":\"");
  for (const char *at = line; *at != 0; ++at) {
    put(*at == '"' || *at == '\\' ? "\\%c" : static_cast<unsigned char>(*at) < 32 ? " " : "%c", *at);
  }
  put("\"}\n");
  // of persistent_ and non_persistent_arena_buffer_allocator.cc
  if (state.split && (strncmp(line, "Failed to allocate t", 20) == 0 ||
                      strncmp(line, "Failed to resize buffer", 23) == 0)) {
    ++state.refused;
    if (state.stop) {
      longjmp(state.refuse, 1);
    }
  }
}

extern "C" int DebugVsnprintf(char *buffer, size_t bytes, const char *format, va_list list) {
  return vsnprintf(buffer, bytes, format, list);
}

int main() {
  report = file_open("truth.jsonl", true);
  const size_t bytes = file_load("jobs.txt", reinterpret_cast<uint8_t *>(jobs), sizeof jobs - 1);
  resolver = ::new (static_cast<void *>(resolver_storage)) Resolver();
  if (report < 0 || bytes == 0 || !resolver->fill()) {
    return 2;
  }
  put("{\"per_buffer\":%lu}\n", static_cast<unsigned long>(GreedyMemoryPlanner::per_buffer_size()));
  int number = 0;
  for (char *line = strtok(jobs, "\n"); line != nullptr; line = strtok(nullptr, "\n")) {
    Job job;
    if (sscanf(line, "%127s %lu %d %d %127s %127s %d %7s %lu", job.model, &job.arena,
               &job.variables, &job.invocations, job.inputs, job.outputs, &job.events, job.refusal,
               &job.persistent) != 9) {
      return 3;
    }
    put("{\"job\":%d}\n", number++);
    flush();
    const char *end = run(job);
    put("{\"end\":\"%s\",\"refused\":%d,\"overlaps\":%d}\n", end, state.refused, state.overlaps);
    flush();
  }
  file_close(report);
  return 0;
}
