#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that gen-fw's own development needs; lists them when not root.
# usage: setup_debian.sh [python | BOARD]     with "python": only what the base install needs; with a
# board: only what building and running its projects needs
set -eu

packages="python3-venv"
case "${1:-all}" in
    host) packages="build-essential cmake" ;;
    qemu-cortex-*) packages="cmake make gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm" ;;
    qemu-riscv32)
        packages="cmake make gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc" ;;
esac
if [ "${1:-all}" = all ]; then
    packages="$packages build-essential clang libclang-rt-dev cmake ninja-build make git xxd faketime
        gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib
        gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
        qemu-system-arm qemu-system-misc libgemmlowp-dev valgrind"
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "not a Debian system; please provide the equivalents of:" $packages
    exit 0
fi

missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
# a Python that can already make virtual environments needs no package of Debian's
if "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null; then
    missing=$(echo "$missing" | sed 's/ python3-venv//')
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    echo "installing:$missing"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "missing Debian packages; tests that need them skip with a message. To install them:"
    echo "    sudo apt-get install$missing"
fi
