"""Private messages, as two people with two devices each see them. Used by chat_scenario.py."""

from chat_client import until
from chat_world import expect_error, hears, hears_text, step


def run(world, alice, bob, carol):
    first_words(world, alice, bob)
    texts(world, alice, bob)
    replies(world, alice, bob)
    repeats(world, alice, bob)
    edits(world, alice, bob)
    readings(world, alice, bob)
    typing(alice, bob)
    forwards(world, alice, bob)
    deletions(world, alice, bob)
    pages(world, alice, bob)
    searches(world, alice, bob)
    broken_calls(world, alice, bob)
    refused_beside_answered(alice)


def others(person, but):
    return [device for device in person.devices if device is not but]


def say(world, device, to, words, **more):
    """Sends, and waits until everybody has it: its id for the sender, and its id for the receiver."""
    text = world.text(words)
    places = {each: len(each.heard) for each in to.devices + world.person_of(device).devices}
    sent = device.send(to.id, text, **more)
    for each in others(world.person_of(device), device):
        message = hears_text(each, text, places[each])
        assert message["id"] == sent["id"] and message.get("out") and message["date"] == sent["date"], message
    copies = {hears_text(each, text, places[each])["id"] for each in to.devices}
    assert len(copies) == 1, copies
    return text, sent["id"], copies.pop()


def message_of(device, number):
    [message] = device.call("messages.getMessages", id=[{"_": "inputMessageID", "id": number}])["messages"]
    return message


def dialog_of(device, peer):
    answer = device.call("messages.getPeerDialogs", peers=[{"_": "inputDialogPeer", "peer": device.peer(peer)}])
    [dialog] = answer["dialogs"]
    return dialog


def input_dialog(device, peer):
    return {"_": "inputDialogPeer", "peer": device.peer(peer)}


def first_words(world, alice, bob):
    step("everybody sees everything, live and in the history")
    lines = []
    for author, to in ((alice, bob), (bob, alice)):
        for device in author.devices:
            lines.append((author, say(world, device, to, f"from {device.name}")))
    for person, other in ((alice, bob), (bob, alice)):
        for device in person.devices:
            shown = [(each["message"], bool(each.get("out"))) for each in reversed(device.history(other.id))]
            wanted = [(text, author is person) for author, (text, _, _) in lines]
            assert shown[-len(wanted):] == wanted, (device.name, shown)

    step("so do the calls of the library that programs use")
    one, two = alice.devices[0], bob.devices[0]
    text = world.text("by the library")
    sent, shown = one.library_send(bob.id, text)
    assert shown == {"id": sent["id"], "text": text, "out": True}, shown
    copy = hears_text(two, text)["id"]
    assert one.command("library_history", peer=bob.id, limit=1) == [{"id": sent["id"], "text": text}]
    listed = {each["peer"]: each for each in two.command("library_dialogs")}
    assert (listed[alice.id]["unread"], listed[alice.id]["top"]) == (3, copy), listed[alice.id]
    changed = text + ", and changed"
    one.library_change("edit", {"peer": bob.id, "id": sent["id"], "text": changed}, peer=bob.id, id=sent["id"],
                       text=changed)
    hears_text(two, changed, kind="UpdateEditMessage")
    two.library_change("read", {"peer": alice.id, "max_id": copy}, peer=alice.id, max_id=copy)
    hears(one, "UpdateReadHistoryOutbox", max_id=sent["id"])
    assert one.library_change("delete", {"ids": [sent["id"]], "revoke": True}, peer=bob.id, ids=[sent["id"]],
                              revoke=True) == [1]
    hears(two, "UpdateDeleteMessages", messages=[copy])


def texts(world, alice, bob):
    step("entities, scripts and the longest text arrive as they were")
    one, two = alice.devices[0], bob.devices[1]
    text = world.text("😀 bold and a link שלום")
    bold = {"_": "messageEntityBold", "offset": 16, "length": 4}
    link = {"_": "messageEntityTextUrl", "offset": 27, "length": 4, "url": "https://example.org/x"}
    sent = one.send(bob.id, text, entities=[bold, link])
    message = hears_text(two, text)
    for shown in (message, message_of(one, sent["id"]), message_of(two, message["id"])):
        entities = [(each["_"], each["offset"], each["length"], each.get("url")) for each in shown["entities"]]
        assert entities == [("MessageEntityBold", 16, 4, None),
                            ("MessageEntityTextUrl", 27, 4, "https://example.org/x")], entities
    start = world.text("longest ")
    longest = start + "x" * (4096 - len(start))
    one.send(bob.id, longest)
    assert hears_text(two, longest)


def replies(world, alice, bob):
    step("a reply names what it answers in each box")
    question, number, copy = say(world, alice.devices[0], bob, "question with a quotable middle")
    _, answer, answer_copy = say(world, bob.devices[0], alice, "answer", reply_to=copy)
    assert message_of(alice.devices[1], answer_copy)["reply_to"]["reply_to_msg_id"] == number
    assert message_of(bob.devices[1], answer)["reply_to"]["reply_to_msg_id"] == copy
    quoting = next((each for each in bob.devices if each.library == "gramjs"), None)
    if quoting:  # a quote is younger than the layer of Telethon
        _, _, there = say(world, quoting, alice, "quotes", reply_to=copy, quote="quotable middle")
        for device in alice.devices:
            header = message_of(device, there)["reply_to"]
            assert header["reply_to_msg_id"] == number
            assert device.library == "telethon" or header["quote_text"] == "quotable middle", header
    expect_error("REPLY_MESSAGE_ID_INVALID|MESSAGE_ID_INVALID", alice.devices[0].send, bob.id,
                 world.text("to nothing"), reply_to=999999)
    assert question


def repeats(world, alice, bob):
    step("a random_id that comes again gets the first answer, on any device, and after a deletion")
    one, two = alice.devices
    text = world.text("sent twice")
    started = one.begin_send(bob.id, text)
    first = one.finish_send(started)
    again = one.finish_send(one.begin_send(bob.id, text, random_id=started[0], repeat=True))
    assert again == first, (first, again)
    # Another device does not know the random_id, the server does.
    again = two.finish_send(two.begin_send(bob.id, text, random_id=started[0], repeat=True))
    assert again == first, (first, again)
    copy = hears_text(bob.devices[0], text)["id"]
    one.delete([first["id"]], True)
    hears(bob.devices[0], "UpdateDeleteMessages", messages=[copy])
    again = one.finish_send(one.begin_send(bob.id, text, random_id=started[0], repeat=True))
    assert again == first, (first, again)


def edits(world, alice, bob):
    step("edits are seen by all, and what cannot be edited is refused")
    one = alice.devices[0]
    text, number, copy = say(world, one, bob, "before")
    changed = text.split()[0] + " after"
    one.edit(bob.id, number, changed)
    for device in alice.devices[1:] + bob.devices:
        shown = hears_text(device, changed, kind="UpdateEditMessage")
        assert shown.get("edit_date"), shown
    assert message_of(bob.devices[0], copy)["message"] == changed
    expect_error("MESSAGE_NOT_MODIFIED", one.edit, bob.id, number, changed)
    expect_error("MESSAGE_AUTHOR_REQUIRED|MESSAGE_ID_INVALID", bob.devices[0].edit, alice.id, copy,
                 text.split()[0] + " mine now")
    expect_error("MESSAGE_ID_INVALID", one.edit, bob.id, 999999, text.split()[0] + " nowhere")
    again = text.split()[0] + " by the other device"
    alice.devices[1].edit(bob.id, number, again)
    hears_text(one, again, kind="UpdateEditMessage")
    hears_text(bob.devices[1], again, kind="UpdateEditMessage")


def readings(world, alice, bob):
    step("readings are seen on both sides, and unread counts are exact")
    one, two = alice.devices
    reader = bob.devices[0]
    before = dialog_of(reader, alice.id)["unread_count"]
    lines = [say(world, one, bob, f"unread {number}") for number in range(3)]
    assert dialog_of(reader, alice.id)["unread_count"] == before + 3
    middle = lines[1]
    reader.read_up_to(alice.id, middle[2])
    inbox = hears(bob.devices[1], "UpdateReadHistoryInbox", max_id=middle[2])
    assert inbox["still_unread_count"] == 1, inbox
    for device in (one, two):
        hears(device, "UpdateReadHistoryOutbox", max_id=middle[1])
    dialog = dialog_of(bob.devices[1], alice.id)
    assert (dialog["unread_count"], dialog["read_inbox_max_id"]) == (1, middle[2]), dialog
    assert dialog_of(two, bob.id)["read_outbox_max_id"] == middle[1]
    # Beyond the end: everything that is there.
    reader.read_up_to(alice.id, 0x7FFFFFFF)
    until(lambda: dialog_of(bob.devices[1], alice.id)["unread_count"] == 0, "there is something unread")
    until(lambda: dialog_of(one, bob.id)["read_outbox_max_id"] >= lines[2][1], "the author does not know")
    say(world, one, bob, "one more")
    assert dialog_of(reader, alice.id)["unread_count"] == 1
    reader.call("messages.markDialogUnread", peer=input_dialog(reader, alice.id), unread=True)
    hears(bob.devices[1], "UpdateDialogUnreadMark", unread=True)
    assert dialog_of(bob.devices[1], alice.id).get("unread_mark")


def typing(alice, bob):
    step("typing is seen while it happens")
    places = {each: len(each.heard) for each in bob.devices}
    # Only those who are online are told.
    for device in bob.devices:
        device.call("account.updateStatus", offline=False)
    alice.devices[0].call("messages.setTyping", peer=alice.devices[0].peer(bob.id),
                          action={"_": "sendMessageTypingAction"})
    for device in bob.devices:
        hears(device, "UpdateUserTyping", places[device], user_id=alice.id)


def forwards(world, alice, bob):
    step("forwards, with and without their author, and to oneself")
    source, number, copy = say(world, bob.devices[0], alice, "worth telling")
    one = alice.devices[0]
    places = {each: len(each.heard) for each in bob.devices}
    [named] = one.forward(bob.id, bob.id, [copy], [source])
    message = hears_text(bob.devices[0], source, places[bob.devices[0]])
    assert message["fwd_from"]["from_id"]["user_id"] == bob.id, message
    assert message_of(alice.devices[1], named["id"])["fwd_from"]["from_id"]["user_id"] == bob.id
    places = {each: len(each.heard) for each in bob.devices}
    one.forward(bob.id, bob.id, [copy], [source], drop_author=True)
    assert not hears_text(bob.devices[1], source, places[bob.devices[1]]).get("fwd_from")
    # Several at once keep their order.
    second, _, second_copy = say(world, bob.devices[1], alice, "worth telling too")
    results = one.forward(alice.id, bob.id, [copy, second_copy], [source, second])
    assert results[0]["id"] < results[1]["id"]
    saved = alice.devices[1].history(alice.id)
    assert [each["message"] for each in saved[:2]] == [second, source], saved[:2]
    expect_error("MESSAGE_ID_INVALID|MESSAGE_IDS_EMPTY", one.forward, bob.id, bob.id, [999999], [source])

    step("saved messages are one copy, and never unread")
    text = world.text("to myself")
    sent = one.send(alice.id, text)
    assert hears_text(alice.devices[1], text)["id"] == sent["id"]
    assert dialog_of(alice.devices[1], alice.id)["unread_count"] == 0


def deletions(world, alice, bob):
    step("deleted for oneself stays with the other, deleted for both is gone")
    one = alice.devices[0]
    text, number, copy = say(world, one, bob, "only my side")
    assert one.delete([number], False)["pts_count"] == 1
    hears(alice.devices[1], "UpdateDeleteMessages", messages=[number])
    assert message_of(alice.devices[1], number)["_"] == "MessageEmpty"
    assert message_of(bob.devices[0], copy)["message"] == text

    both = [say(world, one, bob, f"for both {each}") for each in range(2)]
    assert one.delete([each[1] for each in both], True)["pts_count"] == 2
    for device in bob.devices:
        until(lambda d=device: all(message_of(d, each[2])["_"] == "MessageEmpty" for each in both),
              f"{device.name} has what was deleted for both")
    # The receiver may take it away from both, too.
    _, number, copy = say(world, one, bob, "taken away by the other")
    bob.devices[1].delete([copy], True)
    hears(one, "UpdateDeleteMessages", messages=[number])
    assert one.delete([number], True)["pts_count"] == 0
    expect_error("MESSAGE_ID_INVALID", one.edit, bob.id, number, world.text("too late"))


def pages(world, alice, bob):
    step("every form of offset gives its page")
    one = alice.devices[0]
    lines = [say(world, one, bob, f"line {each}") for each in range(12)]
    everything = [each["id"] for each in one.whole_history(bob.id)]
    assert everything == sorted(everything, reverse=True)
    middle = lines[5][1]
    at = everything.index(middle)
    for device in alice.devices:
        def ids(**offsets):
            return [each["id"] for each in device.history(bob.id, **offsets)]

        assert ids(limit=5) == everything[:5]
        assert ids(offset_id=middle, limit=4) == everything[at + 1 : at + 5]
        assert ids(offset_id=middle, add_offset=2, limit=3) == everything[at + 3 : at + 6]
        assert ids(offset_id=middle, add_offset=-3, limit=6) == everything[at - 2 : at + 4]
        assert ids(offset_id=middle, add_offset=-1, limit=1) == [middle]
        assert ids(max_id=middle, limit=3) == everything[at + 1 : at + 4]
        assert ids(min_id=middle, limit=100) == everything[:at]
        assert ids(offset_id=1, limit=10) == []
        assert ids(offset_date=1, limit=10) == []
        assert ids(offset_date=0x7FFFFFFF, limit=3) == everything[:3]
        assert device.history_timed(bob.id, limit=1)[0].get("count", len(everything)) == len(everything)


def searches(world, alice, bob):
    step("one's own messages are found by their text")
    text, _, copy = say(world, alice.devices[0], bob, "with a Xylophone in it")
    for device in bob.devices:
        answer = device.call("messages.search", peer=device.peer(alice.id), q="xylophone",
                             filter={"_": "inputMessagesFilterEmpty"}, min_date=0, max_date=0, offset_id=0,
                             add_offset=0, limit=10, max_id=0, min_id=0, hash=0)
        assert [each["id"] for each in answer["messages"]] == [copy], answer["messages"]
    assert text


def broken_calls(world, alice, bob):
    step("calls that make no sense are refused, and change nothing")
    one = alice.devices[0]
    before = one.pts()
    peer = one.peer(bob.id)
    expect_error("MESSAGE_EMPTY", one.call, "messages.sendMessage", peer=peer, message="", random_id=3)
    expect_error("MESSAGE_EMPTY", one.call, "messages.sendMessage", peer=peer, message="  \n", random_id=4)
    expect_error("MESSAGE_TOO_LONG", one.call, "messages.sendMessage", peer=peer, message="x" * 4097, random_id=5)
    expect_error("MESSAGE_ID_INVALID|MESSAGE_IDS_EMPTY", one.call, "messages.forwardMessages", from_peer=peer, id=[0],
                 random_id=[6], to_peer=peer)
    expect_error("RANDOM_ID_INVALID|RANDOM_ID_EMPTY", one.call, "messages.forwardMessages", from_peer=peer, id=[1, 2],
                 random_id=[7], to_peer=peer)
    expect_error("PEER_ID_INVALID", one.call, "messages.sendMessage", peer={"_": "inputPeerEmpty"}, message="x",
                 random_id=8)
    beyond = {"_": "messageEntityBold", "offset": 1, "length": 9}
    expect_error("ENTITY_BOUNDS_INVALID", one.call, "messages.sendMessage", peer=peer, message="abc", random_id=9,
                 entities=[beyond])
    if one.library == "telethon":  # GramJS draws another one
        expect_error("RANDOM_ID_EMPTY|RANDOM_ID_INVALID", one.call, "messages.sendMessage", peer=peer, message="abc",
                     random_id=0)
    expect_error("MESSAGE_ID_INVALID|MESSAGE_IDS_EMPTY", one.call, "messages.updatePinnedMessage", peer=peer, id=999999)
    assert one.call("messages.deleteMessages", id=[999999], revoke=True)["pts_count"] == 0
    assert message_of(one, -1)["_"] == "MessageEmpty"
    assert one.history(bob.id, offset_id=-5, limit=1) is not None
    assert one.pts() == before

    step("a random_id with another text is still the first message")
    text, number, copy = say(world, one, bob, "the first text", random_id=4711)
    again = one.finish_send(one.begin_send(bob.id, text + " and more", random_id=4711, repeat=True))
    assert again["id"] == number and message_of(bob.devices[0], copy)["message"] == text


def refused_beside_answered(alice):
    step("a call that is refused takes no answer with it that goes out beside it")
    # GramJS drops what follows an error in a container.
    for device in alice.devices:
        under_way = []
        for _ in range(25):
            for _ in range(3):
                edit = {"peer": device.peer(alice.id), "id": 999999, "message": "nowhere"}
                under_way.append(device.begin("invoke", method="messages.editMessage", arguments=edit))
                under_way.append(device.begin("invoke", method="updates.getState", arguments={}))
            until(under_way[0].done, f"{device.name} is not answered")
        until(lambda calls=under_way: all(each.done() for each in calls), f"{device.name} waits for answers")
