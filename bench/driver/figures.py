"""pure: medians, spreads and the accounting by id. Decides nothing; verdicts.py does."""
import dataclasses


def median(values):
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


@dataclasses.dataclass(frozen=True)
class Spread:
    """A figure as it is reported: the median with the lowest and highest of its runs."""
    median: float
    low: float
    high: float
    runs: int

    @staticmethod
    def of(values):
        values = list(values)
        return Spread(median(values), min(values), max(values), len(values))

    def json(self):
        return dataclasses.asdict(self)


def ratios(numerators, denominators):
    """Pair by pair: both of a pair ran next to each other, so a slow minute hits both."""
    if len(numerators) != len(denominators):
        raise ValueError("runs are not paired")
    return [a / b for a, b in zip(numerators, denominators)]


def quantile(values, q):
    """The smallest value with at least the share q of all values at or below it."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    rank = -(-len(ordered) * q // 1)  # ceiling
    return ordered[min(max(int(rank), 1), len(ordered)) - 1]


@dataclasses.dataclass(frozen=True)
class Account:
    """What became of the acknowledged events, summed over the endpoints each had to reach."""
    acked: int
    expected: int  # deliveries: acked * endpoints
    lost: int
    unacked: int  # delivered although no acknowledgement was seen (an answer that came too late)


def account(acked_bitmap, delivered_bitmaps):
    """Bitmaps are bytes; bit n % 8 of byte n // 8 stands for event n. One of delivered_bitmaps for
    each endpoint that an event goes to."""
    acked = int.from_bytes(acked_bitmap, "little")
    lost = unacked = 0
    for bitmap in delivered_bitmaps:
        delivered = int.from_bytes(bitmap, "little")
        lost += (acked & ~delivered).bit_count()
        unacked += (delivered & ~acked).bit_count()
    count = acked.bit_count()
    return Account(count, count * len(delivered_bitmaps), lost, unacked)
