"""Rules about boxes as a whole: pts without gap and repeat, one state on all devices, exact counts and marks."""

import bisect
import collections

from replay import ClientState, happenings
from story import NO


def check(story):
    told = {device: list(happenings(device)) for device in story.devices}
    for user, devices in story.accounts.items():
        canonical = agree(story, user, [each for device in devices for each in told[device]])
        check_unread_told(story, canonical)
        check_finals(story, user)
    for device in story.devices:
        check_stream(story, device, told[device])
        check_coverage(story, device, told[device])
        check_state(story, device, told[device])
        check_fresh(story, device)
        check_dialogs(story, device)
    check_marks_across(story)


# --- pts ----------------------------------------------------------------------------------------------


def agree(story, user, all_told):
    """pts -> what happened, in order; every device must have been told the same."""
    canonical, left = {}, story.final_box(user)
    for each in all_told:
        story.counts["pts"] += 1
        first = canonical.setdefault(each.pts, each)
        if first is each:
            continue
        if gone_since(first, each, left):
            canonical[each.pts] = each if first.kind == "delete" else first
            continue
        if (first.kind, first.count) != (each.kind, each.count) or not same(first.details(), each.details()):
            story.violation(each.device, each.event["line"], "pts",
                            f"pts {each.pts} is {each.said()} with pts_count {each.count}; it was {first.said()} with "
                            f"pts_count {first.count} ({first.device.file}:{first.event['line']})")
        elif first.event["e"] == "done" and each.event["e"] != "done":
            canonical[each.pts] = each
    ordered = [canonical[pts] for pts in sorted(canonical)]
    for before, after in zip(ordered, ordered[1:]):
        if after.pts - after.count < before.pts:
            story.violation(after.device, after.event["line"], "pts",
                            f"pts {after.pts} with pts_count {after.count} reaches back over pts {before.pts} "
                            f"({before.device.file}:{before.event['line']})")
    return ordered


def gone_since(one, other, left):
    """Whether one of them tells of a message, and the other one, which was missed and is told late, of its end in its
    place. Such a message is no more."""
    if one.kind == "delete":
        one, other = other, one
    return (one.kind in ("new", "edit") and other.kind == "delete" and other.what.get("ids") == [one.what["id"]]
            and one.what["id"] not in left)


def same(one, other):
    return one is None or other is None or one == other


def check_stream(story, device, told):
    """On one connection: what is pushed ascends and has no hole, and nothing comes twice."""
    epochs, starts = [[]], {}
    by_line = {each.event["line"]: each for each in told}
    for event in device.events:
        if event["e"] == "connected":
            epochs.append([])
        elif event["e"] in ("too_long", "difference", "state"):
            epochs[-1].append(event["e"])
        elif event["e"] in ("send", "do"):
            starts.setdefault(event.get("random_id") or event["key"], len(epochs))
        if event["line"] in by_line:
            epochs[-1].append(by_line[event["line"]])
    open_since = first_unanswered(device, starts)
    fetched = fetched_before(device)
    everything = sorted((each.pts - each.count, each.pts) for each in told)
    for number, epoch in enumerate(epochs, 1):
        last, seen = 0, {}
        lives = []
        for each in epoch:
            if isinstance(each, str):
                if each == "too_long":
                    check_holes(story, device, lives, everything, fetched[number - 1], number >= open_since)
                    lives = []
                continue
            if each.live and each.pts <= last:
                story.violation(device, each.event["line"], "pts",
                                f"pts {each.pts} is pushed after pts {last}, on the same connection")
            elif each.pts in seen and began_in(each, seen[each.pts], starts) == number:
                story.violation(device, each.event["line"], "pts",
                                f"pts {each.pts} comes twice on one connection (line {seen[each.pts].event['line']})")
            seen.setdefault(each.pts, each)
            if each.live:
                last = max(last, each.pts)
                lives.append(each)
        check_holes(story, device, lives, everything, fetched[number - 1], number >= open_since)


def first_unanswered(device, starts):
    """The connection on which the first call began whose answer never came."""
    ended = {event.get("random_id") or event.get("key") for event in device.events
             if event["e"] in ("sent", "failed", "done", "refused")}
    return min((epoch for key, epoch in starts.items() if key not in ended), default=len(device.events) + 1)


def began_in(one, other, starts):
    """The connection on which the call began of whichever is an answer."""
    for each in (one, other):
        if each.event["e"] in ("sent", "done"):
            return starts.get(each.event.get("random_id") or each.event["key"])
    return None


def fetched_before(device):
    """For each connection to an old session, the pts that a difference had brought the device to when it began; 0 for
    the others, which push from where they begin."""
    reached, before = 0, [0]
    for event in device.events:
        if event["e"] == "connected":
            before.append(reached if event.get("old_session") else 0)
        elif event["e"] == "difference" and not event.get("fresh"):
            reached = max(reached, event["to"])
    return before


def check_holes(story, device, lives, everything, fetched, forgiven):
    """Between two pushes of one connection, every pts was told, by a push or by an answer. A session that the device
    comes back to may push from where it was left: what was fetched before leaves no hole there."""
    if forgiven:
        return
    for before, after in zip(lives, lives[1:]):
        reached, wanted = max(before.pts, fetched), after.pts - after.count
        place = bisect.bisect_left(everything, (reached, 0)) if reached < wanted else len(everything)
        while place < len(everything) and everything[place][0] <= reached < wanted:
            reached = max(reached, everything[place][1])
            place += 1
        if reached < wanted:
            story.violation(device, after.event["line"], "gap",
                            f"pts {reached} is followed by {after.pts} with pts_count {after.count}, and no "
                            f"updatesTooLong between")


def base_of(device, told):
    """Where the device begins, and whether that is the beginning of the box."""
    for event in device.events:
        if event["e"] == "state":
            return event["pts"]
    return min((each.pts - each.count for each in told), default=0)


def applied_differences(device):
    return [event for event in device.events if event["e"] == "difference" and not event.get("fresh")]


def check_coverage(story, device, told):
    """From where the device begins to its final pts, everything was told or fetched."""
    final = story.final_state[device]
    reached = base_of(device, told)
    spans = [(each.pts - each.count, each.pts) for each in told]
    spans += [(event["from"], event["to"]) for event in applied_differences(device)]
    for start, end in sorted(spans):
        if start > reached and device.differences:
            story.violation(device, final["line"], "gap",
                            f"nothing tells what happened between pts {reached} and {start}")
            reached = start
        reached = max(reached, end)
    story.counts["pts covered"] += 1
    if reached > final["pts"]:
        story.violation(device, final["line"], "pts", f"the final pts is {final['pts']}, {reached} was told before")
    elif reached < final["pts"] and device.differences:
        story.violation(device, final["line"], "gap",
                        f"the final pts is {final['pts']}, and nothing tells what happened after pts {reached}")


# --- one state ----------------------------------------------------------------------------------------


def check_finals(story, user):
    """All devices of an account end with the same pts, histories and dialogs."""
    first, *others = story.accounts[user]
    for device in others:
        one, other = story.final_state[first], story.final_state[device]
        if one["pts"] != other["pts"]:
            story.violation(device, other["line"], "state",
                            f"the final pts is {other['pts']}, on {first.name} it is {one['pts']}")
        for peer in sorted(story.peers_of(user)):
            compare(story, device, story.histories[device, peer]["line"], story.final(first, peer),
                    story.final(device, peer), f"the history of {first.name}")
        shown = [{each["peer"]: (each["top_message"], each["unread"], each["read_inbox"], each["read_outbox"])
                  for each in story.dialogs[both]["dialogs"]} for both in (first, device)]
        for peer in sorted(shown[0].keys() | shown[1].keys()):
            if shown[0].get(peer) != shown[1].get(peer):
                story.violation(device, story.dialogs[device]["line"], "state",
                                f"dialog {peer} is {shown[1].get(peer)} (top, unread, read_inbox, read_outbox), on "
                                f"{first.name} it is {shown[0].get(peer)}")


def content(message):
    return (message["peer"], message["from"], bool(message.get("out")), message["date"], message.get("text") or "",
            message.get("service") or "", message.get("reply_to") or 0)


def compare(story, device, line, known, read, source):
    """`read`: a history; `known`: what ought to be in it, by `source`."""
    story.counts["messages compared"] += len(read)
    for number in sorted(known.keys() - read.keys())[:3]:
        story.violation(device, line, "state", f"message {number} is missing that is in {source}")
    for number in sorted(read.keys() - known.keys())[:3]:
        story.violation(device, line, "state", f"message {number} is there and is not in {source}")
    for number in sorted(known.keys() & read.keys()):
        one, other = content(known[number]), content(read[number])
        if one != other:
            names = ("peer", "from", "out", "date", "text", "service", "reply_to")
            differing = [name for name, a, b in zip(names, one, other) if a != b]
            story.violation(device, line, "state", f"message {number} differs in {', '.join(differing)} from {source}")


def check_state(story, device, told):
    """What came live and by differences adds up to what the histories say."""
    if not device.differences:
        return
    begin, partial = base_of(device, told), base_of(device, told) > 1
    steps = [(event["to"], event["from"], event) for event in applied_differences(device)]
    fetched = merged((start, end) for end, start, _ in steps)
    steps += [(each.pts, each.pts - 1, each) for each in told if each.pts > begin and not lies_in(each.pts, fetched)]
    state = ClientState()
    for *_, step in sorted(steps, key=lambda step: step[:2]):
        if isinstance(step, dict) and step.get("too_long"):
            state, partial = ClientState(), True
        elif isinstance(step, dict):
            state.apply_difference(step)
        else:
            state.apply_happening(step)
    compare_with_histories(story, device, state, partial, "what the device was told")
    dialogs = {each["peer"]: each for each in story.dialogs[device]["dialogs"]}
    for name in ("read_inbox", "read_outbox"):
        for peer, mark in getattr(state, name).items():
            shown = dialogs[peer][name] if peer in dialogs else mark
            between = [number for number, each in story.final(device, peer).items()
                       if bool(each.get("out")) == (name == "read_outbox")
                       and min(shown, mark) < number <= max(shown, mark)]
            if between:
                story.violation(device, story.dialogs[device]["line"], "read",
                                f"{name} of {peer} is {shown}; by what the device was told it is {mark}")


def merged(spans):
    """Spans, open below and closed above, that do not touch each other, in order."""
    result = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        else:
            result.append([start, end])
    return result


def lies_in(pts, spans):
    place = bisect.bisect_left(spans, [pts]) - 1
    return place >= 0 and spans[place][0] < pts <= spans[place][1]


def compare_with_histories(story, device, state, partial, source):
    for peer in sorted(story.peers_of(device.user)):
        read = story.final(device, peer)
        known = {number: each for number, each in state.messages.items() if each["peer"] == peer}
        if partial:
            read = {number: each for number, each in read.items() if state.first_new and number >= state.first_new}
        compare(story, device, story.histories[device, peer]["line"], known, read, source)
        story.counts["states compared"] += 1


def check_fresh(story, device):
    """Differences that were asked from an older state lead to the same end."""
    final = story.final_state[device]["pts"]
    state = begin = reached = None
    for event in device.events:
        if event["e"] != "difference" or not event.get("fresh"):
            continue
        if event.get("too_long"):
            state = None
            continue
        if state is None or event["from"] != reached:
            state, begin = ClientState(), event["from"]
        state.apply_difference(event)
        reached = event["to"]
        if reached == final and not event.get("slice"):
            compare_with_histories(story, device, state, begin > 1, f"the difference from pts {begin}")


# --- counts and marks ---------------------------------------------------------------------------------


def check_unread_told(story, canonical):
    """still_unread_count of each reading equals a replay of all that came before it in the box."""
    state, reached = ClientState(), 1
    for each in canonical:
        if each.pts - each.count > reached:
            return  # what lies between came by a difference to every device
        reached = each.pts
        state.apply_happening(each)
        if each.kind == "read_inbox" and each.event["e"] == "live" and each.what.get("unread") is not None:
            story.counts["unread counts"] += 1
            unread = state.unread(each.what["peer"], each.what["max_id"])
            if unread != each.what["unread"]:
                story.violation(each.device, each.event["line"], "unread",
                                f"reading {each.what['peer']} up to {each.what['max_id']} leaves {unread} unread, not "
                                f"{each.what['unread']}")


def check_dialogs(story, device):
    event = story.dialogs[device]
    dialogs = {each["peer"]: each for each in event["dialogs"]}
    for peer in sorted(story.peers_of(device.user)):
        history, dialog = story.final(device, peer), dialogs.get(peer)
        if dialog is None:
            if history:
                story.violation(device, event["line"], "dialogs", f"the dialog {peer} has messages and is not listed")
            continue
        story.counts["unread counts"] += 1
        top = max(history, default=0)
        if dialog["top_message"] != top:
            story.violation(device, event["line"], "dialogs",
                            f"top_message of {peer} is {dialog['top_message']}, the newest is {top}")
        unread = sum(not each.get("out") and number > dialog["read_inbox"] for number, each in history.items())
        if dialog["unread"] != unread:
            story.violation(device, event["line"], "unread",
                            f"{dialog['unread']} of {peer} are unread; behind {dialog['read_inbox']} are {unread}")
        check_inbox_mark(story, device, dialog, history)


def check_inbox_mark(story, device, dialog, history):
    """The mark is as high as the highest reading, and no higher."""
    peer, mark = dialog["peer"], dialog["read_inbox"]
    allowed = 0
    for call in story.calls[device.user]:
        do = call["do"]
        if do["what"] != "read" or do["peer"] != peer or call["refused"]:
            continue
        allowed = max(allowed, do["max_id"])
        if not call["done"]:
            continue
        story.counts["readings"] += 1
        if do["max_id"] <= mark:
            continue
        there = [number for number, each in history.items() if not each.get("out") and mark < number <= do["max_id"]
                 and story.first_seen(device.user, number) < do["t"]]
        if there:
            story.violation(device, story.dialogs[device]["line"], "read",
                            f"{peer} was read up to {do['max_id']} ({call['device'].file}:{call['done']['line']}), the "
                            f"mark is {mark} and {max(there)} is behind it")
    beyond = [number for number, each in history.items() if not each.get("out") and allowed < number <= mark]
    if beyond:
        story.violation(device, story.dialogs[device]["line"], "read",
                        f"read_inbox of {peer} is {mark}, and nobody read further than {allowed}")


def check_marks_across(story):
    """Each side knows what the other has read: exactly the messages that it has read."""
    marks = {user: {each["peer"]: each for each in story.dialogs[devices[0]]["dialogs"]}
             for user, devices in story.accounts.items()}
    boxes = {user: story.final_box(user) for user in story.accounts}
    wrong = collections.Counter()
    for letter in story.letters:
        if letter.author == letter.peer or letter.ambiguous or letter.copy is None or letter.id is None:
            continue
        if not story.recorded(letter.peer) or not story.recorded(letter.author):
            continue
        mine, theirs = marks[letter.author].get(letter.peer), marks[letter.peer].get(letter.author)
        if not mine or not theirs or read_while_blocked(story, letter.author, letter.peer):
            continue
        if letter.id not in boxes[letter.author] or letter.copy not in boxes[letter.peer]:
            continue
        story.counts["marks"] += 1
        shown, truth = letter.id <= mine["read_outbox"], letter.copy <= theirs["read_inbox"]
        if shown != truth and story.deletion(letter, letter.peer) == NO:
            wrong[letter.author, letter.peer] += 1
            if wrong[letter.author, letter.peer] == 1:
                device = story.accounts[letter.author][0]
                story.violation(device, story.dialogs[device]["line"], "read",
                                f"{letter.token}, {letter.id} here, is shown as {'read' if shown else 'unread'} by "
                                f"{letter.peer}, where it is {letter.copy} and the mark is {theirs['read_inbox']}")


def read_while_blocked(story, author, reader):
    key = author, reader
    if key not in story.read_while_blocked:
        readings = [call for call in story.calls[reader]
                    if call["do"]["what"] == "read" and call["do"]["peer"] == author]
        story.read_while_blocked[key] = any(
            story.blocked_between(*pair, call["do"]["t"], (call["done"] or call["do"])["t"]) != NO
            for call in readings for pair in ((author, reader), (reader, author)))
    return story.read_while_blocked[key]
