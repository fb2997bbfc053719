"""pure: the bars of the benchmark and whether the figures clear them."""
import dataclasses

from driver.figures import Spread, ratios

AT_MOST = "<="
AT_LEAST = ">="


@dataclasses.dataclass(frozen=True)
class Verdict:
    what: str
    spread: Spread
    relation: str
    bar: float
    goal: float | None = None
    unit: str = ""

    def _clears(self, bar):
        value = self.spread.median
        return value <= bar if self.relation == AT_MOST else value >= bar

    @property
    def passed(self):
        return self._clears(self.bar)

    @property
    def reached_goal(self):
        return self.goal is None or self._clears(self.goal)

    def json(self):
        return {"what": self.what, **self.spread.json(), "relation": self.relation,
                "bar": self.bar, "goal": self.goal, "unit": self.unit, "passed": self.passed,
                "reached_goal": self.reached_goal}


def values(results, server, case, *path):
    found = []
    for result in results:
        if (result["server"], result["case"]) != (server, case):
            continue
        for key in path:
            result = result[key]
        found.append(result)
    return found


def _floor(results):
    user = values(results, "floor", "single", "user_us")
    if user:
        # The best run: the floor is a bound from below, and noise only adds.
        yield Verdict("floor: user CPU per event, best run", Spread.of([min(user)]), AT_MOST, 6.0,
                      unit="us")


def _single(results):
    floor_cpu = values(results, "floor", "single", "cpu_us")
    gateway_cpu = values(results, "gateway", "single", "cpu_us")
    if not floor_cpu or len(floor_cpu) != len(gateway_cpu):
        return
    yield Verdict("single: CPU per delivered event, gateway / floor",
                  Spread.of(ratios(gateway_cpu, floor_cpu)), AT_MOST, 1.5, 1.3)
    yield Verdict("single: events/s, gateway / floor",
                  Spread.of(ratios(values(results, "gateway", "single", "events_per_s"),
                                   values(results, "floor", "single", "events_per_s"))),
                  AT_LEAST, 0.60, 0.75)


def _against_single(results):
    """Batch and fan-out are compared with the single posts of the same round."""
    single = values(results, "gateway", "single", "deliveries_per_s")
    for case, what in (("batch", "batch of 100: events/s, batch / single"),
                       ("fanout", "100 apps x 10 endpoints: deliveries/s, fan-out / single")):
        rates = values(results, "gateway", case, "deliveries_per_s")
        if rates and len(rates) == len(single):
            yield Verdict(what, Spread.of(ratios(rates, single)), AT_LEAST, 1.3)


def _half_rate(results):
    p99 = values(results, "gateway", "half_rate", "end_to_end", "p99_us")
    if p99:
        yield Verdict("half rate: end-to-end p99", Spread.of([us / 1e3 for us in p99]), AT_MOST,
                      25.0, unit="ms")


def _big_store(big):
    accepts = {name: [run["accepts_per_s"] for run in runs]
               for name, runs in big["accepting"].items()}
    yield Verdict(f"{big['messages']} messages stored: accept rate, full / empty",
                  Spread.of(ratios(accepts["full"], accepts["empty"])), AT_LEAST, 0.9)
    yield Verdict(f"{big['messages']} messages stored: list pages p99",
                  Spread.of([big["pages"]["all"]["p99_ms"]]), AT_MOST, 20.0, unit="ms")


def judge(results, big):
    """results: the pinned runs of all rounds in order; big: of big_store.run, or None."""
    verdicts = []
    for part in (_floor, _single, _half_rate, _against_single):
        verdicts += part(results)
    if big is not None:
        verdicts += _big_store(big)
    return verdicts


def faults(results):
    """What must never happen, whatever the speed: one line for each run in which it did."""
    lines = []
    for result in results:
        account = result["account"]
        wrong = {name: account[name]
                 for name in ("lost", "duplicates", "foreign", "unreadable", "malformed",
                              "unanswered")
                 if account[name]}
        if wrong:
            text = ", ".join(f"{count} {name}" for name, count in wrong.items())
            lines.append(f"{result['server']} {result['case']} ({result['pins']}): {text}")
    return lines
