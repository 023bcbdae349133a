# SPDX-License-Identifier: Apache-2.0
"""Apache TVM as a compiler of kernels: a model becomes a Model Library Format archive.

What operators compute is known before (the generated-C runtime's lowering); TVM's TE and TIR make
the C of each kernel, in a child process (``*_child.py``); the sequence of calls and the memory plan
are gen-fw's. The archive is the seam: ``gen_fw.archive`` and ``runtimes.mlf`` import it like any
other one.
"""
