// SPDX-License-Identifier: Apache-2.0
#ifndef MOCK_TILE_RAM_SERVER_H_
#define MOCK_TILE_RAM_SERVER_H_
#include "flash_server.h"
void tile_ram_server(chanend_t *clients, flash_t *headers, int count, const int8_t *data);
#endif  // MOCK_TILE_RAM_SERVER_H_
