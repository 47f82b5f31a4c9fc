"""The part of `statistics` that exists inside the sandbox: exact sums of ints and floats, rounded once."""

from __future__ import annotations

import math
from typing import Any

StatisticsError = ValueError


def mean(data: Any) -> Any:
    """The arithmetic mean."""
    values = list(data)
    if not values:
        raise StatisticsError("mean requires at least one data point")
    if not _finite(values):
        return sum(values) / len(values)
    over, under = _exact_sum(values)
    return _number(over, under * len(values), values)


def fmean(data: Any) -> float:
    """The arithmetic mean as a float."""
    values = list(data)
    if not values:
        raise StatisticsError("fmean requires at least one data point")
    return math.fsum(values) / len(values)


def median(data: Any) -> Any:
    """The middle value, or the mean of the two."""
    values = _sorted(data)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def median_low(data: Any) -> Any:
    """The middle value, or the lower of the two."""
    values = _sorted(data)
    return values[(len(values) - 1) // 2]


def median_high(data: Any) -> Any:
    """The middle value, or the higher of the two."""
    values = _sorted(data)
    return values[len(values) // 2]


def _sorted(data: Any) -> list[Any]:
    values = sorted(data)
    if not values:
        raise StatisticsError("no median for empty data")
    return values


def mode(data: Any) -> Any:
    """The most common value, the first of them."""
    most = multimode(data)
    if not most:
        raise StatisticsError("no mode for empty data")
    return most[0]


def multimode(data: Any) -> list[Any]:
    """The most common values, in the order they came."""
    counts: dict[Any, int] = {}
    for value in data:
        counts[value] = counts.get(value, 0) + 1
    most = max(counts.values(), default=0)
    return [value for value in counts if counts[value] == most]


def variance(data: Any, xbar: Any = None) -> Any:
    """The sample variance."""
    return _spread(data, xbar, 1, "variance requires at least two data points")


def pvariance(data: Any, mu: Any = None) -> Any:
    """The population variance."""
    return _spread(data, mu, 0, "pvariance requires at least one data point")


def stdev(data: Any, xbar: Any = None) -> float:
    """The sample standard deviation."""
    values = list(data)
    return _root(*_squares(values, xbar, 1, "stdev requires at least two data points"))


def pstdev(data: Any, mu: Any = None) -> float:
    """The population standard deviation."""
    values = list(data)
    return _root(*_squares(values, mu, 0, "pstdev requires at least one data point"))


def quantiles(data: Any, *, n: int = 4, method: str = "exclusive") -> list[Any]:
    """The n - 1 points that cut the data into n parts of equal size."""
    if n < 1:
        raise StatisticsError("n must be at least 1")
    values = sorted(data)
    size = len(values)
    if size < 2:
        raise StatisticsError("must have at least two data points")
    if method not in ("exclusive", "inclusive"):
        raise ValueError("Unknown method: " + repr(method))
    cuts = []
    for part in range(1, n):
        if method == "inclusive":
            at, over = divmod(part * (size - 1), n)
            low, high = values[at], values[min(at + 1, size - 1)]
        else:
            at = min(max(part * (size + 1) // n, 1), size - 1)
            over = part * (size + 1) - at * n
            low, high = values[at - 1], values[at]
        cuts.append((low * (n - over) + high * over) / n)
    return cuts


def _spread(data: Any, centre: Any, less: int, complaint: str) -> Any:
    values = list(data)
    over, under = _squares(values, centre, less, complaint)
    return _number(over, under, values if centre is None else [*values, centre])


def _squares(values: list[Any], centre: Any, less: int, complaint: str) -> tuple[int, int]:
    """The mean square distance from the mean, as an exact fraction."""
    size = len(values)
    if size <= less:
        raise StatisticsError(complaint)
    if not _finite(values):
        raise ValueError("the data hold an infinity or no number")
    if centre is not None:
        over, under = _exact_sum([(value - centre) * (value - centre) for value in values])
        return over, under * (size - less)
    ratios = [_ratio(value) for value in values]
    common = max([under for _, under in ratios])
    whole = [over * (common // under) for over, under in ratios]
    total = sum(whole)
    return size * sum([value * value for value in whole]) - total * total, common * common * size * (size - less)


def _finite(values: list[Any]) -> bool:
    for value in values:
        if type(value) not in (int, float, bool):
            raise TypeError("only ints and floats can be summed up here, not " + type(value).__name__)
    return all(math.isfinite(value) for value in values)


def _exact_sum(values: list[Any]) -> tuple[int, int]:
    ratios = [_ratio(value) for value in values]
    common = max([under for _, under in ratios])
    return sum([over * (common // under) for over, under in ratios]), common


def _ratio(value: Any) -> tuple[int, int]:
    """A number as a fraction over a power of two."""
    if type(value) is not float:
        return int(value), 1
    part, power = math.frexp(value)
    whole, power = int(part * 9007199254740992.0), power - 53
    return (whole * 2**power, 1) if power >= 0 else (whole, 2**-power)


def _number(over: int, under: int, values: list[Any]) -> Any:
    """A fraction as an int, where the values are ints and it is one, or as a float."""
    if over % under == 0 and all(type(value) is not float for value in values):
        return over // under
    return over / under


def _root(over: int, under: int) -> float:
    """The float nearest to the square root of a fraction."""
    if over == 0:
        return 0.0
    scale = 1
    while over * scale * scale < under << 140:
        scale <<= 64
    square = over * scale * scale
    root = math.isqrt(square // under)
    rest = 0 if root * root * under == square else 1
    return (2 * root + rest) / (2 * scale)
