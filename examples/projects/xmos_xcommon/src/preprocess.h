// SPDX-License-Identifier: Apache-2.0
// From the world to the model's inputs. This file is yours: gen-fw will not touch it again.
#pragma once

/// Takes the next sample and writes it to all inputs of digits_int8.
void digits_int8_preprocess();
