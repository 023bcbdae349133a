# SPDX-License-Identifier: Apache-2.0
"""Loose arguments become a Request; what was stored completes it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gen_fw.errors import UsageError
from gen_fw.project.intent import Intent, ModelIntent, merge, read_intent, render_intent, to_intent
from gen_fw.request import Options, request

INTENT = Intent(
    "esp32s3",
    (ModelIntent("kws", "gen/kws/model.tflite", "gen/kws/labels.txt", "seeded input", "00"),),
    {"place": {"arena": "psram"}, "arena_margin": "10%", "ci": "github", "offline_plan": False},
)


def test_files_pair_up_in_order_or_by_name() -> None:
    both = request(["a.tflite", "b.tflite"], "x", labels=["la", "lb"], goldens=["b=gb"])
    assert [m.labels for m in both.models] == [Path("la"), Path("lb")]
    assert [m.golden for m in both.models] == [None, Path("gb")]
    named = request(["a.tflite", "b.tflite"], "x", names=["one", "two"], labels=["two=l", "k"])
    assert [m.labels for m in named.models] == [Path("k"), Path("l")]
    assert request(["a.tflite"], "x", labels=["odd=name"]).models[0].labels == Path("odd=name")


@pytest.mark.parametrize(
    "arguments",
    [
        {"labels": ["only one"]},
        {"goldens": ["1", "2", "3"]},
        {"samples": ["a=1", "a=2"]},
        {"names": ["1", "2", "3"]},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_paired_is_refused(arguments: dict[str, list[str]]) -> None:
    with pytest.raises(UsageError):
        request(["a.tflite", "b.tflite"], "x", **arguments)


@pytest.mark.parametrize(
    "options",
    [
        {"optimise": "fast"},
        {"ci": "jenkins"},
        {"model_format": ""},
        {"arena_size": 0},
        {"max_arena": -1},
        {"reserve": {"internal": 1 << 50}},
        {"arena_margin": -1},
        {"arena_margin": "10"},
        {"arena_margin": "1e9%"},
        {"arena_margin": 16, "arena_size": 4096},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--" + next(iter(options)).replace("_", "-")):
        request([], **options)


def test_files_without_a_model_are_refused() -> None:
    with pytest.raises(UsageError, match="without a model"):
        request([], labels=["labels.txt"])


def test_several_models_keep_their_labels_by_name() -> None:
    two = Intent(
        "esp32s3",
        (ModelIntent("a", "gen/a/model.tflite", "gen/a/labels.txt"), ModelIntent("b", "b.tflite")),
    )
    merged = merge(request(["x/b.tflite", "x/A.tflite"]), two, Path("p"))
    assert [m.name for m in merged.models] == ["b", "a"]
    assert [m.labels for m in merged.models] == [None, Path("p/gen/a/labels.txt")]


def test_explicit_arguments_win_over_stored_ones() -> None:
    asked = request(["new.tflite"], "", ci="none")
    merged = merge(asked, INTENT, Path("proj"))
    assert merged.board == "esp32s3"
    assert merged.options.place == {"arena": "psram"} and merged.options.ci == "none"
    # the only model keeps its name, so that the application still compiles
    assert merged.models[0].name == "kws" and merged.models[0].path == Path("new.tflite")
    assert merged.models[0].labels == Path("proj/gen/kws/labels.txt")

    regenerated = merge(request([]), INTENT, Path("proj"))
    assert regenerated.models[0].path == Path("proj/gen/kws/model.tflite")


def test_settings_survive_a_round_trip_with_the_users_comments(tmp_path: Path) -> None:
    text = render_intent(INTENT)
    (tmp_path / "gen-fw.toml").write_text(text)
    assert read_intent(tmp_path) == INTENT
    assert render_intent(INTENT, text) == text

    commented = text.replace('board = "esp32s3"', 'board = "esp32s3"  # rev B')
    assert render_intent(INTENT, commented) == commented
    other = to_intent("esp32c3", INTENT.models, Options(reserve={"internal": 4096}), "")
    changed = render_intent(other, commented)
    assert "# rev B" in changed and "psram" not in changed
    assert tomllib.loads(changed) == tomllib.loads(render_intent(other))
    more = Intent("esp32c3", (*INTENT.models, ModelIntent("b", "gen/b/model.tflite")), {})
    assert tomllib.loads(render_intent(more, commented)) == tomllib.loads(render_intent(more))


@pytest.mark.parametrize(
    "line",
    [
        'board = "x"',
        'schema = "gen-fw/project/9"\nboard = "x"',
        'schema = "gen-fw/project/1"\nboard = 7',
        'schema = "gen-fw/project/1"\nboard = "x"\ncolour = 1',
        'schema = "gen-fw/project/1"\nboard = "x"\narena_size = -1',
        'schema = "gen-fw/project/1"\nboard = "x"\narena_size = true',
        'schema = "gen-fw/project/1"\nboard = "x"\narena_margin = true',
        'schema = "gen-fw/project/1"\nboard = "x"\narena_margin = "much"',
        'schema = "gen-fw/project/1"\nboard = "x"\nplace = {arena = 1}',
        'schema = "gen-fw/project/1"\nboard = "x"\n[[model]]\nname = "a"\npath = "../secret"',
        'schema = "gen-fw/project/1"\nboard = "x"\n[[model]]\nname = "a"\npath = "/etc/passwd"',
        'schema = "gen-fw/project/1"\nboard = "x"\nmodel = 3',
        'schema = "gen-fw/project/1"\nboard = "x"\n[[model]]\nname = "a"\npath = "m"\ncolour = 1',
        'schema = "gen-fw/project/1"\nboard = "x"\n[[model]]\nname = "a"\npath = ""',
        'schema = "gen-fw/project/1"\nboard = "../x.toml"',
        'schema = "gen-fw/project/1"\nboard = "/etc/x.toml"',
        'schema = "gen-fw/project/1"\nboard = "x"\ntemplate_dir = "/etc"',
        'schema = "gen-fw/project/1"\nboard = "x"\ntemplate_dir = "a/../../b"',
        'schema = "gen-fw/project/1"\nboard = "x"\noptimise = "fast"',
        'schema = "gen-fw/project/1"\nboard = "x"\nreserve = {internal = -1}',
        'schema = "gen-fw/project/1"\nboard = "x"\narena_size = ' + "9" * 5000,
        "a = " + "[" * 5000,
        "not toml at all [",
        "board = '\\xff'",
    ],
)
def test_broken_settings_are_one_clear_error(tmp_path: Path, line: str) -> None:
    (tmp_path / "gen-fw.toml").write_text(line)
    with pytest.raises(UsageError) as caught:
        read_intent(tmp_path)
    assert "gen-fw.toml" in caught.value.where
