// SPDX-License-Identifier: Apache-2.0
/// Commands and types of the servers of parameters (lib_tflite_micro); the servers are in servers.c.
#ifndef MOCK_FLASH_SERVER_H_
#define MOCK_FLASH_SERVER_H_
#include "mock_xcore.h"
#include "quadflash.h"
typedef struct {
  int model_start, parameters_start, operators_start, execute_in_place_start;
} flash_t;
enum { FLASH_READ_PARAMETERS = 0, FLASH_SERVER_QUIT = 4, FLASH_SERVER_INIT = 5 };
void flash_server(chanend_t *clients, flash_t *headers, int count, fl_QSPIPorts *ports,
                  fl_QuadDeviceSpec *devices, int device_count);
#endif  // MOCK_FLASH_SERVER_H_
