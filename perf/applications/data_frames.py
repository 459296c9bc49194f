"""Data frame code: pandas groups, joins, pivots and rolls over a table of sales."""

import numpy
import pandas


def main():
    rows = 300
    sales = pandas.DataFrame(
        {
            "shop": [f"shop {number % 7}" for number in range(rows)],
            "item": [f"item {number % 11}" for number in range(rows)],
            "cents": numpy.arange(rows) * 13 % 997,
            "day": pandas.date_range("2026-01-01", periods=rows, freq="h"),
        }
    )
    totals = sales.groupby("shop")["cents"].agg(["sum", "mean", "max"])
    joined = sales.merge(totals, left_on="shop", right_index=True)
    joined["share"] = joined["cents"] / joined["sum"]
    pivot = joined.pivot_table(index="item", columns="shop", values="share", aggfunc="mean")
    rolled = sales.set_index("day")["cents"].rolling("6h").mean().dropna()
    return float(pivot.fillna(0).sum().sum() + rolled.sum())
