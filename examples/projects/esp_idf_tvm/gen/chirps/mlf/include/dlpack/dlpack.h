// SPDX-License-Identifier: Apache-2.0
/// Tensors as handles: the part of DLPack that TVM's C code uses. Brought by gen-fw; do not edit.
#ifndef GEN_FW_DLPACK_H_
#define GEN_FW_DLPACK_H_

#include <stddef.h>
#include <stdint.h>

typedef enum { kDLCPU = 1 } DLDeviceType;

typedef struct {
  DLDeviceType device_type;
  int32_t device_id;
} DLDevice;

typedef enum { kDLInt = 0U, kDLUInt = 1U, kDLFloat = 2U, kDLOpaqueHandle = 3U } DLDataTypeCode;

typedef struct {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;

typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} DLTensor;

#endif  // GEN_FW_DLPACK_H_
