# SPDX-License-Identifier: Apache-2.0
"""From an input to a program without a vendor's compiler: which runtime, which kernels, and the
arena's size as asked. What is compiled for an NPU is lowered by ``npu_programs``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gen_fw.boards.board import Accelerator, Board
from gen_fw.errors import UsageError
from gen_fw.inputs import Source
from gen_fw.model.types import Model
from gen_fw.program import Program, as_estimate
from gen_fw.request import Options

Lower = Callable[[Source, str], Program]


def compiling(options: Options, board: Board) -> Accelerator | None:
    """The NPU that models are compiled for; None when they run on the CPU alone.

    Raises UsageError for a compiler that the board does not have, and for options that exclude
    each other.
    """
    npu = board.accelerator
    runtime = options.runtime or board.default_runtime
    if npu is not None and options.kernels == "ethos_u":
        raise UsageError(
            f"--kernels ethos_u follows from --compiler {npu.compiler}",
            hint="leave --kernels out",
        )
    if options.compiler not in ("", "none"):
        if npu is None or npu.compiler != options.compiler:
            known = f"--compiler {npu.compiler} or " if npu else "use "
            raise UsageError(
                f"board {board.name} has no compiler {options.compiler!r:.80}",
                hint=f"{known}--compiler none",
            )
        if runtime != "tflm":
            raise UsageError(
                f"--compiler {options.compiler} needs the runtime tflm",
                why=f"runtime {runtime} does not call the NPU",
                hint="--runtime tflm, or --compiler none",
            )
    if npu is None or options.compiler == "none" or runtime != "tflm":
        if options.compiler_options:
            raise UsageError("--compiler-option: no compiler runs", hint="leave it out")
        return None
    if options.kernels == "reference":
        raise UsageError(
            "--kernels reference: what the NPU leaves to the CPU runs on CMSIS-NN",
            hint="leave --kernels out, or --compiler none",
        )
    return npu


def lowering(options: Options, board: Board) -> Lower:
    """What makes a program of a model and a name, without a compiler: the wanted runtime, then the
    arena's size as asked. Raises UsageError for a runtime, or kernels of the board, that do not
    exist; the function raises ModelError, UsageError and DoesNotFitError."""
    from gen_fw.project.names import check_function
    from gen_fw.runtimes.aot.lower import lower as lower_aot
    from gen_fw.runtimes.aot.target import target_on
    from gen_fw.runtimes.mlf.lower import lower as lower_mlf
    from gen_fw.runtimes.tflm.abi import kernels_of
    from gen_fw.runtimes.tflm.lower import lower as lower_tflm
    from gen_fw.runtimes.tflm.prebuilt import upper_bound

    runtime = options.runtime or board.default_runtime
    if runtime not in ("aot", "tflm", "tvm"):
        raise UsageError(f"there is no runtime {runtime!r}", hint="known: aot, tflm, tvm")
    if runtime == "aot":
        target_on(board, options.optimise, options.kernels)
        _buildable(board, options)
    elif options.kernels not in ("", "auto", board.kernels):
        kernels_of(board, options.kernels)
    for function in options.custom_ops.values():
        check_function(function)

    def lower(model: Source, name: str) -> Program:
        if not isinstance(model, Model):
            return as_asked(lower_mlf(model, name, board), options)
        if runtime == "tvm":
            raise UsageError(
                "--runtime tvm: TVM compiles models, and here no compiler runs",
                where=name,
                hint="gen-fw tvm compile MODEL -o mlf.tar makes an archive, which is judged like a "
                "model",
            )
        if runtime == "aot":
            return as_asked(lower_aot(model, name, board, options), options)
        program = lower_tflm(model, name, board, options)
        return as_asked(upper_bound(program, model) if board.sdk.prebuilt else program, options)

    return lower


def _buildable(board: Board, options: Options) -> None:
    """Raises UsageError for a library that projects of the board's family do not build."""
    from gen_fw.project.family import load_family

    if options.kernels not in ("cmsis_nn", "esp_nn"):
        return
    family = load_family(board.family)
    layout = options.layout or family.layouts[0]
    if options.kernels not in family.kernel_libraries:
        known = (*family.kernel_libraries, "portable")
        raise UsageError(
            f"--kernels {options.kernels}: {board.family} projects do not build it for generated C",
            hint=f"--kernels {', '.join(known)}, or leave it out",
        )
    if layout not in family.kernel_layouts:
        raise UsageError(
            f"--kernels {options.kernels}: projects of layout {layout} do not build it for "
            "generated C",
            hint=f"--layout {', '.join(family.kernel_layouts)}, or --kernels portable",
        )


def estimating(options: Options, board: Board) -> Lower:
    """The same without running a compiler: what an NPU would execute is counted as the CPU would
    execute it, and everything is an estimate. A model that was given compiled is counted as it is.

    Raises what ``lowering`` and ``compiling`` raise.
    """
    lower = lowering(options, board)
    if compiling(options, board) is None:
        return lower

    def estimate(model: Source, name: str) -> Program:
        from gen_fw.npu_programs import as_given

        if not isinstance(model, Model):
            return lower(model, name)
        given = as_given(model, name, board, options)
        if given is not None:
            return as_asked(given, options)
        return as_estimate(lower(model, name))

    return estimate


def not_compiled(models: Sequence[tuple[str, Source]], board: Board, options: Options) -> None:
    """Raises UsageError for a compiled model on a board that has an NPU, when that is not used."""
    from gen_fw.compilers.command_stream import is_compiled

    if board.accelerator is None:
        return
    for name, model in models:
        if isinstance(model, Model) and is_compiled(model):
            runtime = options.runtime or board.default_runtime
            asked = "--compiler none" if options.compiler == "none" else f"--runtime {runtime}"
            raise UsageError(
                f"{asked}: {name} was compiled by Vela, only the NPU can execute it",
                hint=f"leave {asked} out, or generate from the original model",
            )


def as_asked(program: Program, options: Options) -> Program:
    from gen_fw.memory.sizing import sized

    return sized(
        program,
        arena_size=options.arena_size,
        allow_small=options.allow_small_arena,
        max_arena=options.arena_limit,
        margin=options.arena_margin,
    )
