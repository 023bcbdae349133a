// SPDX-License-Identifier: Apache-2.0
// This computer: a monotonic clock, and files by POSIX calls.

#define _POSIX_C_SOURCE 200809L

#include "board.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/// Far below the 8 MiB that systems give to main.
enum { kStackBytes = 256 * 1024 };

uint64_t board_count(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// Makes the system (or valgrind) map the pages, by a frame that reaches down to the last one.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static uint8_t *deep_frame(void) {
  volatile uint8_t frame[kStackBytes];
  for (size_t i = 0; i < sizeof frame; i += 1024) {
    frame[i] = 0;
  }
  return (uint8_t *)__builtin_frame_address(0) - sizeof frame + 1024;
}

uint8_t *board_stack_limit(void) {
  static uint8_t *limit;
  if (limit == NULL) {
    limit = deep_frame();
  }
  return limit;
}

int board_open(const char *path, bool write) {
  return open(path, write ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0644);
}

size_t board_read(int file, void *data, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t step = read(file, (uint8_t *)data + done, bytes - done);
    if (step <= 0) {
      break;
    }
    done += (size_t)step;
  }
  return done;
}

bool board_write(int file, const void *data, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t step = write(file, (const uint8_t *)data + done, bytes - done);
    if (step <= 0) {
      return false;
    }
    done += (size_t)step;
  }
  return true;
}

void board_close(int file) { close(file); }
