// SPDX-License-Identifier: Apache-2.0
// Servers of parameters that keep to the protocol of lib_tflite_micro's flash_server and
// tile_ram_server: version, header of each client, commands with an address and a size.

#include <poll.h>
#include <string.h>

#include "tile_ram_server.h"

enum { kVersionAt = 32, kMost = 8 };

static uint8_t image[1 << 20];

static void serve(chanend_t client, const uint8_t *data, int parameters) {
  const uint32_t address = chan_in_word(client);
  const uint32_t bytes = chan_in_word(client);
  for (uint32_t at = 0; at < bytes; at += 4) {
    uint32_t word;
    memcpy(&word, data + parameters + address + at, sizeof word);
    chan_out_word(client, word);
  }
}

void flash_server(chanend_t *clients, flash_t *headers, int count, fl_QSPIPorts *ports,
                  fl_QuadDeviceSpec *devices, int device_count) {
  FILE *file = fopen("gen/flash.bin", "rb");
  if (file == NULL || ports->select != PORT_SQI_CS || devices[0].device != 7 || device_count != 1) {
    exit(90);
  }
  const size_t size = fread(image, 1, sizeof image, file);
  for (size_t i = 0; i < size; ++i) {
    image[i] = (uint8_t)(image[i] << 4 | image[i] >> 4);
  }
  if (memcmp(image + kVersionAt, "\x01\x02\xfe\xfd", 4) != 0) {
    exit(91);
  }
  memcpy(headers, image + kVersionAt + 4, (size_t)count * sizeof *headers);
  struct pollfd waiting[kMost];
  for (int i = 0; i < count; ++i) {
    waiting[i] = (struct pollfd){.fd = (int)clients[i], .events = POLLIN};
  }
  for (;;) {
    poll(waiting, (nfds_t)count, -1);
    for (int i = 0; i < count; ++i) {
      if (!(waiting[i].revents & POLLIN)) {
        continue;
      }
      const uint32_t command = chan_in_word(clients[i]);
      if (command == FLASH_SERVER_QUIT) {
        printf("flash server ended\n");
        return;
      }
      if (command == FLASH_READ_PARAMETERS) {
        chan_out_word(clients[i], 0);
        serve(clients[i], image, headers[i].parameters_start);
      } else if (command != FLASH_SERVER_INIT) {
        exit(92);
      }
    }
  }
}

void tile_ram_server(chanend_t *clients, flash_t *headers, int count, const int8_t *data) {
  if (count != 1 || memcmp(data, "\x01\x02\xfe\xfd", 4) != 0) {
    exit(93);
  }
  memcpy(headers, data + 4, sizeof *headers);
  for (;;) {
    const uint32_t command = chan_in_word(clients[0]);
    if (command == FLASH_SERVER_QUIT) {
      printf("tile server ended\n");
      return;
    }
    if (command == FLASH_READ_PARAMETERS) {
      chan_out_word(clients[0], 1);
      serve(clients[0], (const uint8_t *)data, headers[0].parameters_start);
    } else if (command != FLASH_SERVER_INIT) {
      exit(94);
    }
  }
}
