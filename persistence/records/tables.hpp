#pragma once

#include <cstdint>

namespace godwit::persistence::records {

/// The tables of rows, the first byte of their keys; docs/formats.md tells their entities, sub-keys and
/// values. Numbers are on disk: never renumber, never use one again.
enum class table : std::uint8_t {
  // 1 to 15: about shards themselves.
  lane_outbox = 1,  ///< LaneItem, by position; the entity is the number of the shard that it is for
  lane_inbox = 2,   ///< LanePosition: up to which position the deliveries of the shard with that number are done
  lane_refused = 3, ///< LaneItem, by position: deliveries of the shard with that number which no entity could take

  user_profile = 16,       ///< UserProfile
  user_box = 17,           ///< UserBox
  user_authorization = 18, ///< UserAuthorization, by authorization
  user_privacy = 19,       ///< PrivacyRules, by what they are about
  user_relation = 20,      ///< Relation, by the other account
  user_username = 21,      ///< UsernameChange: while it is under way
  user_contact = 22,       ///< Relation, by the other account: a copy of those that are contacts, to be read in one go
  user_blocked = 23,       ///< nothing, by the moment of the block, the last one first, and the other account

  message = 64,         ///< Message, by peer and id
  message_place = 65,   ///< MessagePlace, by id
  message_origin = 66,  ///< MessageOrigin, by peer and the peer's id
  message_pinned = 67,  ///< nothing, by peer and id
  message_sent = 68,    ///< Sent, by day and random_id
  update = 69,          ///< Update, by pts and number beside it
  dialog = 70,          ///< Dialog, by peer
  dialog_order = 71,    ///< nothing, by 256 ids of the newest message and the peer
  draft = 72,           ///< Draft, by peer
  notify_settings = 73, ///< NotifySettings, by peer or sort
  pinned_dialogs = 74,  ///< PinnedDialogs
  unread_mark = 75,     ///< nothing, by peer
  done_call = 76,       ///< DoneCall, by key and a hash of the call

  phone_claim = 32, ///< PhoneClaim
  phone_codes = 33, ///< PhoneCodes: how many were asked for
  phone_code = 34,  ///< PhoneCode, by key

  auth_key = 48, ///< AuthKey

  username_claim = 56, ///< UsernameClaim

  // 128 to 135: in the shard of the cluster's own records alone.
  cluster_settings = 128, ///< ClusterSettings
  cluster_node = 129,     ///< ClusterNode, by number of the node
  shard_placement = 130,  ///< ShardPlacement, by number of the shard
};

} // namespace godwit::persistence::records
