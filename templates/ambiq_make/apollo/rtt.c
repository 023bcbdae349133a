// SPDX-License-Identifier: Apache-2.0
// The control block that a J-Link looks for in RAM, with one channel to the host: layout and fields
// as in SEGGER's description of RTT (kb.segger.com/RTT).

#include "rtt.h"

#include <stdint.h>
#include <string.h>

enum { kBufferBytes = 2048, kSkip = 0 };

struct channel {
  const char *name;
  char *buffer;
  uint32_t bytes;
  volatile uint32_t write;
  volatile uint32_t read;
  uint32_t mode;
};

struct control_block {
  char id[16];
  int32_t up_channels;
  int32_t down_channels;
  struct channel up;
};

static char buffer[kBufferBytes];
static struct control_block rtt;

static void start(void) {
  rtt.up_channels = 1;
  rtt.up = (struct channel){"Terminal", buffer, sizeof buffer, 0, 0, kSkip};
  // backwards, and not as one constant: the debugger must not find the text anywhere else
  static const char reversed[] = "TTR REGGES";
  for (size_t i = 0; i < sizeof reversed - 1; ++i) {
    rtt.id[i] = reversed[sizeof reversed - 2 - i];
  }
}

bool rtt_write(const char *text, size_t bytes) {
  if (rtt.up_channels == 0) {
    start();
  }
  for (size_t i = 0; i < bytes; ++i) {
    const uint32_t next = (rtt.up.write + 1) % kBufferBytes;
    if (next == rtt.up.read) {
      return false;
    }
    buffer[rtt.up.write] = text[i];
    __asm__ volatile("dmb" : : : "memory");  // the text before its length
    rtt.up.write = next;
  }
  return true;
}
