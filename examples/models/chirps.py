# SPDX-License-Identifier: Apache-2.0
"""Synthesised chirps and the spectrogram features that the chirp model reads (numpy only)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LABELS = ("noise", "up", "down", "steady")
RATE_HZ = 8000
FRAME = 256
HOP = 128
FRAMES = 32
BANDS = 16
CLIP_SAMPLES = FRAME + (FRAMES - 1) * HOP
BIN_FLOOR = 1e-4
"""Added to the power of a band, so that silence has a finite logarithm (dimensionless)."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def clip(label: int, rng: np.random.Generator) -> Floats:
    """One clip of ``CLIP_SAMPLES`` float32 samples at ``RATE_HZ``, white noise included.

    The tone lasts 0.2 s to 0.5 s, starts anywhere that it fits, and stands -9 dB to 15 dB above
    the noise. ``label`` indexes ``LABELS``.
    """
    noise = rng.standard_normal(CLIP_SAMPLES)
    length = int(rng.uniform(0.2, 0.5) * RATE_HZ)
    start = int(rng.integers(0, CLIP_SAMPLES - length + 1))
    low, high = rng.uniform(300, 1500), rng.uniform(1800, 3600)
    flat = rng.uniform(300, 3600)
    snr_db = rng.uniform(-9, 15)
    level = rng.uniform(0.05, 0.5)
    ends = {"up": (low, high), "down": (high, low), "steady": (flat, flat)}
    if LABELS[label] in ends:
        first, last = ends[LABELS[label]]
        time = np.arange(length) / RATE_HZ
        slope = (last - first) / (length / RATE_HZ)
        tone = np.sin(2 * np.pi * (first * time + 0.5 * slope * time**2))
        noise[start : start + length] += np.sqrt(2) * 10 ** (snr_db / 20) * tone
    return np.asarray(level * noise / np.abs(noise).max(), dtype=np.float32)


def features(samples: Floats) -> Floats:
    """Spectrogram of one clip: float32 ``[FRAMES, BANDS, 1]``, log10 of the power of each band.

    Hann-windowed frames of 256 samples every 128; the 128 bins above DC are summed by eight, so a
    band is 250 Hz wide.
    """
    window = np.hanning(FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * window, axis=1)[:, 1:]) ** 2
    bands = power.reshape(FRAMES, BANDS, -1).sum(axis=2)
    return np.asarray(np.log10(bands + BIN_FLOOR)[:, :, np.newaxis], dtype=np.float32)


def dataset(count: int, seed: int) -> tuple[Floats, Ints]:
    """``count`` clips, classes in turn: features ``[count, FRAMES, BANDS, 1]`` and labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % len(LABELS)
    return np.stack([features(clip(int(label), rng)) for label in labels]), labels
