"""What surrounds messages: drafts, pins, mutes, blocks, dialogs, being away. Used by chat_scenario.py."""

from chat_client import until
from chat_message_steps import dialog_of, input_dialog, message_of, say
from chat_world import expect_error, hears, hears_text, step


def run(world, alice, bob, carol):
    notices(world, alice)
    drafts(world, alice, bob)
    pinned_messages(world, alice, bob)
    dialog_list(world, alice, bob, carol)
    mutes(alice, bob)
    blocks(world, alice, bob)
    away(world, alice, bob)
    cleared(world, bob, carol)


def notices(world, alice):
    step("the service tells of new logins and gives codes in its own dialog")
    one = alice.devices[0]
    answer = one.dialogs()
    assert 777000 in [each["peer"].get("user_id") for each in answer["dialogs"]], answer["dialogs"]
    assert one.history(777000)[0]["message"]


def drafts(world, alice, bob):
    step("a draft is on all devices, until the message is sent")
    one, two = alice.devices
    text = world.text("half a thought")
    heard = len(two.heard)
    one.call("messages.saveDraft", peer=one.peer(bob.id), message=text)
    hears(two, "UpdateDraftMessage", heard, draft__message=text)
    assert dialog_of(two, bob.id)["draft"]["message"] == text
    updates = two.call("messages.getAllDrafts")["updates"]
    assert [each["draft"]["message"] for each in updates] == [text], updates
    heard = len(two.heard)
    one.send(bob.id, text, clear_draft=True)
    hears(two, "UpdateDraftMessage", heard, draft___="DraftMessageEmpty")
    assert (dialog_of(two, bob.id).get("draft") or {"_": "DraftMessageEmpty"})["_"] == "DraftMessageEmpty"


def pinned_messages(world, alice, bob):
    step("messages are pinned for both, and unpinned")
    one = alice.devices[0]
    _, number, copy = say(world, one, bob, "important")
    heard = {each: len(each.heard) for each in bob.devices}
    one.pin(bob.id, number)
    for device in bob.devices:
        hears(device, "UpdatePinnedMessages", heard[device], messages=[copy], pinned=True)
        assert message_of(device, copy).get("pinned")
    newest = bob.devices[1].history(alice.id, limit=1)[0]
    assert newest["_"] == "MessageService" and newest["action"]["_"] == "MessageActionPinMessage", newest
    assert newest["reply_to"]["reply_to_msg_id"] == copy, newest
    one.pin(bob.id, number, False)
    until(lambda: not message_of(bob.devices[0], copy).get("pinned"), "it is still pinned")


def dialog_list(world, alice, bob, carol):
    step("dialogs come in their order, page by page, pinned ones on top")
    one, two = alice.devices
    one.call("contacts.resolveUsername", username="carol_canary")
    text = world.text("hello stranger")
    one.send(carol.id, text)
    hears_text(carol.devices[0], text)
    say(world, one, bob, "later than that")

    def peers(device, **more):
        return [each["peer"]["user_id"] for each in device.dialogs(**more)["dialogs"]]

    whole = peers(one)
    assert whole[:2] == [bob.id, carol.id] and {777000, alice.id} < set(whole), whole
    assert peers(two) == whole
    paged, offset = [], {}
    while True:
        answer = one.dialogs(limit=1, exclude_pinned=True, **offset)
        if not answer["dialogs"]:
            break
        assert answer["count"] == len(whole), answer["count"]
        [dialog], [message] = answer["dialogs"], answer["messages"]
        assert dialog["top_message"] == message["id"]
        peer = dialog["peer"]["user_id"]
        paged.append(peer)
        offset = {"offset_id": message["id"], "offset_date": message["date"], "offset_peer": one.peer(peer)}
        assert len(paged) <= len(whole)
    assert paged == whole, (paged, whole)

    heard = len(two.heard)
    one.call("messages.toggleDialogPin", peer=input_dialog(one, carol.id), pinned=True)
    hears(two, "UpdateDialogPinned", heard, pinned=True)
    one.call("messages.toggleDialogPin", peer=input_dialog(one, alice.id), pinned=True)
    until(lambda: pinned(two) == [alice.id, carol.id], "the pinned dialogs are others")
    assert peers(two)[:2] == [alice.id, carol.id]
    assert carol.id not in peers(two, exclude_pinned=True)
    heard = len(two.heard)
    one.call("messages.reorderPinnedDialogs", folder_id=0, force=True,
             order=[input_dialog(one, carol.id), input_dialog(one, alice.id)])
    hears(two, "UpdatePinnedDialogs", heard)
    assert pinned(two) == [carol.id, alice.id]
    for peer in (carol.id, alice.id):
        one.call("messages.toggleDialogPin", peer=input_dialog(one, peer), pinned=False)
    until(lambda: pinned(two) == [], "there are pinned dialogs")


def pinned(device):
    return [each["peer"]["user_id"] for each in device.call("messages.getPinnedDialogs", folder_id=0)["dialogs"]]


def mutes(alice, bob):
    step("a dialog is mute on all devices")
    one, two = alice.devices
    peer = {"_": "inputNotifyPeer", "peer": one.peer(bob.id)}
    heard = len(two.heard)
    one.call("account.updateNotifySettings", peer=peer,
             settings={"_": "inputPeerNotifySettings", "mute_until": 0x7FFFFFFF})
    hears(two, "UpdateNotifySettings", heard)
    settings = two.call("account.getNotifySettings", peer={"_": "inputNotifyPeer", "peer": two.peer(bob.id)})
    assert settings["mute_until"] == 0x7FFFFFFF, settings
    assert dialog_of(two, bob.id)["notify_settings"]["mute_until"] == 0x7FFFFFFF


def blocks(world, alice, bob):
    step("a blocked person's messages look sent, and reach nobody")
    one, two = bob.devices
    heard = len(two.heard)
    one.block(alice.id)
    hears(two, "UpdatePeerBlocked", heard)
    listed = two.call("contacts.getBlocked", offset=0, limit=10)["blocked"]
    assert [each["peer_id"]["user_id"] for each in listed] == [alice.id], listed
    lost = world.text("reaches nobody")
    sent = alice.devices[0].send(bob.id, lost)
    assert hears_text(alice.devices[1], lost)["id"] == sent["id"]
    expect_error("YOU_BLOCKED_USER", one.send, alice.id, world.text("to the blocked"))
    one.block(alice.id, False)
    assert two.call("contacts.getBlocked", offset=0, limit=10)["blocked"] == []
    say(world, alice.devices[0], bob, "arrives again")
    for device in bob.devices:
        assert lost not in [each.get("message") for each in device.history(alice.id, limit=5)]


def away(world, alice, bob):
    step("who was away has everything when he is back")
    gone, stays = bob.devices[1], bob.devices[0]
    kept = say(world, alice.devices[0], bob, "before going")
    taken = say(world, alice.devices[0], bob, "will be deleted meanwhile")
    gone.command("offline")
    text = kept[0].split()[0] + " edited meanwhile"
    alice.devices[0].edit(bob.id, kept[1], text)
    alice.devices[1].delete([taken[1]], True)
    hears_text(stays, text, kind="UpdateEditMessage")
    lines = []
    for number in range(8):
        for device in alice.devices:
            lines.append(world.text(f"while away {number}"))
            device.send(bob.id, lines[-1])
    for line in lines:
        hears_text(stays, line)
    stays.read_up_to(alice.id, hears_text(stays, lines[3])["id"])
    answer = world.text("answer while away")
    stays.send(alice.id, answer)
    gone.command("online")
    gone.catch_up()
    wanted = [each.get("message") for each in stays.history(alice.id, limit=30)]
    assert wanted[0] == answer and set(lines) < set(wanted) and text in wanted
    assert [each.get("message") for each in gone.history(alice.id, limit=30)] == wanted
    assert dialog_of(gone, alice.id)["unread_count"] == len(lines) - 4
    # And hears live again.
    say(world, alice.devices[0], bob, "welcome back")


def cleared(world, bob, carol):
    step("a history is deleted for oneself, and goes on; and for both")
    one, two = bob.devices
    other = carol.devices[0]
    other.call("contacts.resolveUsername", username="bobbin_second")
    for number in range(3):
        say(world, other, bob, f"to be cleared {number}")
    until(lambda: len(two.history(carol.id)) == 3, "the messages are not there")
    two.dialogs()
    one.delete_history(carol.id)
    until(lambda: two.history(carol.id) == [], "the other device has a history")
    assert len(other.history(bob.id)) == 3
    say(world, other, bob, "a new beginning")
    assert len(two.history(carol.id)) == 1
    other.delete_history(bob.id, revoke=True)
    until(lambda: two.history(carol.id) == [] == other.history(bob.id), "somebody has a history")
    assert carol.id not in [each["peer"]["user_id"] for each in two.dialogs()["dialogs"]]
