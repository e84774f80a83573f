"""Rules about single messages: delivered once, in order, edits and deletions not undone."""

import bisect

from recording import SERVICE_USER, token_of
from story import NO, YES, Floor


def check(story):
    check_ids(story)
    check_texts(story)
    check_delivery(story)
    check_own_order(story)
    check_replies(story)
    check_edits(story)
    check_deletions(story)


def describe(message):
    return message.get("service") or token_of(message["text"])


def identity(message):
    return (message["peer"], message["from"], bool(message.get("out")), message["date"], describe(message))


# --- ids and dates ------------------------------------------------------------------------------------


def check_ids(story):
    """The same id is the same message on all devices of an account, and dates follow ids."""
    dates = {}
    for (user, number), sightings in story.sightings.items():
        first = sightings[0]
        for each in sightings:
            message = each.message
            if identity(message) != identity(first.message):
                story.violation(each.device, each.line, "identity",
                                f"message {number} is {identity(message)}, elsewhere it is {identity(first.message)} "
                                f"({first.device.file}:{first.line})")
                break
            wrong_side = bool(message.get("out")) != (message["from"] == user)
            if wrong_side or message["from"] not in (user, message["peer"]):
                story.violation(each.device, each.line, "identity",
                                f"message {number} of the dialog with {message['peer']} is from {message['from']}, "
                                f"out is {bool(message.get('out'))}")
                break
        dates.setdefault(user, {})[number] = (first.message["date"], first.message["from"], first.device, first.line)
    owners = {}
    for send in story.sends.values():
        sent = send.acknowledged
        if not sent:
            continue
        other = owners.setdefault((send.user, send.id), send)
        if other is not send:
            story.violation(send.by, sent["line"], "identity",
                            f"id {send.id} was given to random_id {sent['random_id']} and to "
                            f"{other.acknowledged['random_id']}")
        sightings = story.sightings.get((send.user, send.id), ())
        for each in sightings[:1]:
            shown = each.message
            if (shown["peer"], shown["date"], describe(shown)) != (send.peer, sent["date"], send.token):
                story.violation(each.device, each.line, "identity",
                                f"message {send.id} is {identity(shown)}, and was acknowledged as {send.token} to "
                                f"{send.peer} at {sent['date']} ({send.by.file}:{sent['line']})")
        dates.setdefault(send.user, {}).setdefault(send.id, (sent["date"], send.user, send.by, sent["line"]))
    for user, of_box in dates.items():
        check_dates(story, user, of_box)


def check_dates(story, user, of_box):
    """A date says when its author sent the message. Each author's follow ids. Those of two authors are as far apart as
    what they sent: one that was under way for long comes behind younger ones, and keeps its date."""
    by_author, newest = {}, None
    for number, (date, author, device, line) in sorted(of_box.items()):
        story.counts["dates"] += 1
        highest, its_id = by_author.get(author, (0, 0))
        began, done = sending_time(story, user, number)
        if date < highest - story.date_slack:
            story.violation(device, line, "dates", f"message {number} is of {date}, {its_id} before it is of {highest}")
        elif newest and began and date < newest[0] - max(0, newest[2] - began) - story.date_slack:
            story.violation(device, line, "dates",
                            f"message {number} is of {date}, {newest[1]} before it is of {newest[0]}, and was sent at "
                            f"most {max(0, newest[2] - began):.1f} s later")
        by_author[author] = max(by_author.get(author, (0, 0)), (date, number))
        if done and (not newest or date > newest[0]):
            newest = date, number, done


def sending_time(story, user, number):
    """When the message was sent, between two moments of the recordings; None where nobody knows."""
    letter = story.letter_at.get((user, number))
    if letter is None or letter.ambiguous:
        return None, None
    send = letter.send
    if send is None:  # never acknowledged: one of those that may be meant
        return min((each.began for each in story.by_token.get(letter.token, ())
                    if each.may_exist and (each.user, each.peer) == (letter.author, letter.peer)), default=None), None
    seen = story.first_seen(user, number)
    return send.began, min(send.acknowledged["t"], seen) if seen else send.acknowledged["t"]


def check_texts(story):
    """No message that nobody sent, no text that its author did not write."""
    for (_, number), sightings in story.sightings.items():
        for each in sightings:
            message = each.message
            if message.get("service") or not story.recorded(message["from"]) or message["from"] == SERVICE_USER:
                continue
            token = token_of(message["text"])
            if token not in story.by_token:
                story.violation(each.device, each.line, "invented", f"message {number}: nobody sent {token}")
            elif message["text"] not in story.texts_of(token):
                story.violation(each.device, each.line, "text",
                                f"message {number}, {token}, has a text that it was never given")
            else:
                continue
            break


# --- delivery -----------------------------------------------------------------------------------------


def check_delivery(story):
    """What was acknowledged is in both boxes, unless somebody deleted or blocked."""
    boxes = {user: story.final_box(user) for user in story.accounts}
    groups = {}
    for letter in story.letters:
        groups.setdefault((letter.author, letter.peer, letter.token), []).append(letter)
    for send in story.sends.values():
        if send.acknowledged:
            story.counts["acknowledged sends"] += 1
        else:
            story.counts["failed sends" if not send.may_exist else "sends of unknown fate"] += 1
    for letters in groups.values():
        if letters[0].ambiguous:
            check_group(story, letters, boxes)
            continue
        for letter in letters:
            for user in story.boxes_of(letter):
                check_presence(story, letter, user, boxes[user])


def check_presence(story, letter, user, box):
    number = letter.in_box(user)
    story.counts["deliveries"] += 1
    present = number is not None and number in box
    if user == letter.peer and user != letter.author and letter.send:
        blocked = story.blocked(letter.send)
        if blocked == YES and number is not None:
            seen = story.sightings[user, number][0]
            story.violation(seen.device, seen.line, "block", f"{letter.token} is from {letter.author}, who was blocked")
        if blocked != NO:
            return
    if present or not letter.send or story.deletion(letter, user) != NO:
        return
    sent = letter.send.acknowledged
    story.violation(letter.send.by, sent["line"], "lost",
                    f"{letter.token}, random_id {sent['random_id']}, was acknowledged as {letter.id} and is not in the "
                    f"box of {user}" + (f", where it had the id {number}" if number is not None else ""))


def check_group(story, letters, boxes):
    """Several of one token, of which the receiver never saw one: there are enough, by number."""
    peer = letters[0].peer
    sends = [letter.send for letter in letters if letter.send]
    if not story.recorded(peer) or peer == letters[0].author or not sends:
        return
    excused = sum(story.deletion(letter, peer) != NO for letter in letters if letter.send)
    excused += sum(story.blocked(send) != NO for send in sends)
    present = sum(letter.copy in boxes[peer] for letter in letters if letter.copy is not None)
    if present + excused < len(sends):
        send = sends[-1]
        story.violation(send.by, send.acknowledged["line"], "lost",
                        f"{send.token} was acknowledged {len(sends)} times to {peer}, whose box has it {present} times")


# --- order --------------------------------------------------------------------------------------------


def check_own_order(story):
    """What an account sent after an answer comes after what was answered; both boxes have the same order."""
    by_user = {}
    for send in story.sends.values():
        if send.acknowledged:
            by_user.setdefault(send.user, []).append(send)
    for sends in by_user.values():
        floor = Floor([(send.acknowledged["t"], send.id) for send in sends])
        for send in sends:
            story.counts["orders"] += 1
            before = floor.before(send.began)
            if before is not None and before > send.id:
                story.violation(send.by, send.acknowledged["line"], "order",
                                f"{send.token} has the id {send.id}; {before} was acknowledged before it was sent")
    for device in story.devices:
        if device.in_order:
            check_wire_order(story, device)
    pairs = {}
    for letter in story.letters:
        if letter.id and letter.copy and not letter.ambiguous:
            pairs.setdefault((letter.author, letter.peer), []).append(letter)
    for letters in pairs.values():
        letters.sort(key=lambda letter: letter.id)
        last = None
        for letter in letters:
            if last and letter.copy < last.copy:
                seen = story.sightings[letter.peer, letter.copy][0]
                story.violation(seen.device, seen.line, "order",
                                f"{letter.token} is {letter.copy} here and comes before {last.token}, {last.copy}; "
                                f"their author has them as {letter.id} and {last.id}")
            if not last or letter.copy > last.copy:
                last = letter


def check_wire_order(story, device):
    # Judged are those that were answered on the connection that carried them.
    answered, epoch = {}, 0
    for event in device.events:
        if event["e"] == "connected":
            epoch += 1
        elif event["e"] == "sent":
            answered.setdefault(event["random_id"], (epoch, event))
    epoch, highest = 0, 0
    for event in device.events:
        if event["e"] == "connected":
            epoch, highest = epoch + 1, 0
        elif event["e"] == "send" and not event.get("repeat"):
            at, sent = answered.get(event["random_id"], (None, None))
            if at != epoch:
                continue
            if sent["id"] < highest:
                story.violation(device, sent["line"], "order",
                                f"random_id {event['random_id']} has the id {sent['id']}, one sent before it {highest}")
            highest = max(highest, sent["id"])


def check_replies(story):
    """A reply comes after what it answers, names it in both boxes, and does not name another."""
    for (user, number), sightings in story.sightings.items():
        for each in sightings:
            answered = each.message.get("reply_to") or 0
            if not answered:
                continue
            story.counts["replies seen"] += 1
            if answered >= number:
                story.violation(each.device, each.line, "reply", f"message {number} answers {answered}, which is later")
                break
    for letter in story.letters:
        send = letter.send
        if letter.ambiguous or not send or not send.reply_to or send.forward:
            continue
        target = story.letter_at.get((letter.author, send.reply_to))
        if target is None or target.ambiguous:
            continue
        for user in story.boxes_of(letter):
            check_reply_in(story, letter, target, user)


def check_reply_in(story, letter, target, user):
    number, wanted = letter.in_box(user), target.in_box(user)
    if number is None or wanted is None:
        return
    removed = story.deletion(target, user) != NO or story.deletion(target, letter.author) != NO
    for each in story.sightings.get((user, number), ()):
        answered = each.message.get("reply_to") or 0
        if answered != wanted and not (removed and answered == 0):
            story.violation(each.device, each.line, "reply",
                            f"{letter.token}, {number} here, answers {answered}; it was sent as an answer to "
                            f"{target.token}, {wanted} here")
            return


# --- edits --------------------------------------------------------------------------------------------


def check_edits(story):
    edits = {}
    for user, calls in story.calls.items():
        for call in calls:
            if call["do"]["what"] != "edit" or call["refused"]:
                continue
            letter = story.letter_at.get((user, call["do"]["id"]))
            if letter:
                edits.setdefault(id(letter), (letter, []))[1].append(call)
                story.counts["edits acknowledged"] += bool(call["done"])
    for letter, calls in edits.values():
        done = sorted((call for call in calls if call["done"]),
                      key=lambda call: (call["done"].get("pts") or 0, call["done"]["t"]))
        versions = {call["do"]["text"]: place for place, call in enumerate(done, 1)}
        if letter.send and not letter.send.forward:
            versions.setdefault(letter.send.text, 0)
        unknown = {call["do"]["text"] for call in calls if not call["done"]}
        for user in story.boxes_of(letter):
            if letter.in_box(user) is not None:
                check_edits_in(story, letter, user, versions, unknown, done)


def check_edits_in(story, letter, user, versions, unknown, done):
    number = letter.in_box(user)
    sightings = story.sightings.get((user, number), ())
    points = [(each.t, versions[each.message["text"]]) for each in sightings if each.message["text"] in versions]
    if user == letter.author:
        points += [(call["done"]["t"], versions[call["do"]["text"]]) for call in done]
    floor = Floor(points)
    blocked = letter.author != user and any(
        story.blocked_between(user, letter.author, call["do"]["t"], call["done"]["t"]) != NO for call in done)
    for each in sightings:
        version = versions.get(each.message["text"])
        if version is None or not each.read:
            continue
        known = floor.before(each.asked)
        if known is not None and version < known:
            story.violation(each.device, each.line, "edit",
                            f"{letter.token}, {number} here, is version {version} again; version {known} was known")
    check_told_versions(story, letter, user, versions, len(unknown))
    if not done or blocked or unknown:
        return
    for device in story.accounts[user]:
        event = story.histories.get((device, letter.peer if user == letter.author else letter.author))
        for message in event["messages"] if event else ():
            if message["id"] == number and message["text"] != done[-1]["do"]["text"]:
                story.violation(device, event["line"], "edit",
                                f"{letter.token}, {number} here, ends as version {versions.get(message['text'])}; the "
                                f"last one acknowledged is {len(done)} ({done[-1]['device'].file}:"
                                f"{done[-1]['done']['line']})")


def check_told_versions(story, letter, user, versions, uncertain):
    """What is pushed never goes back to an older text. Who missed a push is told of it later, as the message is by then:
    so with the pts of an edit comes at least the text of that edit, and on one connection no older text comes with a
    higher pts. `uncertain`: edits that may have happened, and have no version."""
    number = letter.in_box(user)
    told = sorted((each for each in story.sightings.get((user, number), ()) if each.how == "live" and each.pts),
                  key=lambda each: each.pts)
    arrival = story.new_pts.get((user, number), 0)
    edits, heard = set(), {}  # heard: by connection, the version
    for each in told:
        if arrival and each.pts > arrival:
            edits.add(each.pts)
        version = versions.get(each.message["text"])
        if version is None:
            continue
        connection = each.device, bisect.bisect(each.device.connected, each.line)
        before = max(heard.get(connection, 0), len(edits) - uncertain)
        if version < before:
            story.violation(each.device, each.line, "edit",
                            f"{letter.token}, {number} here, is told as version {version} after version {before}")
        heard[connection] = max(heard.get(connection, 0), version)


# --- deletions ----------------------------------------------------------------------------------------


def check_deletions(story):
    """What was deleted does not come back, and what was deleted for both is gone on both sides."""
    for user, devices in story.accounts.items():
        died = {}  # id -> (time, pts, where)
        for device in devices:
            for when, pts, numbers, line in deletions_of(device):
                for number in numbers:
                    story.counts["deletions"] += 1
                    first = died.setdefault(number, [when, pts, f"{device.file}:{line}"])
                    if when < first[0]:
                        first[0], first[2] = when, f"{device.file}:{line}"
                    # Whoever hears late of its arrival, or of an edit, hears of its end in their place.
                    first[1] = max(first[1], pts)
        for number, (when, pts, where) in died.items():
            for each in story.sightings.get((user, number), ()):
                later = each.asked > when if each.read else each.pts and pts and each.pts > pts
                if later:
                    story.violation(each.device, each.line, "deletion",
                                    f"message {number}, {describe(each.message)}, was deleted ({where}) and is here")
                    break
    for letter in story.letters:
        if letter.ambiguous:
            continue
        for user in story.boxes_of(letter):
            number = letter.in_box(user)
            if number is None or story.deletion(letter, user) != YES:
                continue
            for device in story.accounts[user]:
                event = story.histories.get((device, letter.peer if user == letter.author else letter.author))
                if event and any(message["id"] == number for message in event["messages"]):
                    story.violation(device, event["line"], "deletion",
                                    f"{letter.token}, {number} here, was deleted and is in the box at the end")


def deletions_of(device):
    """Each deletion that the device knows of: when, its pts, the ids, the line."""
    for event in device.events:
        updates = [event] if event["e"] == "live" else event["updates"] if event["e"] == "difference" else ()
        for update in updates:
            if update["kind"] == "delete":
                yield event["t"], update.get("pts") or 0, update["ids"], event["line"]
    for call in device.calls.values():
        if call["do"]["what"] == "delete" and call["done"]:
            done = call["done"]
            yield done["t"], done.get("pts") or 0 if done.get("pts_count") else 0, call["do"]["ids"], done["line"]

