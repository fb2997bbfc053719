"""pure: the table that the benchmark prints."""
from driver.figures import Spread

COLUMNS = (
    ("events/s", lambda r: r["events_per_s"], "{:.0f}"),
    ("deliveries/s", lambda r: r["deliveries_per_s"], "{:.0f}"),
    ("CPU us", lambda r: r["cpu_us"], "{:.1f}"),
    ("user us", lambda r: r["user_us"], "{:.1f}"),
    ("accept p50/p99/p99.9 ms", lambda r: r["accept"], None),
    ("end-to-end p50/p99/p99.9 ms", lambda r: r["end_to_end"], None),
    ("RSS MiB", lambda r: r["rss_mib"], "{:.0f}"),
    ("peak RSS MiB", lambda r: r["peak_rss_mib"], "{:.0f}"),
)


def _cell(runs, read, form):
    if form is None:
        keys = ("p50_us", "p99_us", "p999_us")
        return " / ".join(f"{Spread.of([read(r)[key] for r in runs]).median / 1e3:.1f}"
                          for key in keys)
    spread = Spread.of([read(r) for r in runs])
    if spread.runs == 1:
        return form.format(spread.median)
    return (form + " ({}-{})").format(spread.median, form.format(spread.low),
                                      form.format(spread.high))


def _aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def runs_table(results):
    """One line for each (server, case): medians, and in brackets the lowest and highest run."""
    groups = {}
    for result in results:
        groups.setdefault((result["server"], result["case"]), []).append(result)
    rows = [("", *(name for name, _, _ in COLUMNS))]
    for (server, case), runs in sorted(groups.items(), key=lambda item: item[0][1]):
        rows.append((f"{case}: {server}",
                     *(_cell(runs, read, form) for _, read, form in COLUMNS)))
    return _aligned(rows)


def accounts_line(results):
    total = {}
    for result in results:
        for name, count in result["account"].items():
            total[name] = total.get(name, 0) + count
    return ", ".join(f"{total[name]} {name}" for name in
                     ("acked", "expected", "lost", "duplicates", "refused", "unsent") if
                     name in total)


def pages_table(pages):
    rows = [("list pages", "count", "p50 ms", "p99 ms", "max ms")]
    for kind, page in pages.items():
        rows.append((kind, str(page["count"]), *(f"{page[key]:.2f}"
                                                 for key in ("p50_ms", "p99_ms", "max_ms"))))
    return _aligned(rows)


def verdicts_table(verdicts):
    rows = [("required", "measured", "spread", "bar", "goal", "")]
    for verdict in verdicts:
        spread = verdict.spread
        goal = "" if verdict.goal is None else f"{verdict.relation} {verdict.goal:g}"
        rows.append((verdict.what, f"{spread.median:.3g} {verdict.unit}".strip(),
                     f"{spread.low:.3g}-{spread.high:.3g}",
                     f"{verdict.relation} {verdict.bar:g} {verdict.unit}".strip(), goal,
                     "pass" if verdict.passed else "FAIL"))
    return _aligned(rows)
