// Results whose type changed between layers: what an older layer gets for what the server answers, and what
// an answer of an older layer says in the newest type. One pair of functions for each.

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/stories.hpp"
#include "protocol/tl/api/stories_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "protocol/tl/generated_support.hpp"

namespace godwit::tl::fn {

// 133: chat themes had a type of their own.
void account_getChatThemes::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 133) {
    store_box(out, value.get(), layer);
  } else if (as<account_themesNotModified>(value) != nullptr) {
    account_chatThemesNotModified().store(out, layer);
  } else {
    account_chatThemes().store(out, layer);
  }
}

account_getChatThemes::result account_getChatThemes::fetch_result(reader& in, layer_t layer) {
  if (layer > 133) {
    return account_Themes::fetch(in);
  }
  if (as<account_chatThemes>(account_ChatThemes::fetch(in)) != nullptr) {
    return make<account_themes>();
  }
  return make<account_themesNotModified>();
}

// Up to 134: whether it was done; there were no tokens for the next login.
void auth_logOut::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 134) {
    store_box(out, value.get(), layer);
  } else {
    out.write_bool(true);
  }
}

auth_logOut::result auth_logOut::fetch_result(reader& in, layer_t layer) {
  if (layer > 134) {
    return auth_loggedOut::fetch(in);
  }
  in.read_bool();
  return make<auth_loggedOut>();
}

// Up to 153: the settings alone. There was no hash, so nobody of those layers asks what is not modified.
void help_getAppConfig::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 153) {
    store_box(out, value.get(), layer);
    return;
  }
  const auto* config = as<help_appConfig>(value);
  store_box(out, config != nullptr ? config->config.get() : nullptr, layer);
}

help_getAppConfig::result help_getAppConfig::fetch_result(reader& in, layer_t layer) {
  if (layer > 153) {
    return help_AppConfig::fetch(in);
  }
  auto made = make<help_appConfig>();
  made->config = JSONValue::fetch(in);
  return made;
}

// Up to 175: the filters alone.
void messages_getDialogFilters::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 175) {
    store_box(out, value.get(), layer);
  } else if (value == nullptr) {
    out.fail(tl_errc::missing_object);
  } else {
    store_vector(out, value->filters, layer);
  }
}

messages_getDialogFilters::result messages_getDialogFilters::fetch_result(reader& in, layer_t layer) {
  if (layer > 175) {
    return messages_dialogFilters::fetch(in);
  }
  auto made = make<messages_dialogFilters>();
  made->filters = fetch_vector<DialogFilter>(in);
  return made;
}

// Up to 134: the settings alone.
void messages_getPeerSettings::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 134) {
    store_box(out, value.get(), layer);
  } else {
    store_box(out, value != nullptr ? value->settings.get() : nullptr, layer);
  }
}

messages_getPeerSettings::result messages_getPeerSettings::fetch_result(reader& in, layer_t layer) {
  if (layer > 134) {
    return messages_peerSettings::fetch(in);
  }
  auto made = make<messages_peerSettings>();
  made->settings = peerSettings::fetch(in);
  return made;
}

// Up to 202: whether there is room for one more.
void stories_canSendStory::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 202) {
    store_box(out, value.get(), layer);
  } else {
    out.write_bool(value != nullptr && value->count_remains > 0);
  }
}

stories_canSendStory::result stories_canSendStory::fetch_result(reader& in, layer_t layer) {
  if (layer > 202) {
    return stories_canSendStoryCount::fetch(in);
  }
  auto made = make<stories_canSendStoryCount>();
  made->count_remains = in.read_bool() ? 1 : 0;
  return made;
}

// Up to 216: the highest id alone, 0 without stories.
void stories_getPeerMaxIDs::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 216) {
    store_vector(out, value, layer);
    return;
  }
  out.write_vector(value.size());
  for (const box<recentStory>& story : value) {
    out.write_int(story != nullptr ? story->max_id.value_or(0) : 0);
  }
}

stories_getPeerMaxIDs::result stories_getPeerMaxIDs::fetch_result(reader& in, layer_t layer) {
  if (layer > 216) {
    return fetch_vector<recentStory>(in);
  }
  result made;
  for (const std::int32_t id : fetch_int_vector(in)) {
    made.push_back(make<recentStory>());
    if (id != 0) {
      made.back()->max_id = id;
    }
  }
  return made;
}

// Up to 134: the profile alone, with the user inside.
void users_getFullUser::store_result(writer& out, const result& value, layer_t layer) {
  if (layer > 134) {
    store_box(out, value.get(), layer);
    return;
  }
  if (value == nullptr || value->full_user == nullptr || value->users.empty()) {
    out.fail(tl_errc::missing_object);
    return;
  }
  // Lent for the time of one call: objects cannot be copied.
  std::swap(value->full_user->user, value->users.front());
  value->full_user->store(out, layer);
  std::swap(value->full_user->user, value->users.front());
}

users_getFullUser::result users_getFullUser::fetch_result(reader& in, layer_t layer) {
  if (layer > 134) {
    return users_userFull::fetch(in);
  }
  auto made = make<users_userFull>();
  made->full_user = userFull::fetch(in);
  if (made->full_user != nullptr) {
    made->users.push_back(std::move(made->full_user->user));
  }
  return made;
}

} // namespace godwit::tl::fn
