# SPDX-License-Identifier: BSD-2-Clause
# What happened when: the steps of the harness with their times, from events.jsonl, and the markers of the log in their order, each
# with its place in it. The first is the harness's word and not signed; a marker has no time.
import json
import math

import markup

EVENTS_BYTES_MAX = 8 << 20
STEPS_MAX = 400
SECONDS_MAX = 1e6  # beyond it, a time is none


def read_events(path):
    """(events, how many lines are none): objects with a time and a step, or with a time alone."""
    if not path.is_file():
        return [], 0
    with open(path, "rb") as file:
        lines = file.read(EVENTS_BYTES_MAX).split(b"\n")
    found, odd = [], 0
    for line in lines[:-1]:
        try:
            event = json.loads(line)
            at = event["t"]
            if isinstance(at, bool) or not math.isfinite(at) or (found and not 0 <= at - found[0]["t"] < SECONDS_MAX):
                raise ValueError("no time")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            odd += 1
            continue
        found.append(event)
    return found, odd + bool(lines[-1])


def of_what(event):
    """What a step was about: a kind of resource, a status, a port, markers, as far as it says."""
    names = event.get("names")
    if isinstance(names, list):
        return f"{len(names)} markers"
    return next((str(event[key]) for key in ("kind", "of", "status", "verdict", "port") if event.get(key) is not None), "")


def steps(events):
    """(name, of what, seconds from the first event, duration) of each step; the last lasts to the last event."""
    named = [event for event in events if isinstance(event.get("step"), str)]
    begun, ended = (events[0]["t"], max(event["t"] for event in events)) if events else (0, 0)
    ends = [event["t"] for event in named[1:]] + [ended]
    return [(event["step"], of_what(event), event["t"] - begun, max(end - event["t"], 0)) for event, end in zip(named, ends)]


def bar(at, length, whole):
    """Where in the whole it lies. Its numbers are ours."""
    start, width = (1000 * part / whole if whole > 0 else 0 for part in (at, length))
    return (f'<td class="bar"><svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect x="{start:.1f}" y="1" width="{max(width, 4):.1f}" height="8"/></svg></td>')


def of_steps(folder):
    events, odd = read_events(folder / "events.jsonl")
    found = steps(events)
    whole = max((at + length for _, _, at, length in found), default=0)
    rows = [[markup.text(name), markup.text(what), markup.number(f"{at:.1f} s"), markup.number(f"{length:.1f} s"),
             bar(at, length, whole)] for name, what, at, length in found[:STEPS_MAX]]
    calls = [event for event in events if event.get("event") == "gcloud"]
    failed = sum(event.get("status") not in (0, None) for event in calls)
    notes = []
    if calls:
        notes.append(f"{len(calls)} calls of gcloud, {failed} of them refused.")
    if len(found) > STEPS_MAX:
        notes.append(f"{len(found) - STEPS_MAX} more steps are not shown.")
    if odd:
        notes.append(f"{odd} lines of events.jsonl are no events.")
    return markup.table(["step", "of", "after", "took", ""], rows) + (markup.paragraph(" ".join(notes), "dim") if notes else "")


def of_markers(judged):
    """Each marker with its byte in the log."""
    rows, at, whole = [], 0, len(judged.data)
    for line in judged.result["lines"]:
        at = judged.data.find(line.text.encode("latin-1"), at)
        rows.append([markup.number(line.seq), f"<code>{markup.text(line.name)}</code>", markup.number(at),
                     bar(at, len(line.text), whole)])
        at += len(line.text)
    return markup.table(["", "marker", "at byte", f"of {judged.log_name}"], rows)
