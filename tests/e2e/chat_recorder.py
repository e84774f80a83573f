"""Writes what a device sends and sees in the form of tests/checker/README.md."""

import json
import threading


def peer_of(message, own):
    peer = message.get("peer_id") or {}
    return peer.get("user_id", own)


def service_of(action):
    name = action["_"]
    return name[len("MessageAction"):] if name.startswith("MessageAction") else name


def recorded_message(message, own):
    """A TL message; None for an empty one."""
    if message["_"] == "MessageEmpty":
        return None
    out = bool(message.get("out"))
    peer = peer_of(message, own)
    sender = (message.get("from_id") or {}).get("user_id", own if out else peer)
    header = message.get("reply_to") or {}
    elsewhere = header.get("reply_to_peer_id") is not None
    result = {
        "id": message["id"],
        "peer": peer,
        "from": sender,
        "out": out,
        "date": message["date"],
        "reply_to": 0 if elsewhere else header.get("reply_to_msg_id") or 0,
        "edit_date": message.get("edit_date") or 0,
        "forward": message.get("fwd_from") is not None,
        "pinned": bool(message.get("pinned")),
    }
    if message["_"] == "MessageService":
        result.update(service=service_of(message["action"]), text="")
    else:
        result["text"] = message["message"]
    return result


def recorded_update(update, own):
    """A TL update with a pts; None for any other."""
    if not update.get("pts"):
        return None
    kind = update["_"]
    peer = (update.get("peer") or {}).get("user_id", own)
    result = {"pts": update["pts"], "pts_count": update.get("pts_count") or 0}
    if kind in ("UpdateNewMessage", "UpdateEditMessage"):
        message = recorded_message(update["message"], own)
        return {**result, "kind": "new" if kind == "UpdateNewMessage" else "edit", "message": message}
    if kind == "UpdateDeleteMessages":
        return {**result, "kind": "delete", "ids": update["messages"]}
    if kind == "UpdateReadHistoryInbox":
        unread = update.get("still_unread_count") or 0
        return {**result, "kind": "read_inbox", "peer": peer, "max_id": update["max_id"], "unread": unread}
    if kind == "UpdateReadHistoryOutbox":
        return {**result, "kind": "read_outbox", "peer": peer, "max_id": update["max_id"]}
    if kind == "UpdatePinnedMessages":
        on = bool(update.get("pinned"))
        return {**result, "kind": "pinned", "peer": peer, "ids": update["messages"], "on": on}
    return {**result, "kind": "other", "name": kind}


def unpacked(updates, own):
    """The single updates of an Updates object, short forms written out."""
    kind = updates["_"]
    if kind in ("Updates", "UpdatesCombined"):
        return updates["updates"]
    if kind == "UpdateShort":
        return [updates["update"]]
    if kind == "UpdateShortMessage":
        message = {name: value for name, value in updates.items() if name not in ("_", "pts", "pts_count", "user_id")}
        message.update(_="Message", peer_id={"_": "PeerUser", "user_id": updates["user_id"]})
        count = updates.get("pts_count") or 0
        return [{"_": "UpdateNewMessage", "message": message, "pts": updates["pts"], "pts_count": count}]
    return []


class Recorder:
    def __init__(self, path, user, name, differences):
        self.file = open(path, "w", encoding="utf-8")
        self.user = user
        self.keys = 0
        self.lock = threading.Lock()
        self.started = False
        self.header = {"format": 1, "user": user, "name": name, "differences": differences}

    def write(self, event, moment, **fields):
        with self.lock:
            if not self.started:
                self.started = True
                self.line("device", moment, self.header)
            if not self.file.closed:
                self.line(event, moment, fields)

    def line(self, event, moment, fields):
        self.file.write(json.dumps({"e": event, "t": round(moment, 6), **fields}) + "\n")

    def key(self):
        with self.lock:
            self.keys += 1
            return f"k{self.keys}"

    def updates(self, moment, updates):
        if updates["_"] == "UpdatesTooLong":
            self.write("too_long", moment)
        for update in unpacked(updates, self.user):
            event = recorded_update(update, self.user)
            if event:
                self.write("live", moment, **event)

    def difference(self, moment, asked, begin, answer, fresh):
        kind = answer["_"]
        if kind == "DifferenceTooLong":
            reached = {"from": begin, "to": answer["pts"]}
            self.write("difference", moment, asked=asked, **reached, too_long=True, fresh=fresh)
            return answer["pts"]
        state = answer.get("intermediate_state") or answer.get("state") or {"pts": begin}
        messages = [recorded_message(each, self.user) for each in answer.get("new_messages") or ()]
        updates = []
        for each in answer.get("other_updates") or ():
            event = recorded_update(each, self.user)
            if event and event["kind"] == "new":
                messages.append(event["message"])
            elif event:
                updates.append(event)
        self.write("difference", moment, asked=asked, **{"from": begin}, to=state["pts"], messages=messages,
                   updates=updates, slice=kind == "DifferenceSlice", fresh=fresh)
        return state["pts"]

    def history(self, moment, asked, peer, messages, complete):
        shown = [each for each in (recorded_message(each, self.user) for each in messages) if each]
        self.write("history", moment, asked=asked, peer=peer, complete=complete, messages=shown)

    def dialogs(self, moment, asked, dialogs):
        shown = [
            {
                "peer": each["peer"].get("user_id", self.user),
                "top_message": each["top_message"],
                "unread": each["unread_count"],
                "read_inbox": each["read_inbox_max_id"],
                "read_outbox": each["read_outbox_max_id"],
            }
            for each in dialogs
        ]
        self.write("dialogs", moment, asked=asked, complete=True, dialogs=shown)

    def state(self, moment, asked, state, final):
        names = ("pts", "qts", "date", "seq")
        self.write("state", moment, asked=asked, final=final, **{name: state[name] for name in names})

    def end(self, moment):
        self.write("end", moment)
        self.file.close()
