#pragma once

#include <memory>

#include "actors/account/code_sender.hpp"
#include "actors/entity/entity_logic.hpp"

namespace godwit::account {

struct account_options;

using entity::code_delivery;
using entity::entity_answer;
using entity::entity_command;
using entity::entity_effects;
using entity::entity_logic;
using entity::id_of_sub_key;
using entity::id_sub_key;
using entity::listener_id;
using entity::listener_message;
using entity::logic_request;
using entity::records_table;
using entity::row_change;

/// The logic of the entity's kind; null for kinds of other folders. `options` outlives it.
std::unique_ptr<entity_logic> make_logic(const cluster::entity_ref& self, const account_options& options);

} // namespace godwit::account
