"""A small server that keeps every promise, and devices that record what they see of it. Tests of the checker change
such recordings, or make the server break one promise."""

import copy
import json

A, B = 1001, 1002
START = 1_700_000_000


class PlantedDevice:
    def __init__(self, world, user, name, differences=True, in_order=False):
        self.world, self.user, self.name = world, user, name
        self.online, self.pts = True, 1
        self.events = []
        self.record("device", format=1, user=user, name=name, differences=differences, in_order=in_order)
        self.record("connected")
        self.record("state", pts=1, qts=0, date=START, seq=0)

    def record(self, event, **fields):
        self.events.append({"e": event, "t": round(self.world.time, 3), **copy.deepcopy(fields)})
        return self.events[-1]


class PlantedWorld:
    """Two accounts, two devices each: a1, a2 (recover by differences), b1, b2 (b2 does not)."""

    def __init__(self):
        self.time, self.keys, self.random = 0.0, 0, 0
        self.boxes = {user: {} for user in (A, B)}  # id -> message, with `origin`: (author, id there)
        self.next_id = {A: 1, B: 1}
        self.log = {A: [], B: []}  # (pts, pts_count, update)
        self.marks = {(user, name): 0 for user in (A, B) for name in ("read_inbox", "read_outbox")}
        self.blocked = set()
        self.devices = [PlantedDevice(self, A, "a1", in_order=True), PlantedDevice(self, A, "a2"),
                        PlantedDevice(self, B, "b1"), PlantedDevice(self, B, "b2", differences=False)]
        self.a1, self.a2, self.b1, self.b2 = self.devices

    def tick(self):
        self.time += 0.125
        return START + int(self.time)

    def pts(self, user):
        return self.log[user][-1][0] if self.log[user] else 1

    def append(self, user, kind, count=1, but=None, **fields):
        """Puts an update into the box's log and tells those who are online; the pts."""
        pts = self.pts(user) + count
        update = {"kind": kind, "pts": pts, "pts_count": count, **copy.deepcopy(fields)}
        self.log[user].append((pts, count, update))
        for device in self.devices:
            if device.user == user and device.online:
                if device is not but:
                    device.record("live", **update)
                device.pts = pts
        return pts

    def shown(self, user, number):
        return {name: value for name, value in self.boxes[user][number].items() if name != "origin"}

    def find(self, user, origin):
        return next((number for number, each in self.boxes[user].items() if each["origin"] == origin), 0)

    def put(self, user, peer, author, text, date, origin, reply, forward):
        number = self.next_id[user]
        self.next_id[user] += 1
        self.boxes[user][number] = {
            "id": number, "peer": peer, "from": author, "out": author == user, "date": date, "text": text,
            "reply_to": reply, "forward": forward, "origin": origin or (user, number)}
        return number

    def send(self, device, text, reply_to=0, to=None, answered=True, arrives=True, forward=False, random_id=None,
             held=None):
        """`held`: a list that gets a function, which lets the message arrive, instead of its arrival."""
        user = device.user
        peer = to or (B if user == A else A)
        self.random += 1
        random_id = random_id or str(self.random * 7919)
        device.record("send", random_id=random_id, peer=peer, text=text, reply_to=reply_to, forward=forward)
        date = self.tick()
        if not arrives:
            return 0
        before = device.pts
        number = self.put(user, peer, user, text, date, None, reply_to, forward)
        pts = self.append(user, "new", but=device, message=self.shown(user, number))
        if answered:
            device.record("sent", random_id=random_id, id=number, pts=pts, date=date)
        else:
            device.pts = before
        def arrive():
            if peer != user and user not in self.blocked:
                origin = self.boxes[user][reply_to]["origin"] if reply_to else None
                there = self.find(peer, origin) if origin else 0
                other = self.put(peer, user, user, text, date, (user, number), there, forward)
                self.append(peer, "new", message=self.shown(peer, other))

        if held is None:
            arrive()
        else:
            held.append(arrive)
        self.tick()
        return number

    def begin(self, device, what, **fields):
        self.keys += 1
        device.record("do", key=f"k{self.keys}", what=what, **fields)
        self.tick()
        return f"k{self.keys}"

    def edit(self, device, number, text, answered=True):
        user = device.user
        message = self.boxes[user][number]
        key = self.begin(device, "edit", peer=message["peer"], id=number, text=text)
        for owner in (user, message["peer"]):
            place = self.find(owner, message["origin"])
            if not place:
                continue
            self.boxes[owner][place].update(text=text, edit_date=START + int(self.time))
            asker = device if owner == user and answered else None
            pts = self.append(owner, "edit", but=asker, message=self.shown(owner, place))
            if asker:
                device.record("done", key=key, pts=pts, pts_count=1)
        self.tick()

    def delete(self, device, ids, revoke):
        user = device.user
        key = self.begin(device, "delete", ids=ids, revoke=revoke)
        removed = [self.boxes[user].pop(number) for number in ids]
        pts = self.append(user, "delete", len(ids), device, ids=ids)
        device.record("done", key=key, pts=pts, pts_count=len(ids))
        for message in removed:
            there = self.find(message["peer"], message["origin"]) if revoke else 0
            if there:
                del self.boxes[message["peer"]][there]
                self.append(message["peer"], "delete", ids=[there])
        self.tick()

    def delete_history(self, device, peer):
        user = device.user
        key = self.begin(device, "delete_history", peer=peer, max_id=0, revoke=False)
        ids = [number for number, each in self.boxes[user].items() if each["peer"] == peer]
        for number in ids:
            del self.boxes[user][number]
        pts = self.append(user, "delete", len(ids), device, ids=ids)
        device.record("done", key=key, pts=pts, pts_count=len(ids))
        self.tick()

    def unread(self, user):
        return sum(not each["out"] and number > self.marks[user, "read_inbox"]
                   for number, each in self.boxes[user].items())

    def read(self, device, max_id):
        user = device.user
        peer = B if user == A else A
        key = self.begin(device, "read", peer=peer, max_id=max_id)
        self.marks[user, "read_inbox"] = max_id
        pts = self.append(user, "read_inbox", but=device, peer=peer, max_id=max_id, unread=self.unread(user))
        device.record("done", key=key, pts=pts, pts_count=1)
        theirs = [each["origin"][1] for number, each in self.boxes[user].items()
                  if not each["out"] and number <= max_id and each["origin"][0] == peer]
        if theirs:
            self.marks[peer, "read_outbox"] = max(theirs)
            self.append(peer, "read_outbox", peer=user, max_id=max(theirs))
        self.tick()

    def block(self, device, whom, on=True):
        self.time += 60
        key = self.begin(device, "block" if on else "unblock", user=whom)
        (self.blocked.add if on else self.blocked.discard)(whom)
        device.record("done", key=key)
        self.time += 60

    def offline(self, device):
        device.online = False

    def difference_of(self, user, begin):
        messages, updates = [], []
        for pts, _, update in self.log[user]:
            if pts <= begin:
                continue
            number = update["message"]["id"] if "message" in update else None
            if number is None:
                updates.append(update)
            elif number in self.boxes[user] and update["kind"] == "new":
                messages.append(self.shown(user, number))
            elif number in self.boxes[user]:
                updates.append(dict(update, message=self.shown(user, number)))
        return {"from": begin, "to": self.pts(user), "messages": messages, "updates": updates}

    def back(self, device):
        self.tick()
        device.online = True
        device.record("connected")
        device.record("difference", **self.difference_of(device.user, device.pts))
        device.pts = self.pts(device.user)

    def finish(self, fresh=True):
        self.time += 1
        for device in self.devices:
            user = device.user
            if fresh and device.events[0]["differences"]:
                device.record("difference", fresh=True, **self.difference_of(user, 1))
            dialogs = []
            for peer in (A, B):
                box = self.boxes[user]
                messages = [self.shown(user, number) for number, each in box.items() if each["peer"] == peer]
                device.record("history", peer=peer, complete=True, messages=messages)
                if messages and peer != user:
                    top = max(each["id"] for each in messages)
                    dialogs.append({"peer": peer, "top_message": top, "unread": self.unread(user),
                                    "read_inbox": self.marks[user, "read_inbox"],
                                    "read_outbox": self.marks[user, "read_outbox"]})
                elif messages:
                    top = messages[-1]["id"]
                    dialogs.append({"peer": peer, "top_message": top, "unread": 0, "read_inbox": 0, "read_outbox": 0})
            device.record("dialogs", complete=True, dialogs=dialogs)
            device.record("state", pts=self.pts(user), qts=0, date=START, seq=0, final=True)
            device.record("end")
        return self

    def write(self, folder):
        for device in self.devices:
            lines = "".join(json.dumps(event) + "\n" for event in device.events)
            (folder / f"{device.name}.jsonl").write_text(lines)


def conversation():
    """Something of everything, with a2 away for a part of it."""
    world = PlantedWorld()
    one = world.send(world.a1, "one of many")
    world.send(world.b1, "two of many", reply_to=1)
    world.read(world.a2, 2)
    world.offline(world.a2)
    three = world.send(world.a1, "three first")
    world.edit(world.a1, three, "three second")
    world.send(world.b2, "four is there", reply_to=3)
    world.back(world.a2)
    world.edit(world.a2, three, "three third")
    world.send(world.a1, "five goes away")
    world.delete(world.a1, [5], revoke=True)
    world.send(world.a2, "six stays at one side")
    world.delete(world.b2, [6], revoke=False)
    world.read(world.b1, 3)
    world.send(world.a1, "seven for me", to=A)
    world.send(world.a1, "eight was never answered", answered=False)
    world.offline(world.a1)
    world.back(world.a1)
    world.send(world.a1, "nine never came", arrives=False)
    world.send(world.a1, "one of many", forward=True)
    world.block(world.b1, A)
    world.send(world.a1, "ten reaches nobody")
    world.block(world.b1, A, on=False)
    world.send(world.a2, "eleven arrives")
    assert one == 1 and three == 3
    return world
