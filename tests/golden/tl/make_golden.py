#!/usr/bin/env python3
"""Writes the golden files beside it: objects encoded for several layers.

An encoder of its own: it shares no code with the schema compiler, only the lines of protocol/tl/schema.
Run by hand when an object is added; a change of bytes that are already here wants an explanation.
"""

import pathlib
import re
import struct

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parents[2] / "protocol" / "tl" / "schema"
LAYERS = (135, 144, 152, 198, 221, 227, 228, 229)


def read_schema():
    lines = {}
    for path in sorted(SCHEMA.glob("*.tl")):
        for text in path.read_text().splitlines():
            match = re.match(r"([\w.]+)#([0-9a-f]+) (.*)= ([^;]+); // ([\d,-]+)$", text)
            if match:
                name, number, fields, _, layers = match.groups()
                fields = [field.split(":", 1) for field in fields.split() if not field.startswith("{")]
                ranges = [[int(end) for end in (part.split("-") * 2)[:2]] for part in layers.split(",")]
                lines.setdefault(name, []).append((int(number, 16), fields, ranges))
    return lines


LINES = read_schema()


def string(value):
    if isinstance(value, str):
        value = value.encode()
    head = bytes([len(value)]) if len(value) < 254 else b"\xfe" + len(value).to_bytes(3, "little")
    return (head + value).ljust((len(head + value) + 3) // 4 * 4, b"\0")


def encode_value(kind, value, layer):
    if kind.startswith("Vector<"):
        elements = [encode_value(kind[7:-1], each, layer) for each in value or []]
        return struct.pack("<II", 0x1CB5C415, len(elements)) + b"".join(elements)
    if kind == "int":
        return struct.pack("<i", value or 0)
    if kind == "long":
        return struct.pack("<q", value or 0)
    if kind == "double":
        return struct.pack("<d", value or 0)
    if kind in ("string", "bytes"):
        return string(value or "")
    if kind == "Bool":
        return struct.pack("<I", 0x997275B5 if value else 0xBC799737)
    if kind == "!X":
        return value
    return encode(value, layer)


def encode(value, layer):
    """`value`: a dict with the name under '_' and fields by their names; what is not there is absent."""
    for number, fields, ranges in LINES[value["_"]]:
        if any(first <= layer <= last for first, last in ranges):
            break
    else:
        raise KeyError(f"{value['_']} at layer {layer}")
    flags = {}
    for name, kind in fields:
        match = re.match(r"(flags\d*)\.(\d+)\?", kind)
        is_flag = kind.endswith("?true")  # set or not; a Bool that is false is there all the same
        if match and value.get(name) is not None and not (is_flag and not value[name]):
            flags[match[1]] = flags.get(match[1], 0) | 1 << int(match[2])
    out = struct.pack("<I", number)
    for name, kind in fields:
        match = re.match(r"(flags\d*)\.(\d+)\?(.*)", kind)
        if kind == "#":
            out += struct.pack("<I", flags.get(name, 0))
        elif not match:
            out += encode_value(kind, value.get(name), layer)
        elif match[3] != "true" and flags.get(match[1], 0) >> int(match[2]) & 1:
            out += encode_value(match[3], value.get(name), layer)
    return out


PEER_USER = {"_": "peerUser", "user_id": 0x0102030405}
SELF = {
    "_": "user", "self": True, "contact": True, "mutual_contact": True, "verified": True, "premium": True,
    "stories_unavailable": True, "id": 0x0102030405, "access_hash": 0x1122334455667788, "first_name": "Ada",
    "last_name": "Lovelace", "username": "ada", "phone": "9996612345",
    "photo": {"_": "userProfilePhoto", "has_video": True, "photo_id": 77, "stripped_thumb": b"\x01\x02\x03", "dc_id": 2},
    "status": {"_": "userStatusOnline", "expires": 1700000300},
    "restriction_reason": [{"_": "restrictionReason", "platform": "all", "reason": "terms", "text": "why"}],
    "lang_code": "en",
}
SELF_NAMES = dict(SELF, usernames=[{"_": "username", "editable": True, "active": True, "username": "ada"}])
OTHER = {
    "_": "user", "id": 6, "access_hash": -7, "first_name": "Zo\u00eb \u4e2d\U0001f600",
    "status": {"_": "userStatusRecently"},
}
NOTIFY = {"_": "peerNotifySettings", "show_previews": False, "silent": True, "mute_until": 0x7FFFFFFF}
STATE = {"_": "updates.state", "pts": 1, "qts": 0, "date": 1700000000, "seq": 0, "unread_count": 0}
AUTHORIZATION = {
    "_": "authorization", "current": True, "official_app": False, "hash": 0, "device_model": "Desktop",
    "platform": "Linux", "system_version": "12", "api_id": 4, "app_name": "Client", "app_version": "1.2.3",
    "date_created": 1700000000, "date_active": 1700000100, "ip": "127.0.0.1", "country": "", "region": "",
}
DC = {"_": "dcOption", "static": True, "id": 2, "ip_address": "127.0.0.1", "port": 4430}
CONFIG = {
    "_": "config", "date": 1700000000, "expires": 1700003600, "test_mode": False, "this_dc": 2,
    "dc_options": [DC, {"_": "dcOption", "ipv6": True, "id": 4, "ip_address": "::1", "port": 4430}],
    "dc_txt_domain_name": "", "chat_size_max": 200, "megagroup_size_max": 200000, "forwarded_count_max": 100,
    "online_update_period_ms": 210000, "offline_blur_timeout_ms": 5000, "offline_idle_timeout_ms": 30000,
    "online_cloud_timeout_ms": 300000, "notify_cloud_delay_ms": 30000, "notify_default_delay_ms": 1500,
    "push_chat_period_ms": 60000, "push_chat_limit": 2, "saved_gifs_limit": 200, "edit_time_limit": 172800,
    "revoke_time_limit": 0x7FFFFFFF, "revoke_pm_time_limit": 0x7FFFFFFF, "rating_e_decay": 2419200,
    "stickers_recent_limit": 200, "stickers_faved_limit": 5, "channels_read_media_period": 604800,
    "pinned_dialogs_count_max": 5, "pinned_infolder_count_max": 100, "call_receive_timeout_ms": 20000,
    "call_ring_timeout_ms": 90000, "call_connect_timeout_ms": 30000, "call_packet_timeout_ms": 10000,
    "me_url_prefix": "https://t.me/", "caption_length_max": 1024, "message_length_max": 4096, "webfile_dc_id": 2,
    "lang_pack_version": 3, "suggested_lang_code": "en",
}
UPDATES = {
    "_": "updates",
    "updates": [
        {"_": "updateLoginToken"},
        {"_": "updateUserStatus", "user_id": 6, "status": {"_": "userStatusOffline", "was_online": 1700000200}},
        {"_": "updateServiceNotification", "popup": True, "inbox_date": 1700000000, "type": "AUTH_KEY_DROP",
         "message": "New login", "media": {"_": "messageMediaEmpty"},
         "entities": [{"_": "messageEntityBold", "offset": 0, "length": 3}]},
        {"_": "updateNotifySettings", "peer": {"_": "notifyPeer", "peer": PEER_USER}, "notify_settings": NOTIFY},
    ],
    "users": [OTHER], "chats": [], "date": 1700000001, "seq": 9,
}
USER_FULL = {
    "_": "users.userFull",
    "full_user": {
        "_": "userFull", "blocked": True, "phone_calls_available": True, "id": 0x0102030405, "about": "about",
        "settings": {"_": "peerSettings", "add_contact": True, "block_contact": True, "geo_distance": 12},
        "notify_settings": NOTIFY, "common_chats_count": 3, "ttl_period": 86400,
        "private_forward_name": "A.", "voice_messages_forbidden": True,
    },
    "chats": [], "users": [SELF],
}
JSON = {
    "_": "jsonObject",
    "value": [
        {"_": "jsonObjectValue", "key": "n", "value": {"_": "jsonNumber", "value": 1.5}},
        {"_": "jsonObjectValue", "key": "a", "value": {"_": "jsonArray", "value": [
            {"_": "jsonNull"}, {"_": "jsonBool", "value": True}, {"_": "jsonString", "value": "s" * 300}]}},
    ],
}
MESSAGE = {
    "_": "updateNewMessage",
    "message": {
        "_": "message", "out": True, "silent": True, "id": 41, "from_id": PEER_USER,
        "peer_id": {"_": "peerUser", "user_id": 6}, "date": 1700000000, "message": "Hello, world",
        "reply_to": {"_": "messageReplyHeader", "reply_to_msg_id": 40},
        "entities": [{"_": "messageEntityTextUrl", "offset": 7, "length": 5, "url": "https://example.org/"}],
        "edit_date": 1700000005, "ttl_period": 86400,
    },
    "pts": 12, "pts_count": 1,
}
CALL = {
    "_": "initConnection", "api_id": 4, "device_model": "Desktop", "system_version": "12", "app_version": "1.2.3",
    "system_lang_code": "en", "lang_pack": "tdesktop", "lang_code": "en",
    "params": {"_": "jsonObject", "value": [
        {"_": "jsonObjectValue", "key": "tz_offset", "value": {"_": "jsonNumber", "value": 3600.0}}]},
}

OBJECTS = {
    "config": ("what every client asks first", lambda layer: CONFIG),
    "user": ("a signed-in user as its own sessions see it", lambda layer: SELF),
    "user_names": ("the same with the list of user names, from layer 152 on",
                   lambda layer: SELF_NAMES if layer >= 152 else None),
    "auth_authorization": ("the answer to auth.signIn", lambda layer: {
        "_": "auth.authorization", "otherwise_relogin_days": 3, "setup_password_required": True, "user": SELF}),
    "auth_sent_code": ("the answer to auth.sendCode", lambda layer: {
        "_": "auth.sentCode", "type": {"_": "auth.sentCodeTypeApp", "length": 5}, "phone_code_hash": "0123456789abcdef",
        "next_type": {"_": "auth.codeTypeSms"}, "timeout": 60}),
    "account_authorizations": ("two devices", lambda layer: {
        "_": "account.authorizations", "authorization_ttl_days": 180,
        "authorizations": [AUTHORIZATION, dict(AUTHORIZATION, current=False, hash=-5, unconfirmed=True,
                                               encrypted_requests_disabled=True)]}),
    "users_user_full": ("a profile", lambda layer: USER_FULL),
    "updates_state": ("where a fresh account stands", lambda layer: STATE),
    "updates_difference_empty": ("nothing happened", lambda layer: {
        "_": "updates.differenceEmpty", "date": 1700000000, "seq": 0}),
    "messages_dialogs": ("no chats", lambda layer: {"_": "messages.dialogs"}),
    "messages_peer_dialogs": ("no pinned chats", lambda layer: {"_": "messages.peerDialogs", "state": STATE}),
    "peer_notify_settings": ("muted, previews off", lambda layer: NOTIFY),
    "updates": ("four updates", lambda layer: UPDATES),
    "update_new_message": ("a text message of a private chat", lambda layer: MESSAGE),
    "update_short": ("somebody accepted the login token", lambda layer: {
        "_": "updateShort", "update": {"_": "updateLoginToken"}, "date": 1700000000}),
    "json": ("values of every kind, a string of 300 bytes", lambda layer: JSON),
    "contacts": ("one contact", lambda layer: {
        "_": "contacts.contacts", "contacts": [{"_": "contact", "user_id": 6, "mutual": True}], "saved_count": 0,
        "users": [OTHER]}),
    "init_connection": ("a call as clients begin: initConnection around help.getConfig",
                        lambda layer: dict(CALL, query=encode({"_": "help.getConfig"}, layer))),
    "auth_sign_in": ("a call", lambda layer: {
        "_": "auth.signIn", "phone_number": "9996612345", "phone_code_hash": "0123456789abcdef", "phone_code": "11111"}),
}


def main():
    for name, (title, value_of) in OBJECTS.items():
        text = f"# {name}: {title}\n"
        for layer in LAYERS:
            value = value_of(layer)
            if value is not None:
                words = re.findall("........", encode(value, layer).hex())
                text += f"\nlayer {layer}\n"
                text += "".join(" ".join(words[i:i + 12]) + "\n" for i in range(0, len(words), 12))
        (HERE / f"{name}.hex").write_text(text)


if __name__ == "__main__":
    main()
