"""Amounts are whole cents; only people see anything else."""

PRICES = {"espresso": 240, "cappuccino": 320, "beans": 1490, "filter": 80}


def total(items):
    """The price of `{name: count}` in cents. An unknown name or a count below one is a ValueError."""
    cents = 0
    for name, count in items.items():
        if name not in PRICES:
            raise ValueError(f"we do not sell {name!r}")
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{count!r} is not a number of {name}")
        cents += PRICES[name] * count
    return cents


def show(cents, currency):
    """1490, "EUR" as "14.90 EUR"."""
    return f"{cents // 100}.{cents % 100:02} {currency}"
