"""The state of a client, out of what it was told."""


class Happening:
    """A change of a box: what an update with a pts, or an answer with one, says that was done."""

    __slots__ = ("pts", "count", "kind", "what", "device", "event", "live")

    def __init__(self, pts, count, kind, what, device, event, live):
        self.pts, self.count, self.kind, self.what = pts, count, kind, what
        self.device, self.event, self.live = device, event, live

    def details(self):
        """What must agree wherever this pts is told; None where an answer does not say."""
        if self.kind in ("new", "edit"):
            return self.what["id"]
        if self.kind == "delete":
            return tuple(sorted(self.what["ids"])) if self.event["e"] != "done" else None
        if self.kind in ("read_inbox", "read_outbox"):
            return (self.what["peer"], self.what["max_id"]) if self.event["e"] != "done" else None
        return None

    def said(self):
        details = self.details()
        return self.kind if details is None else f"{self.kind} {details}"


KIND_OF_CALL = {"edit": "edit", "delete": "delete", "delete_history": "delete", "read": "read_inbox", "pin": "pinned"}


def happenings(device):
    """Everything with a pts that the device was told outside of differences."""
    sends, answered = {}, set()
    for event in device.events:
        if event["e"] == "live":
            what = event.get("message") or event
            live = not event.get("answer")
            yield Happening(event["pts"], event["pts_count"], event["kind"], what, device, event, live)
        elif event["e"] == "send":
            sends.setdefault(event["random_id"], event)
        elif event["e"] == "sent" and event["random_id"] not in answered:
            answered.add(event["random_id"])
            send = sends[event["random_id"]]
            if send.get("repeat"):
                continue  # told before, by whatever device sent it first
            message = event.get("message") or {
                "id": event["id"], "peer": send["peer"], "from": device.user, "out": True, "date": event["date"],
                "text": send["text"], "reply_to": send.get("reply_to") or 0, "forward": send.get("forward")}
            yield Happening(event["pts"], 1, "new", message, device, event, False)
        elif event["e"] == "done" and event.get("pts") and event.get("pts_count"):
            do = device.calls[event["key"]]["do"]
            kind = KIND_OF_CALL.get(do["what"])
            if kind:
                yield Happening(event["pts"], event["pts_count"], kind, do, device, event, False)


class ClientState:
    """Messages and read marks as a client keeps them."""

    def __init__(self):
        self.messages = {}
        self.read_inbox, self.read_outbox = {}, {}
        self.first_new = None  # the lowest id that came as new

    def take(self, message):
        self.messages[message["id"]] = dict(message)
        self.first_new = min(self.first_new or message["id"], message["id"])

    def edit(self, message):
        known = self.messages.get(message["id"])
        if known is not None:
            known.update(message)

    def remove(self, ids):
        for number in ids:
            self.messages.pop(number, None)

    def raise_mark(self, marks, peer, to):
        marks[peer] = max(marks.get(peer, 0), to)

    def top_of(self, peer):
        return max((number for number, each in self.messages.items() if each["peer"] == peer), default=0)

    def unread(self, peer, mark):
        return sum(each["peer"] == peer and not each.get("out") and number > mark
                   for number, each in self.messages.items())

    def apply(self, kind, what, by_call=None):
        """`by_call`: the call whose answer says so; then `what` is the call and not an update."""
        if kind == "new":
            self.take(what)
        elif kind == "edit" and by_call:
            if what["id"] in self.messages:
                self.messages[what["id"]]["text"] = what["text"]
        elif kind == "edit":
            self.edit(what)
        elif kind == "delete" and by_call == "delete_history":
            limit = what.get("max_id") or 0
            self.remove([number for number, each in self.messages.items()
                         if each["peer"] == what["peer"] and (not limit or number <= limit)])
        elif kind == "delete":
            self.remove(what["ids"])
        elif kind == "read_inbox":
            to = what["max_id"]
            self.raise_mark(self.read_inbox, what["peer"], min(to, self.top_of(what["peer"])) if by_call else to)
        elif kind == "read_outbox":
            self.raise_mark(self.read_outbox, what["peer"], what["max_id"])

    def apply_happening(self, each):
        call = each.device.calls[each.event["key"]]["do"]["what"] if each.event["e"] == "done" else None
        # A page of a deletion took a part of the dialog; its last page says when all of it is gone.
        if not (each.event["e"] == "done" and each.event.get("more")):
            self.apply(each.kind, each.what, call)

    def apply_difference(self, event):
        for message in event["messages"]:
            self.take(message)
        for update in event["updates"]:
            self.apply(update["kind"], update.get("message") or update)
