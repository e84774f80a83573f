#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/base/slice.hpp"
#include "persistence/base/types.hpp"

namespace godwit::persistence::raft {

/// Names a proposal to whoever made it.
using proposal_token = std::uint64_t;

enum class proposal_outcome : std::uint8_t {
  applied, ///< in the state of a majority's log, for ever
  lost,    ///< will never be applied
  unknown, ///< a snapshot was installed over its index: it may be in there or not
};

struct finished_proposal {
  proposal_token token = 0;
  proposal_outcome outcome = proposal_outcome::unknown;
  index_t index = 0;
};

/// The proposals of one replica: those that gather for the next entry and those whose entry is in
/// the log and not yet applied. Stepping down decides nothing about the latter: their entry may
/// still be committed by the next leader. An entry of a newer term that is applied decides all.
class proposal_queue {
public:
  // --- gathering ---

  void gather(std::string_view mutation, proposal_token token);
  [[nodiscard]] bool gathered() const { return !gathering_tokens_.empty(); }
  [[nodiscard]] std::size_t gathered_bytes() const { return gathering_.size(); }
  /// The gathered batch, which is entry (index, term) from now on.
  slice take();
  void submitted(index_t index, term_t term);
  /// What was taken was refused, or what gathers will not be submitted.
  void drop_gathered(std::vector<finished_proposal>& out);

  /// A proposal that is an entry of its own: a change of members.
  void submitted_alone(index_t index, term_t term, proposal_token token);

  // --- ends ---

  /// The entry at `index` was applied and has this term.
  void applied(index_t index, term_t term, std::vector<finished_proposal>& out);
  /// A snapshot, whose last entry has this term, took the place of everything up to `index`.
  void skipped(index_t index, term_t term, std::vector<finished_proposal>& out);

  [[nodiscard]] std::size_t in_flight() const { return in_flight_ + gathering_tokens_.size(); }
  [[nodiscard]] std::size_t in_flight_bytes() const { return in_flight_bytes_ + gathering_.size(); }
  [[nodiscard]] bool idle() const { return in_flight() == 0; }

private:
  struct entry {
    index_t index = 0;
    term_t term = 0;
    std::size_t bytes = 0;
    std::vector<proposal_token> tokens;
  };

  void insert(entry added);
  void drop_older(term_t term, std::vector<finished_proposal>& out);
  void finish(const entry& done, proposal_outcome outcome, std::vector<finished_proposal>& out);

  std::string gathering_;
  std::vector<proposal_token> gathering_tokens_;
  std::vector<proposal_token> taken_; ///< between take() and submitted()
  std::size_t taken_bytes_ = 0;
  std::size_t last_bytes_ = 0; ///< of the last batch taken
  std::size_t last_count_ = 0;
  std::deque<entry> entries_; ///< by index; several terms may have one each at the same index
  term_t committed_term_ = 0; ///< of the newest entry that was applied or skipped
  std::size_t in_flight_ = 0;
  std::size_t in_flight_bytes_ = 0;
};

} // namespace godwit::persistence::raft
