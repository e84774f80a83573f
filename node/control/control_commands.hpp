#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace godwit::node {

/// What a command has to say: for people as text, for programs as a JSON document.
struct control_answer {
  bool ok = true;
  std::string text; ///< lines, the last one without its end
  std::string json; ///< empty: {"text": …} stands for it
};

using control_value = std::variant<std::string, std::int64_t, double, bool>;

/// An answer of named values: aligned lines, and a JSON object.
control_answer control_record(const std::vector<std::pair<std::string, control_value>>& values);
/// An answer of rows under the names of columns: an aligned table, and a JSON list of objects.
control_answer control_table(const std::vector<std::string>& columns,
                             const std::vector<std::vector<control_value>>& rows);
/// A refusal, in one line.
control_answer control_failure(std::string why);

/// Answers a command once, from any thread, now or later; further calls do nothing. When every copy is
/// gone without an answer, the caller is told that there was none.
class control_reply {
public:
  explicit control_reply(std::function<void(control_answer)> deliver);
  void operator()(control_answer answer) const;

private:
  struct state;
  std::shared_ptr<state> state_;
};

/// Runs on the control thread, which it must not hold for longer than a moment unless it says so in its
/// help: commands wait for one another.
using control_handler = std::function<void(const std::vector<std::string>& arguments, control_reply reply)>;

struct control_command {
  std::string name;
  std::string usage; ///< its arguments: "COMPONENT LEVEL"
  std::string help;  ///< one sentence
  std::size_t arguments_min = 0;
  std::size_t arguments_max = 0;
  control_handler run;
};

/// What `godwit ctl` can ask of a running node. Any thread.
class control_commands {
public:
  control_commands(); ///< knows `help`

  /// Replaces the command of that name.
  void add(control_command command);
  /// Refuses unknown commands and wrong numbers of arguments by itself.
  void run(const std::string& name, const std::vector<std::string>& arguments, control_reply reply) const;

private:
  [[nodiscard]] control_answer help() const;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const control_command>> commands_;
};

} // namespace godwit::node
