# SPDX-License-Identifier: Apache-2.0
"""Our tables and our planner against a real TFLM tree."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from sdk_trees import Tree

from gen_fw.memory.buffers import Buffer, align
from gen_fw.memory.greedy import plan
from gen_fw.runtimes.tflm import table

pytestmark = pytest.mark.sdk

ROOT = Path(__file__).resolve().parents[2]
MAIN = """
#include <cstdio>
#include <cstdarg>
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
void MicroPrintf(const char*, ...) {}
void VMicroPrintf(const char*, va_list) {}
int main() {
  static unsigned char work[1 << 20];
  int count;
  while (std::scanf("%d", &count) == 1) {
    tflite::GreedyMemoryPlanner planner;
    planner.Init(work, sizeof(work));
    for (int i = 0; i < count; ++i) {
      int size, first, last, offline;
      if (std::scanf("%d %d %d %d", &size, &first, &last, &offline) != 4) return 1;
      if (offline < 0) planner.AddBuffer(size, first, last);
      else planner.AddBuffer(size, first, last, offline);
    }
    std::printf("%zu", planner.GetMaximumMemorySize());
    for (int i = 0; i < count; ++i) {
      int offset = -1;
      planner.GetOffsetForBuffer(i, &offset);
      std::printf(" %d", offset);
    }
    std::printf("\\n");
  }
  return 0;
}
"""


def test_the_operator_table_is_what_the_tree_says(tflm_tree: Tree) -> None:
    release = f"esp-tflite-micro-{tflm_tree.version}"
    if release not in table.releases():
        pytest.skip(f"no table for {release}")
    path = ROOT / "tools" / "make_tflm_tables.py"
    spec = importlib.util.spec_from_file_location("make_tflm_tables", path)
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    stored = table.load(release)
    made = tool.make_table(tflm_tree.root, release, stored.revision, "esp_nn")
    data = ROOT / "generator/gen_fw/runtimes/tflm/data" / f"{release}.json"
    assert json.loads(data.read_text("utf-8")) == made


@pytest.fixture(scope="module")
def planner(tflm_tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TFLM's own planner behind a pipe."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no host C++ compiler")
    folder = tmp_path_factory.mktemp("planner")
    (folder / "main.cc").write_text(MAIN, "utf-8")
    source = tflm_tree.root / "tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc"
    command = [compiler, "-std=c++17", "-O1", "-w", f"-I{tflm_tree.root}"]
    command += [f"-I{tflm_tree.root / 'third_party' / name}" for name in ("flatbuffers/include",)]
    binary = folder / "planner"
    subprocess.run([*command, str(folder / "main.cc"), str(source), "-o", str(binary)], check=True)
    return binary


def random_buffers(rng: random.Random) -> list[Buffer]:
    buffers = []
    for _ in range(rng.randint(1, 60)):
        first = rng.randint(-1, 30)
        size = rng.choice([16, 16, 32, 64, 100, rng.randint(1, 3000)])
        offline = 16 * rng.randint(0, 60) if rng.random() < 0.15 else None
        buffers.append(Buffer(align(size), first, first + rng.randint(0, 12), "", offline))
    return buffers


def test_our_planner_is_theirs(planner: Path) -> None:
    """Same offsets for 10 000 random sets, ties and fixed offsets included."""
    rng = random.Random(5)
    cases = [random_buffers(rng) for _ in range(10_000)]
    text = "\n".join(
        f"{len(case)} "
        + " ".join(
            f"{b.bytes} {b.first_use} {b.last_use} "
            f"{-1 if b.offline_offset is None else b.offline_offset}"
            for b in case
        )
        for case in cases
    )
    done = subprocess.run([planner], input=text, capture_output=True, text=True, check=True)
    answers = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    for case, (size, *offsets) in zip(cases, answers, strict=True):
        ours = plan(case)
        assert ours.offsets == tuple(offsets)
        assert ours.bytes == size
