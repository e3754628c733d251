#!/usr/bin/env python3
"""Verifies a running deployment.

settled   waits until the metrics equal the simulator's ground truth, series by series
record    saves the simulator's facts and the activity counters to a file
recovered compares the counters with the saved ones
leader    prints the leading replica, as the metrics show it
healthy   whether all replicas are up, one leads, and every dependency is healthy
watch     requests the metrics continuously until SIGTERM, and reports failures and counters that fell
scraped   asks Prometheus whether every scrape succeeded
"""

import argparse
import collections
import json
import re
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ACTIVE_WINDOW = 7 * 86400  # the default of metrics.active_window
HISTORY = 29 * 86400  # as in compose.test.yaml: everything in the simulated world
SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# Seconds after which a replica knows what another one counted; replicas exchange counters every second.
LAG = 2.0
SHARED = '{__name__=~"gh_(activity|exporter)_.*_total",replica=""}'


class VerificationError(Exception):
    """The deployment is not in the expected state."""


def get(url, timeout=10):
    request = urllib.request.Request(url, headers={"Accept": "text/plain;version=0.0.4"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read().decode()


def ask(url):
    return json.loads(get(url))


def page(text):
    """The value of each series of a page, by (name, labels). No series may occur twice."""
    series = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise VerificationError(f"not a sample: {line}")
        key = (match[1], tuple(sorted(LABEL.findall(match[2] or ""))))
        if key in series:
            raise VerificationError(f"occurs twice on one page: {line}")
        series[key] = float(match[3])
    return series


def activity(series):
    """The activity gauges, which the simulator knows the true values of."""
    shown = {}
    for (name, labels), value in series.items():
        labels = dict(labels)
        if name.startswith("gh_activity_") and not name.endswith("_total") and "user" in labels:
            shown[(name, labels["org"], labels["repo"], labels["user"])] = value
    return shown


def truth(github, floor):
    rows = ask(f"{github}/_sim/truth/gauges?active_window={ACTIVE_WINDOW}&history_floor={floor}")
    return {(row["name"], row["org"], row["repo"], row["user"]): row["value"] for row in rows}


def differences(true, shown):
    keys = sorted(true.keys() | shown.keys())
    return [f"{key}: true {true.get(key)}, shown {shown.get(key)}" for key in keys if true.get(key) != shown.get(key)]


def settled(arguments):
    """The simulated clock keeps running: the truth counts if it is the same before and after the page was read."""
    floor = arguments.first_seen - HISTORY
    began = time.monotonic()
    while True:
        before = truth(arguments.github, floor)
        try:
            shown = {url: activity(page(get(url))) for url in [arguments.page, *arguments.replica]}
            wrong = [f"{url} {line}" for url in shown for line in differences(before, shown[url])]
        except OSError as error:
            wrong = [f"no page: {error}"]
        took = time.monotonic() - began
        if not wrong and before and before == truth(arguments.github, floor):
            print(f"{len(before)} series are correct on {len(shown)} pages after {took:.1f} s")
            return
        if wrong and took > arguments.within:
            raise VerificationError(f"{len(wrong)} of {len(before) * len(shown)} series differ after {took:.0f} s:\n" + "\n".join(wrong[:20]))
        time.sleep(0.2)


KINDS = {
    "commit": "gh_activity_commits_total",
    "pr_opened": "gh_activity_prs_opened_total",
    "pr_merged": "gh_activity_prs_merged_total",
    "review": "gh_activity_reviews_submitted_total",
    "issue_comment": "gh_activity_issue_comments_total",
}


def facts(github):
    """The ids of the simulator's facts, by counter."""
    known = collections.defaultdict(set)
    for fact in ask(f"{github}/_sim/truth/facts"):
        known[f'{KINDS[fact["kind"]]} {fact["org"]}/{fact["repo"]} {fact["user"]}'].add(fact["id"])
    return known


def counters(url):
    shown = {}
    for (name, labels), value in page(get(url)).items():
        labels = dict(labels)
        if name in KINDS.values():
            shown[f'{name} {labels["org"]}/{labels["repo"]} {labels["user"]}'] = value
    return shown


def record(arguments):
    """Facts are read first, and the counters only when all of them are shown: events in between count as later ones."""
    known = {name: sorted(ids) for name, ids in facts(arguments.github).items()}
    settled(arguments)
    with open(arguments.file, "w") as file:
        json.dump({"facts": known, "counters": counters(arguments.page)}, file)


def recovered(arguments):
    """Every counter is the saved value plus the events since: nothing is lost and nothing is counted twice."""
    with open(arguments.file) as file:
        before = json.load(file)
    shown, known = counters(arguments.page), facts(arguments.github)
    wrong, happened = [], 0
    for name in sorted(before["counters"].keys() | shown.keys()):
        was, then = before["counters"].get(name, 0), set(before["facts"].get(name, []))
        new, vanished = len(known[name] - then), len(then - known[name])
        happened += new
        if not was - vanished <= shown.get(name, 0) <= was + new:
            wrong.append(f"{name}: {was:.0f} before, {new} since, {shown.get(name)} now")
    print(f"{len(shown)} activity counters equal the saved values plus {happened} later events")
    if wrong:
        raise VerificationError("\n".join(wrong))


def leader(arguments):
    leading = [
        dict(labels)["replica"]
        for (name, labels), value in page(get(arguments.page)).items()
        if name == "gh_exporter_role" and ("role", "leader") in labels and value == 1
    ]
    if len(leading) != 1:
        raise VerificationError(f"{len(leading)} replicas lead: {leading}")
    print(leading[0])


def shared_counters(series):
    for (name, labels), value in series.items():
        if name.endswith("_total") and not name.startswith("process_") and "replica" not in dict(labels):
            yield (name, labels), value


def watch(arguments):
    """Every request must succeed, and no shared counter may be lower than LAG seconds earlier."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    highest, recent, failed, fell, asked, slowest = {}, collections.deque(), [], [], 0, 0.0
    while not stopped:
        began = time.monotonic()
        while recent and recent[0][0] < began - LAG:
            for key, value in recent.popleft()[1].items():
                highest[key] = max(value, highest.get(key, 0))
        try:
            shown = dict(shared_counters(page(get(arguments.page))))
            fell += [f"{clock()} {key} fell from {highest[key]} to {value}"
                     for key, value in shown.items() if value < highest.get(key, 0)]
            recent.append((time.monotonic(), shown))
        except (OSError, VerificationError) as error:
            failed.append(f"{clock()} {error}")
        asked += 1
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.2)
    print(f"{asked} pages requested, {len(failed)} failed, the slowest took {slowest:.2f} s; "
          f"{len(highest)} shared counters, which fell {len(fell)} times")
    if failed or fell:
        raise VerificationError("\n".join(failed[:20] + fell[:20]))


def clock():
    return time.strftime("%H:%M:%S")


def query(prometheus, expression):
    answer = ask(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
    return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]


def scraped(arguments):
    """All samples of a window: no scrape failed, no sample was duplicate or out of order, no shared counter fell."""
    url, window = arguments.prometheus, f"[{arguments.seconds}s]"
    one = lambda expression: (query(url, expression) or [({}, float("nan"))])[0][1]
    up = f'up{{job="github-stats"}}{window}'
    duration = f'scrape_duration_seconds{{job="github-stats"}}{window}'
    count, least = one(f"count_over_time({up})"), one(f"min_over_time({up})")
    print(f"{count:.0f} scrapes in {arguments.seconds} s, the slowest took {one(f'max_over_time({duration})'):.2f} s")
    wrong = []
    if least != 1 and not arguments.gaps:
        wrong.append(f"{count - one(f'sum_over_time({up})'):.0f} scrapes failed")
    own = page(get(f"{url}/metrics"))
    for flaw in ("sample_duplicate_timestamp", "sample_out_of_order", "sample_out_of_bounds", "exceeded_sample_limit"):
        value = own.get((f"prometheus_target_scrapes_{flaw}_total", ()))
        if value != 0:
            wrong.append(f"{flaw}: {value}")
    failures = {labels: value for (name, labels), value in own.items() if name == "prometheus_rule_evaluation_failures_total"}
    if any(failures.values()):
        wrong.append(f"rules failed to evaluate: {failures}")
    shared, fell = query(url, f"last_over_time({SHARED}{window})"), 0
    for name in sorted({metric["__name__"] for metric, _ in shared}):
        for metric, times in query(url, f'resets({name}{{replica=""}}{window}) > 0'):
            fell += 1
            wrong.append(f"{name}{metric} fell {times:.0f} times")
    print(f"{len(shared)} shared counters, {fell} fell")
    if wrong:
        raise VerificationError("\n".join(wrong[:20]))


def healthy(arguments):
    """The expected number of replicas is up, one of them leads, and every dependency is healthy."""
    shown = page(get(arguments.page))
    live = [labels for name, labels in shown if name == "gh_exporter_build_info"]
    lacking = [labels for (name, labels), value in shown.items() if name == "gh_exporter_dependency_health" and value != 1]
    leader(arguments)
    if len(live) != arguments.replicas or lacking:
        raise VerificationError(f"{len(live)} replicas are up, {lacking} are unhealthy")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("settled", "record", "recovered", "leader", "healthy", "watch", "scraped"))
    parser.add_argument("--page", default="http://127.0.0.1:8080/metrics")
    parser.add_argument("--replica", action="append", default=[], help="the page of a single replica, in addition to --page")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--github", help="the simulator's address")
    parser.add_argument("--file", help="file of `record` and `recovered`")
    parser.add_argument("--first-seen", type=int, help="simulated time at which the replicas first saw it")
    parser.add_argument("--within", type=float, default=120)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--seconds", type=int, default=60, help="window of the Prometheus queries")
    parser.add_argument("--gaps", action="store_true", help="scrapes may have failed")
    arguments = parser.parse_args()
    try:
        globals()[arguments.task](arguments)
    except (VerificationError, OSError) as error:
        sys.exit(f"{arguments.task}: {error}")


if __name__ == "__main__":
    main()
