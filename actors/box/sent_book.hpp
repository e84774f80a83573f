#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "actors/box/sent_filter.hpp"
#include "actors/entity/entity_logic.hpp"
#include "persistence/records/account.pb.h"
#include "persistence/records/chat.pb.h"

namespace godwit::box {

using entity::entity_effects;
using persistence::records::Sent;

/// What became of the random_ids of the last days. In memory is only a filter, so that the first use of one, which
/// nearly every use is, costs no reading.
class sent_book {
public:
  /// What a reader is to look for, and what it found. Shared by the threads one after the other.
  struct search {
    std::vector<std::int64_t> wanted;
    std::int32_t today = 0;
    std::int32_t days = 0;
    bool all = false;    ///< the filter is to be filled
    bool forget = false; ///< rows of days before are to be removed

    std::vector<std::pair<std::int64_t, Sent>> found;
    std::vector<std::int64_t> numbers;
    bool too_many = false;
    std::vector<std::string> forgotten;

    [[nodiscard]] bool needed() const { return all || forget || !wanted.empty(); }
    /// On a reader's thread.
    void read(entity::row_reader& reader);
  };

  explicit sent_book(persistence::records::UserBox& box) : box_(box) {}

  /// What has to be read before these can be sent; often nothing.
  [[nodiscard]] search ask(std::span<const std::int64_t> random_ids, unix_time now);
  /// Takes in what was read, and erases rows of forgotten days; the box's row is still to be put.
  void learn(const search& what, entity_effects& out);
  /// Puts the row of one that is sent.
  void remember(std::int64_t random_id, const Sent& what, unix_time now, entity_effects& out);

private:
  persistence::records::UserBox& box_;
  sent_filter filter_;
  bool filled_ = false;
  bool useless_ = false; ///< there are too many to know them all
};

} // namespace godwit::box
