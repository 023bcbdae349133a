// SPDX-License-Identifier: Apache-2.0
// From the model's outputs to a decision. This file is yours: gen-fw will not touch it again.
#ifndef POSTPROCESS_H_
#define POSTPROCESS_H_

/// Reads all outputs of digits_int8 after an inference and reports what they say.
void digits_int8_postprocess(void);

#endif  // POSTPROCESS_H_
