// SPDX-License-Identifier: Apache-2.0
/// xcore.ai as far as gen/start.c needs it: a channel is a socket pair, a job or a tile is a process.
#ifndef MOCK_XCORE_H_
#define MOCK_XCORE_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned chanend_t;
typedef struct {
  chanend_t end_a, end_b;
} channel_t;

static inline channel_t chan_alloc(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
    exit(99);
  }
  return (channel_t){(chanend_t)ends[0], (chanend_t)ends[1]};
}

static inline void chan_out_word(chanend_t end, uint32_t word) {
  if (write((int)end, &word, sizeof word) != (ssize_t)sizeof word) {
    exit(98);
  }
}

static inline uint32_t chan_in_word(chanend_t end) {
  uint32_t word = 0;
  if (recv((int)end, &word, sizeof word, MSG_WAITALL) != (ssize_t)sizeof word) {
    exit(97);
  }
  return word;
}

#define DECLARE_JOB(function, arguments) void function arguments
#define PJOB(function, arguments) \
  ({                              \
    const pid_t child = fork();   \
    if (child == 0) {             \
      function arguments;         \
      fflush(stdout);             \
      _exit(0);                   \
    }                             \
    child;                        \
  })

/// Waits for all children; 0 when all have ended with 0.
static inline int mock_join(void) {
  int failed = 0;
  int status = 0;
  while (wait(&status) > 0) {
    failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  }
  return failed;
}

#define PAR_JOBS(...)                          \
  do {                                         \
    const pid_t jobs[] = {__VA_ARGS__};        \
    (void)jobs;                                \
    if (mock_join()) {                         \
      exit(96);                                \
    }                                          \
  } while (0)

#endif  // MOCK_XCORE_H_
