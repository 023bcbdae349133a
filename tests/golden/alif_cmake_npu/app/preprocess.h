// SPDX-License-Identifier: Apache-2.0
// From the world to the model's inputs. This file is yours: gen-fw will not touch it again.
#ifndef PREPROCESS_H_
#define PREPROCESS_H_

/// Takes the next sample and writes it to all inputs of svdf.
void svdf_preprocess(void);

#endif  // PREPROCESS_H_
