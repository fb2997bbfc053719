"""The pure parts of the driver: what is computed, judged and printed from the runs' figures."""
import unittest

from driver import figures, instructions, processes, report, verdicts
from driver.figures import Spread


def run(server, case, **changes):
    latency = {"count": 1, "mean_us": 1.0, "p50_us": 1000.0, "p99_us": 2000.0, "p999_us": 3000.0,
               "max_us": 4000.0}
    account = dict.fromkeys(("lost", "duplicates", "foreign", "unreadable", "malformed",
                             "unanswered", "refused", "unsent"), 0)
    return {"server": server, "case": case, "pins": "pinned", "cpu_us": 10.0, "user_us": 2.0,
            "events_per_s": 1000.0, "deliveries_per_s": 1000.0, "rss_mib": 9.0,
            "peak_rss_mib": 10.0,
            "accept": latency, "end_to_end": latency, "account": account, **changes}


def by_name(found, part):
    return next(v for v in found if part in v.what)


class Figures(unittest.TestCase):
    def test_median_of_odd_and_even_counts(self):
        self.assertEqual(figures.median([5, 1, 3]), 3)
        self.assertEqual(figures.median([4, 1, 3, 2]), 2.5)
        with self.assertRaises(ValueError):
            figures.median([])

    def test_spread_keeps_the_extremes(self):
        self.assertEqual(Spread.of(iter([2.0, 9.0, 4.0])), Spread(4.0, 2.0, 9.0, 3))

    def test_ratios_are_taken_pair_by_pair(self):
        # A slow minute hits both of a pair: the ratio stays, the ratio of medians would not.
        self.assertEqual(figures.ratios([15, 30, 60], [10, 20, 40]), [1.5, 1.5, 1.5])
        with self.assertRaises(ValueError):
            figures.ratios([1, 2], [1])

    def test_quantile_never_reports_less_than_its_share(self):
        values = list(range(1, 101))
        self.assertEqual(figures.quantile(values, 0.99), 99)
        self.assertEqual(figures.quantile(values, 0.5), 50)
        self.assertEqual(figures.quantile(values, 1.0), 100)
        self.assertEqual(figures.quantile([7], 0.99), 7)

    def test_account_finds_the_lost_and_the_unacknowledged(self):
        acked = bytes([0b0000_1111])
        account = figures.account(acked, [bytes([0b0000_1101])])
        self.assertEqual((account.acked, account.expected, account.lost, account.unacked),
                         (4, 4, 1, 0))
        account = figures.account(acked, [bytes([0b0001_1111, 0b1]), b""])
        self.assertEqual((account.expected, account.lost, account.unacked), (8, 4, 2))


class Instructions(unittest.TestCase):
    ANNOTATED = """
888,368,000 (100.0%)  PROGRAM TOTALS
372,000 (41.94%)  ???:0x000000000029ad80 [/usr/lib/libcrypto.so.3]
 21,410 ( 2.41%)  src/wire/a.cc:posthorn::wire::(anonymous namespace)::scan(char*) [/b/posthorn]
  5,760 ( 0.65%)  /usr/include/x.h:posthorn::wire::(anonymous namespace)::scan(char*)
  1,000 ( 0.11%)  => src/wire/a.cc:called (7x) [/b/posthorn]
  1,000 ( 0.11%)  ./malloc/malloc.c:malloc [/usr/lib/libc.so.6]
-- Auto-annotated source: src/wire/a.cc
 99,000 ( 9.11%)  src/wire/a.cc:again [/b/posthorn]
"""

    def test_sums_a_function_over_its_files_and_divides_by_events(self):
        counts = instructions.parse(self.ANNOTATED, 10)
        self.assertEqual(dict(counts), {"libcrypto": 37200.0, "posthorn::wire::scan": 2717.0,
                                        "malloc": 100.0})

    def test_leaves_the_hash_out_of_the_total(self):
        lines = instructions.lines_of(instructions.parse(self.ANNOTATED, 10))
        self.assertIn("2817", lines[0])
        self.assertFalse([line for line in lines[1:] if "libcrypto" in line])


class Proc(unittest.TestCase):
    def test_reads_cpu_time_behind_a_name_with_blanks_and_parentheses(self):
        ticks = processes.TICKS_PER_SECOND
        stat = f"7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 {3 * ticks} {5 * ticks} 0 0 20 0 3 0 99"
        cpu = processes.parse_cpu_time(stat)
        self.assertEqual((cpu.user_s, cpu.system_s, cpu.total_s), (3.0, 5.0, 8.0))

    def test_reads_resident_memory(self):
        status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n"
        self.assertEqual(processes.parse_memory_kib(status, "VmRSS"), 1024)
        with self.assertRaises(processes.BenchError):
            processes.parse_memory_kib(status, "VmSwap")


class Verdicts(unittest.TestCase):
    def test_single_is_judged_by_the_median_of_the_pairs(self):
        runs = []
        for floor, gateway in ((10, 14), (20, 29), (10, 40)):
            runs += [run("floor", "single", cpu_us=floor), run("gateway", "single", cpu_us=gateway)]
        verdict = by_name(verdicts.judge(runs, None), "CPU per delivered event")
        self.assertEqual((verdict.spread.median, verdict.spread.high), (1.45, 4.0))
        self.assertTrue(verdict.passed)
        self.assertFalse(verdict.reached_goal)

    def test_every_bar_fails_just_beyond_it(self):
        slow = {**run("gateway", "half_rate")["end_to_end"], "p99_us": 25_001.0}
        runs = [run("floor", "single", user_us=6.01, cpu_us=10.0, events_per_s=1000.0),
                run("gateway", "single", cpu_us=15.01, events_per_s=599.0,
                    deliveries_per_s=1000.0),
                run("gateway", "half_rate", end_to_end=slow),
                run("gateway", "batch", deliveries_per_s=1299.0),
                run("gateway", "fanout", deliveries_per_s=1299.0)]
        big = {"messages": 10, "pages": {"all": {"p99_ms": 20.01}},
               "accepting": {"full": [{"accepts_per_s": 89.0}],
                             "empty": [{"accepts_per_s": 100.0}]}}
        found = verdicts.judge(runs, big)
        self.assertEqual(len(found), 8)
        self.assertEqual([v.what for v in found if v.passed], [])

    def test_every_bar_is_cleared_exactly_on_it(self):
        runs = [run("floor", "single", user_us=6.0), run("gateway", "single", cpu_us=15.0,
                                                         events_per_s=600.0),
                run("gateway", "batch", deliveries_per_s=1300.0),
                run("gateway", "fanout", deliveries_per_s=1300.0), run("gateway", "half_rate")]
        self.assertEqual([v.what for v in verdicts.judge(runs, None) if not v.passed], [])

    def test_the_floor_is_judged_by_its_best_run(self):
        runs = [run("floor", "single", user_us=us) for us in (9.0, 5.0, 8.0)]
        verdict = verdicts.judge(runs, None)[0]
        self.assertEqual(verdict.spread.median, 5.0)

    def test_an_incomplete_round_is_not_judged_by_pairs(self):
        runs = [run("floor", "single"), run("floor", "single"), run("gateway", "single")]
        self.assertEqual(len(verdicts.judge(runs, None)), 1)

    def test_faults_name_the_run_and_the_count(self):
        runs = [run("gateway", "batch"), run("gateway", "single")]
        runs[1]["account"].update(lost=2, duplicates=1, refused=9)
        self.assertEqual(verdicts.faults(runs),
                         ["gateway single (pinned): 2 lost, 1 duplicates"])


class Report(unittest.TestCase):
    def test_one_line_per_case_with_median_and_spread(self):
        runs = [run("gateway", "single", events_per_s=float(n)) for n in (100, 300, 200)]
        lines = report.runs_table(runs)
        self.assertEqual(len(lines), 2)
        self.assertIn("200 (100-300)", lines[1])
        self.assertIn("1.0 / 2.0 / 3.0", lines[1])

    def test_a_failed_bar_is_called_so(self):
        found = verdicts.judge([run("floor", "single", user_us=7.0)], None)
        self.assertTrue(report.verdicts_table(found)[1].endswith("FAIL"))


if __name__ == "__main__":
    unittest.main()
