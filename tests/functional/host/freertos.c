// SPDX-License-Identifier: Apache-2.0
// FreeRTOS and ESP-IDF for one task on the host: runs app_main, ends after three inferences.

#include <stdio.h>
#include <stdlib.h>

#include "esp_app_desc.h"
#include "esp_timer.h"
#include "freertos/task.h"

enum { kInferences = 3 };

void app_main(void);

static int failed = 1;

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t code, const char *name, uint32_t stack,
                                   void *argument, UBaseType_t priority, TaskHandle_t *handle,
                                   BaseType_t core) {
  printf("task %s, %u bytes of stack, priority %u, core %d\n", name, (unsigned)stack, priority,
         core);
  (void)handle;
  code(argument);
  return pdPASS;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task) {
  (void)task;
  return 1234;
}

void vTaskDelay(TickType_t ticks) {
  static int count;
  if (ticks == 0) {
    puts("no tick for the idle task");
    exit(1);
  }
  if (++count == kInferences) {
    failed = 0;
    exit(0);
  }
}

void vTaskDelete(TaskHandle_t task) { (void)task; }

int64_t esp_timer_get_time(void) {
  static int64_t now;
  return now += 1000;
}

const esp_app_desc_t *esp_app_get_description(void) {
  static const esp_app_desc_t description = {"1.0", "host", "v0"};
  return &description;
}

int main(void) {
  app_main();
  return failed;
}
