# SPDX-License-Identifier: Apache-2.0
"""Words that name nothing in generated C and C++."""

from __future__ import annotations

# C: C23 6.4.1 and its older spellings; C++: C++23 [lex.key], [lex.digraph] alternative tokens,
# [lex.name] identifiers with special meaning; GNU dialects add asm, typeof, linux, unix, i386.
_C = """
    alignas alignof asm auto bool break case char const constexpr continue default do double else
    enum extern false float for goto if inline int long nullptr register restrict return short
    signed sizeof static static_assert struct switch thread_local true typedef typeof
    typeof_unqual union unsigned void volatile while fortran complex imaginary noreturn main
    linux unix i386 errno assert offsetof stdin stdout stderr near far huge interrupt
"""
_CPP = """
    and and_eq bitand bitor catch char16_t char32_t char8_t class co_await co_return co_yield
    compl concept const_cast consteval constinit decltype delete dynamic_cast explicit export
    final friend import module mutable namespace new noexcept not not_eq operator or or_eq
    override private protected public reinterpret_cast requires reflexpr static_cast synchronized
    template this throw try typeid typename using virtual wchar_t xor xor_eq std posix tflite
    atomic_cancel atomic_commit atomic_noexcept transaction_safe
"""
#: keywords of C and C++, and what compilers and libraries define as macros in lower case
C_WORDS = frozenset(f"{_C} {_CPP}".split())
