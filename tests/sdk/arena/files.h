// SPDX-License-Identifier: Apache-2.0
/// Files of the host: by semihosting on an emulated core, by the C library on this computer.
#ifndef FILES_H_
#define FILES_H_

#include <stddef.h>
#include <stdint.h>

#if defined(ON_HOST)
#include <fcntl.h>
#include <unistd.h>

inline int file_open(const char *path, bool writing) {
  return open(path, writing ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0644);
}
inline size_t file_read(int file, void *data, size_t bytes) {
  const ssize_t step = read(file, data, bytes);
  return step > 0 ? static_cast<size_t>(step) : 0;
}
inline bool file_write(int file, const void *data, size_t bytes) {
  return write(file, data, bytes) == static_cast<ssize_t>(bytes);
}
inline void file_close(int file) { close(file); }
#else
#include "semihosting.h"

inline int file_open(const char *path, bool writing) { return semihosting_open(path, writing); }
inline size_t file_read(int file, void *data, size_t bytes) {
  return semihosting_read(file, data, bytes);
}
inline bool file_write(int file, const void *data, size_t bytes) {
  return semihosting_write(file, data, bytes);
}
inline void file_close(int file) { semihosting_close(file); }
#endif

/// The bytes of a file, at most `bytes`; 0 when there is none.
inline size_t file_load(const char *path, uint8_t *data, size_t bytes) {
  const int file = file_open(path, false);
  if (file < 0) {
    return 0;
  }
  size_t done = 0;
  while (done < bytes) {
    const size_t step = file_read(file, data + done, bytes - done);
    if (step == 0) {
      break;
    }
    done += step;
  }
  file_close(file);
  return done;
}

#endif  // FILES_H_
