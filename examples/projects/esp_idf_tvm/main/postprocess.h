// SPDX-License-Identifier: Apache-2.0
// From the model's outputs to a decision. This file is yours: gen-fw will not touch it again.
#pragma once

/// Reads all outputs of chirps after an inference and reports what they say.
void chirps_postprocess();
