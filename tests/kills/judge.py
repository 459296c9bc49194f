"""Checks what must be true after any kill: the equation of the store, and the events that the program has produced.

The producer (tests/tools/producer) writes into a file how many events each thread has published or counted. The number of
each event follows from the producer's program, which this file repeats. The Python program writes how many calls it has
entered.
"""

import json


class Wrong(Exception):
    """A promise that did not hold."""


def require(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(word) for word in what))


def producer_events(count):
    """(kind, line, name, value) of each event of one thread of the producer, in the order of the numbers."""
    events = [
        ("thread_start", None, None, None),
        ("call", 1, None, None),
        ("line", 17, None, None),
        ("call", 12, "count", count),
    ]
    i = 0
    while len(events) + 12 < count:
        events += [
            ("line", 13, None, None),
            ("line", 14, "i", i),
            ("line", 15, "x", 2 * i),
            ("call", 4, "amount", 2 * i),
            ("line", 6, None, None),
            ("line", 8, None, None),
            ("line", 9, None, None),
            ("return", 9, None, i),
        ]
        i += 1
    return events + [("return", 13, None, 0), ("return", 17, None, 0), ("thread_end", None, None, None)]


def threads_of(export):
    """{thread: its event objects in order}."""
    threads = {}
    for line in export.splitlines():
        thing = json.loads(line)
        if thing["type"] == "event":
            threads.setdefault(thing["thread"], []).append(thing)
        elif thing["type"] == "end":
            threads["end"] = thing
    return threads


def check_numbers(events):
    """Checks that the sequence numbers have no gap and no repeat. Returns the last one."""
    last = 0
    for event in events:
        require(event["seq"] == last + 1, "after", last, "comes", event)
        last = event["seq"] + (event["count"] - 1 if event["event"] == "lost" else 0)
        if event["event"] == "lost":
            require(
                event["count"] > 0 and event["first_ns"] <= event["last_ns"], "a loss without count or span", event
            )
    return last


def check_producer(export, count, names, progress, killed, may_lose):
    """Checks the events of the producer. `names` are those of its threads, in the order of `progress`."""
    threads = threads_of(export)
    end = threads.pop("end", None)
    require(end is not None, "the export has no end")
    numbers = {}
    for line in export.splitlines():
        thing = json.loads(line)
        if thing["type"] == "thread":
            numbers[thing["name"]] = thing["thread"]
        elif thing["type"] == "event":
            break
    expected = producer_events(count)
    for name, known in zip(names, progress):
        events = threads.pop(numbers.get(name, 0), [])
        last = check_numbers(events)
        require(known <= last <= known + (1 if killed else 0), name, "produced", known, "and shows", last)
        if not killed:
            require(last == len(expected), name, "produced", len(expected), "and shows", last)
        for event in events:
            if event["event"] == "lost":
                require(may_lose, "lost although it may wait", event)
                continue
            kind, line, variable, value = expected[event["seq"] - 1]
            require(
                event["event"] == kind and event.get("line") == line,
                "number",
                event["seq"],
                "is",
                kind,
                line,
                "and shows as",
                event,
            )
            if kind == "return":
                require(event["value"] == value, "returned", value, "and shows as", event)
            elif variable is not None:
                require(event["changed"].get(variable) == value, variable, "is", value, "and shows as", event)
    require(not threads, "threads that nobody started:", list(threads))


def check_python(export, progress, killed, count):
    """Checks the calls of note(part, i): i from 1 without gap in every part, at least as many as were entered."""
    seen = {}
    threads = threads_of(export)
    threads.pop("end")
    for events in threads.values():
        check_numbers(events)
        for event in events:
            require(event["event"] != "lost", "lost although it may wait", event)
            if event["event"] == "call" and event["function"] == "note":
                part, i = event["changed"]["part"], event["changed"]["i"]
                require(i == seen.get(part, 0) + 1, "part", part, "went from", seen.get(part, 0), "to", i)
                seen[part] = i
    for part, known in enumerate(progress):
        shown = seen.get(part, 0)
        require(known <= shown <= known + 1, "part", part, "entered", known, "calls and shows", shown)
        if not killed and known:
            require(shown == count, "part", part, "made", count, "calls and shows", shown)
