"""Shows that the checker accepts what is right, and names what is wrong.

  checker_test.py CASE          one of the functions below, without `case_`
  checker_test.py --cases A,B   that these are all of them
"""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest.mock

import check_histories
import recording
from planted import A, B, START, PlantedWorld, conversation


def judged(world, **options):
    with tempfile.TemporaryDirectory() as folder:
        world.write(pathlib.Path(folder))
        return check_histories.judge(folder, **options)


def expect(world, *invariants, **options):
    """Violations of these invariants and of no other; with none: no violation."""
    violations, _ = judged(world, **options)
    found = {each[2] for each in violations}
    assert found == set(invariants), f"wanted {sorted(invariants)}, got {violations}"
    return violations


def expect_among(world, invariant, words):
    """A violation of this invariant that says `words`; others may follow from it."""
    violations, _ = judged(world)
    assert any(each[2] == invariant and words in each[3] for each in violations), violations


def find(device, event, **fields):
    """The events of a device that have these fields."""
    return [each for each in device.events if each["e"] == event and all(each.get(k) == v for k, v in fields.items())]


def forget(world, user, token):
    """The server loses what has this token in this box, and tells nobody."""
    box = world.boxes[user]
    for number in [number for number, each in box.items() if each["text"].startswith(token)]:
        del box[number]


# --- right ones ---------------------------------------------------------------------------------------


def case_a_conversation_passes():
    expect(conversation().finish())


def case_a_history_deleted_by_one_side_passes():
    world = conversation()
    world.delete_history(world.b1, A)
    world.send(world.a1, "twelve after the end")
    expect(world.finish())


def case_a_repeat_with_the_first_answer_passes():
    world = conversation()
    sent = find(world.a1, "sent")[0]
    send = find(world.a1, "send", random_id=sent["random_id"])[0]
    world.a1.events += [dict(send, t=world.time, repeat=True), dict(sent, t=world.time)]
    expect(world.finish())


def case_the_summary_counts_what_was_checked():
    _, summary = judged(conversation().finish())
    for words in ("4 devices of 2 accounts", "10 acknowledged sends", "2 sends of unknown", "2 edits acknowledged"):
        assert words in summary, summary


# --- lost, doubled ------------------------------------------------------------------------------------


def case_lost_at_the_receiver():
    world = conversation()
    forget(world, B, "eleven")
    expect_among(world.finish(), "lost", "eleven")


def case_lost_at_the_author():
    world = conversation()
    forget(world, A, "eleven")
    expect_among(world.finish(), "lost", "eleven")


def case_lost_and_never_shown():
    """Nobody but the author ever saw it, and only in the answer."""
    world = conversation()
    sends = find(world.a1, "sent")
    world.a1.record("send", random_id="5", peer=B, text="twelve is nowhere")
    world.a1.record("sent", random_id="5", id=sends[-1]["id"] + 9, pts=world.pts(A) + 1, date=START + int(world.time))
    expect_among(world.finish(), "lost", "twelve")


def case_one_of_two_with_a_token_is_lost():
    world = conversation()
    world.send(world.a1, "one of many", forward=True)
    [*_, last] = sorted(number for number, each in world.boxes[B].items() if each["text"] == "one of many")
    del world.boxes[B][last]
    for device in (world.b1, world.b2):
        device.events = [each for each in device.events if each.get("message", {}).get("id") != last]
    world.log[B] = [each for each in world.log[B] if each[2].get("message", {}).get("id") != last]
    expect_among(world.finish(), "lost", "acknowledged 3 times")


def case_doubled_at_the_receiver():
    world = conversation()
    number = world.put(B, A, A, "eleven arrives", START + int(world.time), (A, 99), 0, False)
    world.append(B, "new", message=world.shown(B, number))
    expect(world.finish(), "once")


def case_doubled_at_the_author():
    world = conversation()
    number = world.put(A, B, A, "eleven arrives", START + int(world.time), None, 0, False)
    world.append(A, "new", message=world.shown(A, number))
    expect(world.finish(), "once")


def case_unknown_one_is_there_twice():
    world = conversation()
    number = world.put(A, B, A, "eight was never answered", START + int(world.time), None, 0, False)
    world.append(A, "new", message=world.shown(A, number))
    expect(world.finish(), "once")


def case_refused_one_is_there():
    world = conversation()
    world.send(world.a1, "twelve was refused", answered=False)
    world.a1.record("failed", random_id=find(world.a1, "send")[-1]["random_id"], error="PEER_FLOOD")
    expect_among(world.finish(), "invented", "was sent 0 times")


def case_a_repeat_gets_another_id():
    world = conversation()
    sent = find(world.a1, "sent")[0]
    send = find(world.a1, "send", random_id=sent["random_id"])[0]
    world.a1.events += [dict(send, t=world.time, repeat=True), dict(sent, t=world.time, id=77)]
    expect(world.finish(), "once")


def case_nobody_sent_it():
    world = conversation()
    number = world.put(B, A, A, "ghost of nobody", START + int(world.time), (A, 99), 0, False)
    world.append(B, "new", message=world.shown(B, number))
    expect(world.finish(), "invented")


def case_a_text_that_nobody_wrote():
    world = conversation()
    [number] = [number for number, each in world.boxes[B].items() if each["text"].startswith("eleven")]
    world.boxes[B][number]["text"] = "eleven mangled"
    expect_among(world.finish(), "text", "eleven")


def case_a_blocked_one_arrives():
    world = conversation()
    world.block(world.b1, A)
    with unittest.mock.patch.object(world, "blocked", set()):
        world.send(world.a1, "twelve reaches nobody")
    expect(world.finish(), "block")


# --- order --------------------------------------------------------------------------------------------


def case_reordered_at_the_receiver():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    box = world.boxes[B]
    with unittest.mock.patch.object(world, "append"):  # not told before both are there
        world.send(world.a1, "second of all")
        world.send(world.a1, "third of all")
    for number in (2, 3):
        world.append(A, "new", but=world.a1, message=world.shown(A, number))
    for event, pts in zip(find(world.a1, "sent")[1:], (3, 4)):
        event["pts"] = pts
    box[2], box[3] = dict(box[3], id=2), dict(box[2], id=3)
    for number in (2, 3):
        world.append(B, "new", message=world.shown(B, number))
    expect(world.finish(), "order")


def case_sent_later_and_numbered_earlier():
    world = PlantedWorld()
    world.next_id = {A: 5, B: 5}
    world.send(world.a1, "first of all")
    world.next_id = {A: 3, B: 3}
    world.send(world.a1, "second of all")
    expect(world.finish(), "order")


def case_wire_order_is_not_kept():
    """Both are under way at once, so only the wire says which came first."""
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.send(world.a1, "second of all")
    events = world.a1.events
    [one, two] = find(world.a1, "send")
    events.remove(two)
    events.insert(events.index(one), two)
    two["t"] = one["t"]
    expect(world.finish(), "order")


def case_reply_before_its_answer():
    world = PlantedWorld()
    world.next_id[B] = 8
    world.send(world.a1, "question for you")
    world.next_id[B] = 4
    world.send(world.a1, "addendum to it", reply_to=1)
    expect_among(world.finish(), "reply", "answers 8, which is later")


def case_reply_names_another():
    world = PlantedWorld()
    world.send(world.a1, "question for you")
    world.send(world.a1, "remark by the way")
    world.send(world.a1, "addendum to it", reply_to=1)
    for device in (world.b1, world.b2):
        find(device, "live", kind="new")[-1]["message"]["reply_to"] = 2
    expect_among(world.finish(), "reply", "answers 2; it was sent as an answer to question, 1 here")


# --- ids and dates ------------------------------------------------------------------------------------


def case_an_id_is_two_messages():
    world = conversation()
    find(world.b1, "live", kind="new")[2]["message"].update(text="two of many")
    expect_among(world.finish(), "identity", "elsewhere it is")


def case_an_answer_gives_the_id_of_another():
    world = conversation()
    sent = find(world.a1, "sent")
    sent[1]["id"] = sent[0]["id"]
    expect_among(world.finish(), "identity", "was given to random_id")


def case_dates_go_back():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    with unittest.mock.patch.object(world, "tick", return_value=START - 2):
        world.send(world.a1, "second of all")
    expect(world.finish(), "dates")


def case_a_message_is_dated_long_before_its_place():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    with unittest.mock.patch.object(world, "tick", return_value=START - 60):
        world.send(world.b1, "second of all")
    expect(world.finish(), "dates")


def case_one_of_unknown_fate_is_dated_long_before_its_place():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    with unittest.mock.patch.object(world, "tick", return_value=START - 60):
        world.send(world.b1, "second of all", answered=False)
    world.offline(world.b1)
    world.back(world.b1)
    expect(world.finish(), "dates")


def case_one_of_unknown_fate_that_was_under_way_for_long_passes():
    world = PlantedWorld()
    held = []
    world.send(world.b1, "early from b", answered=False, held=held)
    world.offline(world.b1)
    world.back(world.b1)
    world.time += 30
    world.send(world.a1, "meanwhile from a")
    held[0]()
    expect(world.finish())


def case_a_delivery_that_was_under_way_for_long_keeps_its_date():
    world = PlantedWorld()
    held = []
    world.send(world.b1, "early from b", held=held)
    world.time += 30
    world.send(world.a1, "meanwhile from a")
    held[0]()
    expect(world.finish())


def case_a_delivery_is_older_than_its_sending():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    with unittest.mock.patch.object(world, "tick", return_value=START - 5):
        world.send(world.b1, "second of all")
    expect(world.finish(), "dates")


# --- pts ----------------------------------------------------------------------------------------------


def case_a_pts_gap_live():
    """Neither told nor fetched, though the message itself is in the history."""
    world = PlantedWorld()
    for word in ("first", "second", "third"):
        world.send(world.a1, f"{word} of all")
    world.b1.events.remove(find(world.b1, "live", pts=3)[0])
    expect(world.finish(), "gap", "state")


def case_a_pts_gap_on_a_device_without_differences():
    world = PlantedWorld()
    for word in ("first", "second", "third"):
        world.send(world.a1, f"{word} of all")
    world.b2.events.remove(find(world.b2, "live", pts=3)[0])
    expect(world.finish(), "gap")


def case_a_gap_that_was_announced_passes():
    world = PlantedWorld()
    for word in ("first", "second", "third"):
        world.send(world.a1, f"{word} of all")
    missed = find(world.b2, "live", pts=3)[0]
    world.b2.events[world.b2.events.index(missed)] = {"e": "too_long", "t": missed["t"]}
    expect(world.finish())


def case_a_pts_gap_of_the_box():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.append(B, "other", but=world.b1, name="nothing")
    world.b2.events.remove(find(world.b2, "live", kind="other")[0])
    world.send(world.a1, "second of all")
    expect_among(world.finish(), "gap", "nothing tells what happened between pts 2 and 3")


def case_a_pts_gap_at_the_end():
    world = conversation().finish(fresh=False)
    for device in (world.b1, world.b2):
        find(device, "state", final=True)[0]["pts"] += 1
    expect(world, "gap")


def case_a_pts_repeat():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.b1.events.append(dict(find(world.b1, "live")[0]))
    expect(world.finish(), "pts")


def case_a_repeat_after_a_reconnect_passes():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    again = dict(find(world.b1, "live")[0])
    world.b1.record("connected")
    world.b1.events.append(again)
    expect(world.finish())


def case_a_pts_is_two_things():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.send(world.a1, "second of all")
    update = find(world.b2, "live", pts=3)[0]
    del update["message"]
    update.update(kind="delete", ids=[1])
    expect_among(world.finish(), "pts", "it was")


def missed_and_told_late():
    """b1 missed two messages while its box moved, and hears of them when one is gone and the other one was edited."""
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.send(world.a1, "second of all")
    world.edit(world.a1, 2, "second changed")
    world.delete(world.a1, [1], revoke=True)
    gone, changed = find(world.b1, "live", kind="new")
    changed["message"] = dict(find(world.b1, "live", kind="edit")[0]["message"])
    del gone["message"]
    gone.update(kind="delete", ids=[1])
    for each in find(world.b1, "live"):
        each["t"] = world.time
    return world


def case_what_was_missed_is_told_as_it_is_by_then():
    """A message that is gone as its deletion, an edited one with its text of now."""
    expect(missed_and_told_late().finish())


def case_what_is_told_again_on_a_connection():
    """Whatever became of its box: a session leaves out what its client was told, with the same text or a later one."""
    world = missed_and_told_late()
    world.b1.events.append(dict(find(world.b1, "live", kind="new")[0], t=world.time))
    expect_among(world.finish(), "pts", "is pushed after pts")


def case_an_own_change_is_pushed_after_its_answer():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.append(A, "new", message=world.shown(A, 1))  # to the one that was answered, too
    [pushed] = find(world.a1, "live")
    pushed["pts"] = find(world.a1, "sent")[0]["pts"]
    expect_among(world.finish(), "pts", "comes twice on one connection")


def case_what_was_missed_is_told_out_of_order():
    world = missed_and_told_late()
    one, two = find(world.b1, "live")[:2]
    places = world.b1.events.index(one), world.b1.events.index(two)
    world.b1.events[places[0]], world.b1.events[places[1]] = two, one
    expect_among(world.finish(), "pts", "is pushed after pts")


def case_a_message_that_is_there_was_told_as_its_deletion():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    [arrival] = find(world.b1, "live")
    del arrival["message"]
    arrival.update(kind="delete", ids=[1])
    expect_among(world.finish(), "pts", "it was")


def case_an_edit_told_late_goes_back():
    """b1 hears the first edit with the text of the second one, and then the second with that of the first."""
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.edit(world.a1, 1, "first changed")
    world.edit(world.a1, 1, "first changed again")
    one, two = find(world.b1, "live", kind="edit")
    one["message"], two["message"] = two["message"], one["message"]
    expect_among(world.finish(), "edit", "version 1 after version 2")


def case_an_edit_told_late_without_its_text():
    """b1 hears the second edit with the text of the first: later it may be, older never."""
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.edit(world.a1, 1, "first changed")
    world.edit(world.a1, 1, "first changed again")
    world.edit(world.a1, 1, "first changed once more")
    two, three = find(world.b1, "live", kind="edit")[1:]
    three["message"] = dict(two["message"], text="first changed")
    expect_among(world.finish(), "edit", "version 1 after version 3")


def case_a_hole_in_what_is_pushed():
    world = PlantedWorld()
    for word in ("first", "second", "third"):
        world.send(world.a1, f"{word} of all")
    world.b2.events.remove(find(world.b2, "live", pts=3)[0])
    expect(world.finish(), "gap")


def pushed_with_a_hole(fetched, old_session=True):
    """b1 fetched, or was pushed, three messages; a session that it comes back to, or one that it begins, pushes the
    first and the last of them."""
    world = PlantedWorld()
    if fetched:
        world.offline(world.b1)
    for word in ("first", "second", "third"):
        world.send(world.a1, f"{word} of all")
    if fetched:
        world.back(world.b1)
    world.b1.record("connected", old_session=old_session)
    one, _, three = find(world.b2, "live")
    world.b1.events += [dict(one, t=world.time), dict(three, t=world.time)]
    if not fetched:
        world.b1.events.remove(find(world.b1, "live", pts=3)[0])
    return world.finish()


def case_a_hole_below_what_was_fetched_before_passes():
    expect(pushed_with_a_hole(fetched=True))


def case_a_hole_in_a_session_that_begins():
    expect_among(pushed_with_a_hole(fetched=True, old_session=False), "gap", "is followed by")


def case_a_hole_that_nothing_filled_before():
    expect_among(pushed_with_a_hole(fetched=False), "gap", "is followed by")


def case_a_pts_reaches_back():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.send(world.a1, "second of all")
    for device in (world.b1, world.b2):
        find(device, "live", pts=3)[0]["pts_count"] = 2
    expect_among(world.finish(), "pts", "reaches back")


def case_the_final_pts_falls_back():
    world = conversation().finish(fresh=False)
    for device in (world.b1, world.b2):
        find(device, "state", final=True)[0]["pts"] -= 1
    expect(world, "pts")


# --- one state ----------------------------------------------------------------------------------------


def case_the_state_after_a_difference_differs_from_live():
    """a2 was away and its difference leaves a message out; the final histories all agree."""
    world = conversation()
    [difference] = find(world.a2, "difference")
    difference["messages"] = [each for each in difference["messages"] if not each["text"].startswith("four")]
    expect(world.finish(), "state")


def case_a_difference_from_the_beginning_leads_elsewhere():
    world = conversation().finish()
    [fresh] = find(world.b1, "difference", fresh=True)
    fresh["messages"].pop()
    expect(world, "state")


def case_a_difference_forgets_a_deletion():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.offline(world.b1)
    world.delete(world.a1, [1], revoke=True)
    world.back(world.b1)
    find(world.b1, "difference")[0]["updates"] = []
    expect(world.finish(), "state")


def case_devices_read_different_histories():
    world = conversation().finish(fresh=False)
    [history] = find(world.b2, "history", peer=A)
    history["messages"].pop()
    expect(world, "state", "dialogs", "unread")


def case_devices_see_different_dialogs():
    world = conversation().finish()
    find(world.a2, "dialogs")[0]["dialogs"][0]["read_outbox"] += 1
    expect_among(world, "state", "dialog")


def case_a_dialog_is_not_listed():
    world = conversation().finish()
    for device in (world.a1, world.a2):
        find(device, "dialogs")[0]["dialogs"].pop(0)
    expect(world, "dialogs")


# --- edits and deletions ------------------------------------------------------------------------------


def case_an_edit_undone():
    world = conversation()
    world.boxes[B][3]["text"] = "three second"
    expect_among(world.finish(), "edit", "ends as version 1")


def case_an_edit_lost():
    world = PlantedWorld()
    world.send(world.a1, "first text")
    world.b1.record("history", peer=A, messages=[])
    key = world.begin(world.a1, "edit", peer=B, id=1, text="first changed")
    world.a1.record("done", key=key, pts=world.pts(A), pts_count=0)
    expect_among(world.finish(), "edit", "ends as version 0")


def case_an_edit_told_in_the_wrong_order():
    world = PlantedWorld()
    world.send(world.a1, "first text")
    world.edit(world.a1, 1, "first changed")
    world.edit(world.a1, 1, "first changed again")
    for device in (world.b1, world.b2):
        one, two = find(device, "live", kind="edit")
        one["message"], two["message"] = two["message"], one["message"]
    expect_among(world.finish(), "edit", "after version 2")


def case_an_older_text_is_read_again():
    world = PlantedWorld()
    world.send(world.a1, "first text")
    old = world.shown(B, 1)
    world.edit(world.a1, 1, "first changed")
    world.tick()
    world.b2.record("history", peer=A, messages=[old])
    expect(world.finish(), "edit")


def case_an_unknown_edit_may_have_happened():
    for happened in (True, False):
        world = PlantedWorld()
        world.send(world.a1, "first text")
        if happened:
            world.edit(world.a1, 1, "first changed", answered=False)
        else:
            world.begin(world.a1, "edit", peer=B, id=1, text="first changed")
        expect(world.finish())


def case_a_deletion_resurrected():
    world = conversation()
    world.boxes[B][5] = dict(world.boxes[B][3], id=5, text="five goes away", origin=(A, 5))
    expect_among(world.finish(), "deletion", "five")


def case_a_deletion_resurrected_for_a_while():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    old = world.shown(B, 1)
    world.delete(world.a1, [1], revoke=True)
    world.tick()
    world.b1.record("history", peer=A, messages=[old])
    expect(world.finish(), "deletion")


def case_a_deletion_resurrected_by_an_edit():
    world = PlantedWorld()
    world.send(world.a1, "first text")
    old = world.shown(B, 1)
    world.delete(world.a1, [1], revoke=True)
    world.append(B, "edit", message=old)
    expect(world.finish(), "deletion")


def case_deleted_for_both_stays_on_one_side():
    world = conversation()
    world.delete(world.a1, [3], revoke=False)
    do = find(world.a1, "do", what="delete")[-1]
    do["revoke"] = True
    expect(world.finish(), "deletion")


def case_deleted_for_one_is_gone_on_both_sides():
    world = conversation()
    world.delete(world.a1, [3], revoke=True)
    find(world.a1, "do", what="delete")[-1]["revoke"] = False
    expect_among(world.finish(), "lost", "three")


# --- unread and read ----------------------------------------------------------------------------------


def case_unread_wrong():
    world = conversation().finish()
    for device in (world.b1, world.b2):
        find(device, "dialogs")[0]["dialogs"][0]["unread"] += 1
    expect(world, "unread")


def case_unread_told_wrong():
    world = conversation()
    for device in (world.b2,):
        find(device, "live", kind="read_inbox")[0]["unread"] += 1
    expect(world.finish(), "unread")


def case_a_reading_lost():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.send(world.a1, "second of all")
    world.read(world.b1, 2)
    world.marks[B, "read_inbox"] = 0
    expect_among(world.finish(), "read", "the mark is 0")


def case_read_further_than_anybody_did():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.send(world.a1, "second of all")
    world.marks[B, "read_inbox"] = 2
    expect_among(world.finish(), "read", "nobody read further")


def case_the_author_is_not_shown_the_reading():
    world = PlantedWorld()
    world.send(world.a1, "first of all")
    world.read(world.b1, 1)
    world.marks[A, "read_outbox"] = 0
    expect_among(world.finish(), "read", "is shown as unread")


# --- recordings that say nothing ----------------------------------------------------------------------


def refused(world, words, change=None):
    with tempfile.TemporaryDirectory() as folder:
        if world:
            world.write(pathlib.Path(folder))
        if change:
            change(pathlib.Path(folder))
        said = io.StringIO()
        with contextlib.redirect_stdout(said), unittest.mock.patch.object(sys, "argv", ["check_histories.py", folder]):
            assert check_histories.main() == 2
        assert "cannot be judged" in said.getvalue() and words in said.getvalue(), said.getvalue()


def case_an_empty_folder_is_refused():
    refused(None, "no *.jsonl")


def case_nothing_acknowledged_is_refused():
    refused(PlantedWorld().finish(), "no send was acknowledged")


def case_a_cut_recording_is_refused():
    world = conversation().finish()
    world.b1.events.pop()
    refused(world, "b1.jsonl: cut")


def case_a_missing_history_is_refused():
    world = conversation().finish()
    world.b1.events = [each for each in world.b1.events if each["e"] != "history"]
    refused(world, "b1.jsonl: no complete history of 1001")


def case_what_is_not_json_is_refused():
    refused(conversation().finish(), "not JSON", lambda folder: (folder / "a1.jsonl").write_text('{"e":"device"\n'))


def case_an_unknown_event_is_refused():
    world = conversation()
    world.a1.record("sneeze")
    refused(world.finish(), "not an event that is known")


def case_a_field_of_a_wrong_type_is_refused():
    world = conversation()
    find(world.a1, "sent")[0]["id"] = "7"
    refused(world.finish(), "`id` is missing or of a wrong type")


def case_a_token_of_two_sends_is_refused():
    world = conversation()
    world.send(world.b1, "one of many")
    refused(world.finish(), "the token one belongs to several sends")


CASES = {name[len("case_"):]: case for name, case in list(globals().items()) if name.startswith("case_")}


def main():
    assert issubclass(recording.Unusable, Exception)
    if sys.argv[1] == "--cases":
        listed = set(sys.argv[2].split(","))
        print("not run: ", sorted(CASES.keys() - listed), "no such case: ", sorted(listed - CASES.keys()))
        return int(listed != CASES.keys())
    CASES[sys.argv[1]]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
