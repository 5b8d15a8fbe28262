"""Compiled parts of the contrast: the substrate's light as a polynomial, its scatter, distances from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import compiled
from ..nouns import FloatArray
from .morphology import Mask

IntArray = npt.NDArray[np.int64]
Powers = FloatArray
"""Powers 0, 1, ... of the places along an axis, (order + 1, places)."""


@compiled()
def surface_moments(
    values: FloatArray, fitted: FloatArray, width: float, u: Powers, v: Powers
) -> tuple[FloatArray, FloatArray]:
    """(weights, weighted values), each times u^i v^j and summed over an image (rows, columns): as (j, i) arrays. Weights fall
    as 1 - x^2 with the distance from the surface `fitted` over `width`. u to twice the order of the fit, v too."""
    most = u.shape[0]
    weights, valued = np.zeros((most, most)), np.zeros((most, most))
    columns = values.shape[1]
    weight, other = np.empty(columns), np.empty(columns)
    for y in range(values.shape[0]):
        for x in range(columns):
            away = (values[y, x] - fitted[y, x]) / width
            weight[x] = max(1.0 - away * away, 0.0)
            other[x] = weight[x] * values[y, x]
        for i in range(most):
            power, first, second = u[i], 0.0, 0.0
            for x in range(columns):
                first += weight[x] * power[x]
                second += other[x] * power[x]
            for j in range(most - i):
                weights[j, i] += v[j, y] * first
                valued[j, i] += v[j, y] * second
    return weights, valued


@compiled()
def quiet_moments(image: FloatArray, limits: FloatArray) -> tuple[int, FloatArray, FloatArray]:
    """(number, sums, sums of products) over the pixels of an image (rows, columns, channels) that lie within the limits of
    every channel."""
    rows, columns, channels = image.shape
    number, sums, products = 0, np.zeros(channels), np.zeros((channels, channels))
    for y in range(rows):
        own, own_products = np.zeros(channels), np.zeros((channels, channels))
        for x in range(columns):
            quiet = True
            for c in range(channels):
                quiet = quiet and abs(image[y, x, c]) < limits[c]
            if not quiet:
                continue
            number += 1
            for c in range(channels):
                own[c] += image[y, x, c]
                for d in range(c + 1):
                    own_products[c, d] += image[y, x, c] * image[y, x, d]
        sums += own
        products += own_products
    for c in range(channels):
        for d in range(c):
            products[d, c] = products[c, d]
    return number, sums, products


@compiled()
def lengths(image: FloatArray, mean: FloatArray, whitener: FloatArray) -> FloatArray:
    """Length (rows, columns) of (pixel - mean) @ whitener."""
    rows, columns, channels = image.shape
    found = np.empty((rows, columns))
    for y in range(rows):
        for x in range(columns):
            total = 0.0
            for d in range(channels):
                part = 0.0
                for c in range(channels):
                    part += (image[y, x, c] - mean[c]) * whitener[c, d]
                total += part * part
            found[y, x] = np.sqrt(total)
    return found


@compiled()
def along_rows(blocks: FloatArray, first: IntArray, share: FloatArray) -> FloatArray:
    """Values (rows, places, channels) between columns `first` and the next of `blocks`."""
    rows, _, channels = blocks.shape
    found = np.empty((rows, first.shape[0], channels))
    for y in range(rows):
        for x in range(first.shape[0]):
            for c in range(channels):
                lower, upper = blocks[y, first[x], c], blocks[y, min(first[x] + 1, blocks.shape[1] - 1), c]
                found[y, x, c] = lower + share[x] * (upper - lower)
    return found


@compiled()
def block_means(image: FloatArray, keep: Mask, block: int) -> tuple[FloatArray, FloatArray]:
    """(means, weights) over blocks of pixels that fill one: of the image (rows, columns, channels) with what is not kept as 0,
    and the share that is kept."""
    rows, columns, channels = image.shape[0] // block, image.shape[1] // block, image.shape[2]
    means, weights = np.zeros((rows, columns, channels)), np.zeros((rows, columns))
    for y in range(rows * block):
        for x in range(columns * block):
            if keep[y, x]:
                weights[y // block, x // block] += 1.0
                for c in range(channels):
                    means[y // block, x // block, c] += image[y, x, c]
    return means / (block * block), weights / (block * block)
