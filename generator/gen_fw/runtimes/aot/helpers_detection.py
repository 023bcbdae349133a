# SPDX-License-Identifier: Apache-2.0
"""Small functions of the generated C for boxes: ymin, xmin, ymax, xmax."""

from __future__ import annotations

HELPERS: dict[str, str] = {
    "shared_part": """\
/// The area that two boxes share, as a part of what they cover; 0 for empty boxes.
static float shared_part(const float *a, const float *b) {
  const float area_a = (a[2] - a[0]) * (a[3] - a[1]);
  const float area_b = (b[2] - b[0]) * (b[3] - b[1]);
  if (area_a <= 0.0f || area_b <= 0.0f) {
    return 0.0f;
  }
  const float height = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]);
  const float width = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]);
  const float both = (height > 0.0f ? height : 0.0f) * (width > 0.0f ? width : 0.0f);
  return both / (area_a + area_b - both);
}
""",
    "pick_boxes": """\
/// Non-maximum suppression: at most limit of the boxes with a score of threshold or more, the best
/// first, none that shares more than most with a better one. Returns how many there are.
static int32_t pick_boxes(const float *boxes, const float *scores, uint8_t *active, int32_t count,
                          float threshold, float most, int32_t limit, int32_t *picked) {
  for (int32_t i = 0; i < count; ++i) {
    active[i] = scores[i] >= threshold ? 1 : 0;
  }
  int32_t number = 0;
  while (number < limit) {
    int32_t best = -1;
    for (int32_t i = 0; i < count; ++i) {
      if (active[i] != 0 && (best < 0 || scores[i] > scores[best])) {
        best = i;
      }
    }
    if (best < 0) {
      break;
    }
    picked[number++] = best;
    active[best] = 0;
    for (int32_t i = 0; i < count; ++i) {
      if (active[i] != 0 && shared_part(boxes + 4 * best, boxes + 4 * i) > most) {
        active[i] = 0;
      }
    }
  }
  return number;
}
""",
}
