"""What all devices together tell: who sent what, which ids it has in which box, who deleted, edited, blocked."""

import bisect
import collections
import itertools

from recording import SERVICE_USER, Unusable, token_of

NO, MAYBE, YES = 0, 1, 2


class Send:
    """A random_id of an account, with all its attempts."""

    def __init__(self, device, event):
        self.device, self.event = device, event
        self.user, self.peer, self.text = device.user, event["peer"], event["text"]
        self.token = token_of(self.text)
        self.forward = bool(event.get("forward"))
        self.reply_to = event.get("reply_to") or 0
        self.began = event["t"]
        self.attempts, self.failures = 1, 0
        self.acknowledged = None  # the first `sent`
        self.by = None  # the device it was acknowledged to

    @property
    def id(self):
        return self.acknowledged["id"] if self.acknowledged else None

    @property
    def may_exist(self):
        return self.acknowledged is not None or self.failures < self.attempts


class Sighting:
    """A message as one line of one device shows it."""

    __slots__ = ("device", "line", "message", "how", "pts", "t", "asked")

    def __init__(self, device, event, message, how, pts=None):
        self.device, self.line, self.message, self.how, self.pts = device, event["line"], message, how, pts
        self.t, self.asked = event["t"], event["asked"]

    @property
    def read(self):
        """Shows the box as it was when it was asked for. What live and fetched updates show is as old as their pts."""
        return self.how in ("history", "difference")


class Letter:
    """A message with the id that it has in its author's box and in its receiver's."""

    def __init__(self, author, peer, token, number, copy, send, ambiguous):
        self.author, self.peer, self.token, self.send = author, peer, token, send
        self.id = number  # in the author's box
        self.copy = copy  # in the receiver's box
        self.ambiguous = ambiguous  # another letter of this token may be meant by one of the two

    def in_box(self, user):
        return self.id if user == self.author else self.copy


class Story:
    def __init__(self, devices, settle):
        self.devices, self.settle = devices, settle
        self.accounts = collections.defaultdict(list)
        for device in devices:
            self.accounts[device.user].append(device)
        self.violations = []
        self.counts = collections.Counter()
        self.sends = {}  # (user, random_id)
        self.sightings = collections.defaultdict(list)  # (user, id) -> in the order of time
        self.new_pts = {}  # (user, id) -> pts of its arrival
        self.calls = collections.defaultdict(list)  # user
        self.histories = {}  # (device, peer) -> last complete event
        self.dialogs = {}  # device -> last complete event
        self.final_state = {}  # device
        self.read_while_blocked = {}  # (author, reader)
        self.blocks = {}  # (owner, whom) -> calls, in the order of time
        for device in devices:
            self.read(device)
        for each in self.sightings.values():
            each.sort(key=lambda sighting: sighting.t)
        self.check_usable()
        self.index_deletions()
        self.by_token = collections.defaultdict(list)
        for send in self.sends.values():
            self.by_token[send.token].append(send)
        for token, sends in self.by_token.items():
            if sum(not send.forward for send in sends) > 1:
                raise Unusable(f"the token {token} belongs to several sends")
        self.edits_of = collections.defaultdict(list)  # token
        for call in itertools.chain.from_iterable(self.calls.values()):
            if call["do"]["what"] == "edit" and not call["refused"]:
                self.edits_of[token_of(call["do"]["text"])].append(call)
        self.letters = []
        self.letter_at = {}  # (user, id)
        self.make_letters()

    def violation(self, device, line, invariant, text):
        self.violations.append((device.file, line, invariant, f"{device.name}: {text}"))

    # --- reading ------------------------------------------------------------------------------------

    def read(self, device):
        user = device.user
        self.calls[user].extend(device.calls.values())
        for event in device.events:
            kind = event["e"]
            if kind == "send":
                self.read_send(device, event)
            elif kind == "sent":
                self.read_sent(device, event)
            elif kind == "failed":
                self.sends[user, event["random_id"]].failures += 1
            elif kind == "live":
                self.counts["live updates"] += 1
                self.see_update(device, event, event, "live")
            elif kind == "difference":
                self.counts["differences"] += 1
                for message in event["messages"]:
                    self.see(device, event, message, "difference")
                for update in event["updates"]:
                    self.see_update(device, event, update, "fetched")
            elif kind == "history":
                self.counts["histories"] += 1
                for message in event["messages"]:
                    self.see(device, event, message, "history")
                if event.get("complete"):
                    self.histories[device, event["peer"]] = event
            elif kind == "dialogs" and event.get("complete"):
                self.dialogs[device] = event
            elif kind == "state" and event.get("final"):
                self.final_state[device] = event
            elif kind in ("done", "refused"):
                self.counts[kind] += 1

    def read_send(self, device, event):
        key = device.user, event["random_id"]
        known = self.sends.get(key)
        if known is None:
            self.sends[key] = Send(device, event)
            return
        if not event.get("repeat"):
            raise Unusable(f"{device.file}:{event['line']}: the random_id is used twice, and is not marked a repeat")
        known.attempts += 1
        known.began = min(known.began, event["t"])

    def read_sent(self, device, event):
        send = self.sends[device.user, event["random_id"]]
        first = send.acknowledged
        if first is None:
            send.acknowledged, send.by = event, device
            self.new_pts.setdefault((device.user, event["id"]), event["pts"])
            return
        self.counts["repeats"] += 1
        for name in ("id", "pts", "date"):
            if first[name] != event[name]:
                self.violation(device, event["line"], "once",
                               f"random_id {event['random_id']} has {name} {event[name]}, first it had {first[name]} "
                               f"({send.by.file}:{first['line']})")

    def see_update(self, device, event, update, how):
        message = update.get("message")
        if message:
            self.see(device, event, message, how, update.get("pts"))
            if update["kind"] == "new" and update.get("pts"):
                self.new_pts.setdefault((device.user, message["id"]), update["pts"])

    def see(self, device, event, message, how, pts=None):
        self.counts["messages seen"] += 1
        self.sightings[device.user, message["id"]].append(Sighting(device, event, message, how, pts))

    def check_usable(self):
        if not any(send.acknowledged for send in self.sends.values()):
            raise Unusable("no send was acknowledged: there is nothing to judge")
        for device in self.devices:
            if device not in self.dialogs:
                raise Unusable(f"{device.file}: no complete dialogs")
            if device not in self.final_state:
                raise Unusable(f"{device.file}: no final state")
            for peer in sorted(self.peers_of(device.user)):
                if (device, peer) not in self.histories:
                    raise Unusable(f"{device.file}: no complete history of {peer}")

    def peers_of(self, user):
        """With whom the account ever had a message."""
        peers = {send.peer for send in self.sends.values() if send.user == user and send.acknowledged}
        peers |= {each[0].message["peer"] for (owner, _), each in self.sightings.items() if owner == user}
        return peers

    def index_deletions(self):
        self.deletions = collections.defaultdict(list)  # (user, id)
        self.cleared = collections.defaultdict(list)  # (user, peer)
        self.unseen_deletions = collections.defaultdict(list)  # user: those of ids that no device ever saw
        for user, calls in self.calls.items():
            for call in calls:
                do = call["do"]
                if call["refused"]:
                    continue
                if do["what"] == "delete_history":
                    self.cleared[user, do["peer"]].append(call)
                elif do["what"] == "delete":
                    for number in set(do["ids"]):
                        self.deletions[user, number].append(call)
                    if any((user, number) not in self.sightings for number in do["ids"]):
                        self.unseen_deletions[user].append(call)

    # --- who is who ---------------------------------------------------------------------------------

    def recorded(self, user):
        return user in self.accounts

    def boxes_of(self, letter):
        return [user for user in dict.fromkeys((letter.author, letter.peer)) if self.recorded(user)]

    def make_letters(self):
        """Pairs each author's ids with the receiver's, by token, and in order where a token is there several times."""
        own, theirs = collections.defaultdict(dict), collections.defaultdict(set)
        for send in self.sends.values():
            if send.acknowledged:
                own[send.user, send.peer, send.token][send.id] = send
        for (user, number), sightings in self.sightings.items():
            message = sightings[0].message
            if message.get("service"):
                continue
            token = token_of(message["text"])
            if message["from"] == user:
                own[user, message["peer"], token].setdefault(number, None)
            elif message["from"] != SERVICE_USER:
                theirs[message["from"], user, token].add(number)
        for key in own.keys() | theirs.keys():
            copies = sorted(theirs.get(key, ()))
            ids = sorted(own.get(key, {}))
            # Of several with one token, which one is missing is not known; counts are judged then.
            paired = len(copies) == len(ids) or max(len(copies), len(ids)) == 1
            if paired:
                pairs = itertools.zip_longest(ids, copies)
            else:
                pairs = [(each, None) for each in ids] + [(None, each) for each in copies]
            for number, copy in pairs:
                letter = Letter(*key, number, copy, own.get(key, {}).get(number), not paired)
                self.letters.append(letter)
                for user, place in ((letter.author, number), (letter.peer, copy)):
                    if place is not None:
                        self.letter_at[user, place] = letter
            self.count_copies(key, own.get(key, {}), copies)

    def count_copies(self, key, ids, copies):
        author, peer, token = key
        if not self.recorded(author):
            return
        sends = [send for send in self.by_token.get(token, ()) if send.user == author and send.peer == peer]
        possible = sum(send.may_exist for send in sends)
        for user, numbers in ((author, sorted(ids)), (peer, copies)):
            if len(numbers) <= possible or not self.recorded(user):
                continue
            shown = (self.sightings[user, each][0] for each in reversed(numbers) if (user, each) in self.sightings)
            sighting = next(shown, None)
            if sighting is None:
                continue
            what = f"{token} is there {len(numbers)} times, as {numbers}, and was sent {possible} times"
            self.violation(sighting.device, sighting.line, "once" if possible else "invented", what)

    # --- final boxes --------------------------------------------------------------------------------

    def final(self, device, peer):
        event = self.histories.get((device, peer))
        return {message["id"]: message for message in event["messages"]} if event else {}

    def final_box(self, user):
        """All messages of an account's dialogs as its first device read them at the end: id -> (line, message)."""
        device = self.accounts[user][0]
        return {
            message["id"]: (event["line"], message)
            for (owner, _), event in self.histories.items()
            if owner is device
            for message in event["messages"]
        }

    # --- deletions ----------------------------------------------------------------------------------

    def first_seen(self, user, number):
        seen = [each.t for each in self.sightings.get((user, number), ())]
        return min(seen, default=None)

    def own_deletion(self, user, number, peer, began, revoking=None):
        """Whether calls of this account removed the message from its box, and the call that says most. `began`: when
        the message was sent, where that is known."""
        verdict, by = NO, None
        unseen = self.unseen_deletions[user] if number is None else ()
        for call in itertools.chain(self.deletions[user, number], self.cleared[user, peer], unseen):
            do, done = call["do"], call["done"]
            if revoking is not None and bool(do.get("revoke")) != revoking:
                continue
            if do["what"] == "delete_history":
                one = self.history_deletion(user, number, began, do, done)
            else:
                one = YES if done and number is not None else MAYBE
            if one > verdict:
                verdict, by = one, call
        return verdict, by

    def history_deletion(self, user, number, began, do, done):
        limit = do.get("max_id") or 0
        if limit and number is not None and number > limit:
            return NO
        if done and began is not None and began > done["t"]:
            return NO
        if not done or done.get("more") or number is None:
            return MAYBE
        pts = self.new_pts.get((user, number))
        if pts and done.get("pts") and done.get("pts_count"):
            return YES if pts < done["pts"] else NO
        seen = self.first_seen(user, number)
        return YES if seen is not None and seen < do["t"] else MAYBE

    def deletion(self, letter, user):
        """Whether the letter must be, may be, or cannot be gone from this account's box."""
        number, other = letter.in_box(user), letter.peer if user == letter.author else letter.author
        began = letter.send.began if letter.send else None
        own, _ = self.own_deletion(user, number, other, began)
        if user == other or not self.recorded(other):
            return own
        there = letter.in_box(other)
        revoked, by = self.own_deletion(other, there, user, began, revoking=True)
        if revoked == YES:
            alone, _ = self.own_deletion(other, there, user, began, revoking=False)
            end = by["done"]["t"]
            if alone != NO or there is None or self.blocked_between(user, other, by["do"]["t"], end) != NO:
                revoked = MAYBE
        return max(own, revoked)

    # --- blocks -------------------------------------------------------------------------------------

    def block_calls(self, owner, whom):
        key = owner, whom
        if key not in self.blocks:
            calls = [call for call in self.calls[owner] if call["do"]["what"] in ("block", "unblock")
                     and call["do"]["user"] == whom and not call["refused"]]
            self.blocks[key] = sorted(calls, key=lambda call: call["do"]["t"])
        return self.blocks[key]

    def blocked_between(self, owner, whom, begin, end):
        """Whether `owner` had blocked `whom` while something arrived that was done between these times."""
        verdict = NO
        for call in self.block_calls(owner, whom):
            done = call["done"]["t"] if call["done"] else None
            if done is not None and done < begin:
                verdict = YES if call["do"]["what"] == "block" else NO
            elif call["do"]["t"] <= end + self.settle:
                return MAYBE
        return verdict

    def blocked(self, send):
        end = send.acknowledged["t"] if send.acknowledged else send.began
        return self.blocked_between(send.peer, send.user, send.began, end)

    # --- texts --------------------------------------------------------------------------------------

    def texts_of(self, token):
        """Every text that a message with this token may ever have."""
        texts = {send.text for send in self.by_token.get(token, ())}
        return texts | {call["do"]["text"] for call in self.edits_of.get(token, ())}


class Floor:
    """The highest of values that were known before a moment."""

    def __init__(self, points):
        self.times, self.values = [], []
        highest = None
        for moment, value in sorted(points):
            highest = value if highest is None else max(highest, value)
            self.times.append(moment)
            self.values.append(highest)

    def before(self, moment):
        place = bisect.bisect_left(self.times, moment)
        return self.values[place - 1] if place else None
