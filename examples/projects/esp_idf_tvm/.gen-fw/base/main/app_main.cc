// SPDX-License-Identifier: Apache-2.0
// Application: self-test, then one inference after another in a task of its own.
// This file is yours: gen-fw wrote it once and will not touch it again.

#include <cstdint>
#include <cstdio>

#include "esp_app_desc.h"
#include "esp_log.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "gen_fw.h"
#include "chirps/chirps.h"
#include "chirps/chirps_selftest.h"
#include "postprocess.h"
#include "preprocess.h"
#include "sdkconfig.h"

#if GEN_FW_ABI != 1
#error "gen/ has another C API than this application was written for: see gen-fw's CHANGELOG"
#endif

namespace {

constexpr char kTag[] = "app";

constexpr uint32_t kStackBytes = CHIRPS_STACK_BYTES;

/// What runs here: the first thing to ask for in a bug report.
void print_banner() {
  const esp_app_desc_t *app = esp_app_get_description();
  ESP_LOGI(kTag, "%s %s, ESP-IDF %s, esp32c3", app->project_name, app->version, app->idf_ver);
  ESP_LOGI(kTag, "chirps: tvm (tvm), model %.8s, arena %u bytes",
           CHIRPS_MODEL_SHA256, static_cast<unsigned>(CHIRPS_ARENA_BYTES));
}

bool succeeded(enum gen_fw_status status, const char *step) {
  if (status != GEN_FW_OK) {
    ESP_LOGE(kTag, "%s: %s (%d)", step, gen_fw_status_text(status), static_cast<int>(status));
  }
  return status == GEN_FW_OK;
}

/// Self-tests first, as a wrong result is worse than none; then the models stay initialised.
bool start_models() {
#if CONFIG_APP_SELFTEST
  if (!succeeded(chirps_selftest(), "self-test of chirps")) {
    return false;
  }
#else
  if (!succeeded(chirps_init(), "chirps_init")) {
    return false;
  }
#endif
  ESP_LOGI(kTag, "chirps: %u bytes of the arena in use", static_cast<unsigned>(chirps_arena_used()));
  return true;
}

bool infer_chirps() {
  chirps_preprocess();
  const int64_t start = esp_timer_get_time();
  if (!succeeded(chirps_invoke(), "chirps_invoke")) {
    return false;
  }
  const int64_t microseconds = esp_timer_get_time() - start;
  std::printf("chirps: %lld us\n", static_cast<long long>(microseconds));
  chirps_postprocess();
  return true;
}

void inference_task(void *) {
  if (start_models()) {
    bool first = true;
    while (infer_chirps()) {
      if (first) {
        ESP_LOGI(kTag, "%u of %u bytes of stack never used",
                 static_cast<unsigned>(uxTaskGetStackHighWaterMark(nullptr)),
                 static_cast<unsigned>(kStackBytes));
        first = false;
      }
      // lets the idle task run, which feeds the task watchdog
      vTaskDelay(pdMS_TO_TICKS(CONFIG_APP_INFERENCE_PERIOD_MS));
    }
  }
  ESP_LOGE(kTag, "inference has stopped");
  vTaskDelete(nullptr);
}

}  // namespace

extern "C" void app_main(void) {
  print_banner();
  if (xTaskCreatePinnedToCore(inference_task, "inference", kStackBytes, nullptr,
                              CONFIG_APP_INFERENCE_PRIORITY, nullptr,
                              CONFIG_APP_INFERENCE_CORE) != pdPASS) {
    ESP_LOGE(kTag, "no memory for the inference task");
  }
}
