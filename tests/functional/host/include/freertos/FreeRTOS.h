// SPDX-License-Identifier: Apache-2.0
// Host stand-in for FreeRTOS: one task, which ends the program after some inferences.
#pragma once

#include <stdint.h>

typedef int BaseType_t;
typedef unsigned UBaseType_t;
typedef uint32_t TickType_t;
typedef struct task *TaskHandle_t;
typedef void (*TaskFunction_t)(void *);

#define pdPASS 1
#define pdMS_TO_TICKS(ms) ((TickType_t)(ms))
