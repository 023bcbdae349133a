// SPDX-License-Identifier: Apache-2.0
// Host stand-in for FreeRTOS' header.
#pragma once

#include "freertos/FreeRTOS.h"

#ifdef __cplusplus
extern "C" {
#endif

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t code, const char *name, uint32_t stack,
                                   void *argument, UBaseType_t priority, TaskHandle_t *handle,
                                   BaseType_t core);
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
void vTaskDelay(TickType_t ticks);
void vTaskDelete(TaskHandle_t task);

#ifdef __cplusplus
}
#endif
