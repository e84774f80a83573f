"""Users and contacts, as two people with two devices each and a stranger meet them. Used by chat_scenario.py."""

from chat_client import until
from chat_world import expect_error, hears, step


def run(world, alice, bob, carol):
    find_each_other(alice, bob)
    usernames(alice, bob, carol)
    profile(alice, bob)
    presence(alice, bob)
    privacy(alice, bob, carol)
    contact_list(alice, bob)
    wrong_hashes(alice, bob)


def find_each_other(alice, bob):
    step("a number of the address book is a contact, on both devices")
    one, two = alice.devices
    added = one.call("contacts.importContacts", contacts=[
        entry(7, bob.phone, "Bobbin-Canary", "Of Old"), entry(8, "+99966379999", "Nobody")])
    assert [each["user_id"] for each in added["imported"]] == [bob.id], added
    assert added["imported"][0]["client_id"] == 7
    [user] = added["users"]
    assert (user["first_name"], user["last_name"], bool(user["contact"])) == ("Bobbin-Canary", "Of Old", True), user
    assert user["phone"] == bob.phone.lstrip("+"), user

    def in_the_book():
        answer = two.call("contacts.getContacts", hash=0)
        return [(each["user_id"], bool(each.get("mutual"))) for each in answer["contacts"]] == [(bob.id, False)]

    until(in_the_book, "the other device does not have the contact")
    assert bob.id in two.people
    # The other way round, each with the hash that its own account was given.
    added = bob.devices[0].call("contacts.importContacts", contacts=[entry(1, alice.phone, "Alix-Canary")])
    assert [each["user_id"] for each in added["imported"]] == [alice.id], added
    until(lambda: bool(user_of(one, bob.id).get("mutual_contact")), "the contacts are not mutual")
    bob.devices[1].call("contacts.getContacts", hash=0)


def entry(number, phone, first_name, last_name=""):
    return {"_": "inputPhoneContact", "client_id": number, "phone": phone, "first_name": first_name,
            "last_name": last_name}


def user_of(device, user):
    [found] = device.call("users.getUsers", id=[device.input_user(user)])
    return found


def full_user(device, user):
    answer = device.call("users.getFullUser", id=device.input_user(user))
    return answer["full_user"]


def usernames(alice, bob, carol):
    step("a username is checked, taken, found by others, and changed")
    one, stranger = bob.devices[0], carol.devices[0]
    expect_error("USERNAME_INVALID", one.call, "account.checkUsername", username="a b")
    assert one.call("account.checkUsername", username="bobbin_canary") is True
    assert one.call("account.updateUsername", username="bobbin_canary")["username"] == "bobbin_canary"
    expect_error("USERNAME_NOT_MODIFIED", one.call, "account.updateUsername", username="bobbin_canary")
    expect_error("USERNAME_OCCUPIED", stranger.call, "account.updateUsername", username="Bobbin_Canary")
    expect_error("USERNAME_OCCUPIED", stranger.call, "account.checkUsername", username="bobbin_canary")

    found = stranger.call("contacts.resolveUsername", username="BOBBIN_canary")
    assert found["peer"]["user_id"] == bob.id, found
    assert found["users"][0]["first_name"] == bob.first_name, found
    expect_error("USERNAME_NOT_OCCUPIED", stranger.call, "contacts.resolveUsername", username="nobody_canary")
    assert one.call("account.updateUsername", username="bobbin_second")["username"] == "bobbin_second"
    expect_error("USERNAME_NOT_OCCUPIED", stranger.call, "contacts.resolveUsername", username="bobbin_canary")
    assert stranger.call("contacts.resolveUsername", username="bobbin_second")["peer"]["user_id"] == bob.id
    until(lambda: user_of(alice.devices[0], bob.id).get("username") == "bobbin_second", "the contact's username is old")


def profile(alice, bob):
    step("name and bio change, and others see it")
    one, two = bob.devices
    heard = len(two.heard)
    user = one.call("account.updateProfile", first_name=bob.first_name, last_name="Newname-Canary",
                    about="about-canary words")
    assert user["last_name"] == "Newname-Canary", user
    hears(two, "UpdateUserName", heard, user_id=bob.id)
    assert full_user(two, bob.id)["about"] == "about-canary words"
    # A contact keeps the name that it was given.
    until(lambda: full_user(alice.devices[1], bob.id).get("about") == "about-canary words", "the bio is old")
    assert user_of(alice.devices[1], bob.id)["first_name"] == "Bobbin-Canary"
    expect_error("FIRSTNAME_INVALID", one.call, "account.updateProfile", first_name="")
    expect_error("ABOUT_TOO_LONG", one.call, "account.updateProfile", about="x" * 200)


def presence(alice, bob):
    step("online and last seen")
    one = alice.devices[0]
    one.call("account.updateStatus", offline=False)  # only who is there is told who else is
    heard = len(one.heard)
    bob.devices[0].call("account.updateStatus", offline=False)
    hears(one, "UpdateUserStatus", heard, user_id=bob.id, status___="UserStatusOnline")
    assert user_of(one, bob.id)["status"]["_"] == "UserStatusOnline"
    heard = len(one.heard)
    bob.devices[0].call("account.updateStatus", offline=True)
    bob.devices[1].call("account.updateStatus", offline=True)
    hears(one, "UpdateUserStatus", heard, user_id=bob.id, status___="UserStatusOffline")
    statuses = one.call("contacts.getStatuses")
    assert [(each["user_id"], each["status"]["_"]) for each in statuses] == [(bob.id, "UserStatusOffline")], statuses


def set_privacy(device, key, *rules):
    answer = device.call("account.setPrivacy", key={"_": f"inputPrivacyKey{key}"},
                         rules=[{"_": f"inputPrivacyValue{rule}"} for rule in rules])
    assert [each["_"] for each in answer["rules"]] == [f"PrivacyValue{rule}" for rule in rules], answer
    return answer


def privacy(alice, bob, carol):
    step("privacy of the number and of last seen")
    one, friend, stranger = bob.devices[0], alice.devices[0], carol.devices[0]
    heard = len(bob.devices[1].heard)
    set_privacy(one, "StatusTimestamp", "DisallowAll")
    hears(bob.devices[1], "UpdatePrivacy", heard)
    for device in (friend, stranger):
        until(lambda d=device: (user_of(d, bob.id).get("status") or {"_": ""})["_"]
              not in ("UserStatusOnline", "UserStatusOffline"), f"{device.name} sees when the other was there")
    set_privacy(one, "StatusTimestamp", "AllowContacts", "DisallowAll")
    until(lambda: user_of(friend, bob.id)["status"]["_"] == "UserStatusOffline", "a contact does not see last seen")
    assert (user_of(stranger, bob.id).get("status") or {"_": ""})["_"] != "UserStatusOffline"
    set_privacy(one, "StatusTimestamp", "AllowAll")
    until(lambda: user_of(stranger, bob.id)["status"]["_"] == "UserStatusOffline", "a stranger does not see last seen")

    set_privacy(one, "PhoneNumber", "AllowAll")
    until(lambda: user_of(stranger, bob.id).get("phone") == bob.phone.lstrip("+"), "a stranger does not see the number")
    set_privacy(one, "PhoneNumber", "DisallowAll")
    until(lambda: not user_of(stranger, bob.id).get("phone"), "a stranger sees the number")
    rules = bob.devices[1].call("account.getPrivacy", key={"_": "inputPrivacyKeyPhoneNumber"})["rules"]
    assert [each["_"] for each in rules] == ["PrivacyValueDisallowAll"], rules


def contact_list(alice, bob):
    step("contacts are searched, taken away and added again")
    one, two = alice.devices
    found = one.call("contacts.search", q="bobbin", limit=10)
    assert {"_": "PeerUser", "user_id": bob.id} in found["my_results"], found
    found = one.call("contacts.search", q="bobbin_second", limit=10)
    assert bob.id in [each["user_id"] for each in found["my_results"] + found["results"]], found

    one.call("contacts.deleteContacts", id=[one.input_user(bob.id)])
    until(lambda: two.call("contacts.getContacts", hash=0)["contacts"] == [], "the contact is still there")
    assert user_of(one, bob.id)["first_name"] == bob.first_name
    assert not user_of(one, bob.id).get("contact")
    one.call("contacts.addContact", id=one.input_user(bob.id), first_name="Bobbin-Again", last_name="", phone="",
             add_phone_privacy_exception=True)
    until(lambda: [each["user_id"] for each in two.call("contacts.getContacts", hash=0)["contacts"]] == [bob.id],
          "the contact is not there again")
    until(lambda: user_of(two, bob.id)["first_name"] == "Bobbin-Again", "the name is old")
    expect_error("CONTACT_NAME_EMPTY", one.call, "contacts.addContact", id=one.input_user(bob.id), first_name="",
                 last_name="", phone="")


def wrong_hashes(alice, bob):
    step("nobody is reached by a wrong access_hash")
    one = alice.devices[0]
    wrong = {"user_id": bob.id, "access_hash": one.people[bob.id] ^ 1}
    expect_error("PEER_ID_INVALID", one.call, "messages.sendMessage", peer={"_": "inputPeerUser", **wrong}, message="x",
                 random_id=1)
    expect_error("PEER_ID_INVALID", one.call, "messages.getHistory", peer={"_": "inputPeerUser", **wrong}, offset_id=0,
                 offset_date=0, add_offset=0, limit=10, max_id=0, min_id=0, hash=0)
    expect_error("USER_ID_INVALID|PEER_ID_INVALID", one.call, "users.getFullUser", id={"_": "inputUser", **wrong})
    borrowed = {"_": "inputPeerUser", "user_id": bob.id, "access_hash": bob.devices[0].people[alice.id]}
    expect_error("PEER_ID_INVALID", one.call, "messages.sendMessage", peer=borrowed, message="x", random_id=2)
