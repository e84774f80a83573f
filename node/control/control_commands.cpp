#include "node/control/control_commands.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace godwit::node {
namespace {

using json = nlohmann::ordered_json;

std::string text_of(const control_value& value) {
  struct {
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const {
      std::array<char, 32> text{};
      std::snprintf(text.data(), text.size(), "%.6g", number);
      return text.data();
    }
    std::string operator()(bool flag) const { return flag ? "yes" : "no"; }
  } words;
  return std::visit(words, value);
}

json json_of(const control_value& value) {
  return std::visit([](const auto& each) { return json(each); }, value);
}

std::string dump(const json& value) { return value.dump(-1, ' ', true, json::error_handler_t::replace); }

} // namespace

control_answer control_record(const std::vector<std::pair<std::string, control_value>>& values) {
  std::size_t width = 0;
  for (const auto& [name, value] : values) {
    width = std::max(width, name.size());
  }
  control_answer answer;
  json object = json::object();
  for (const auto& [name, value] : values) {
    answer.text +=
      (answer.text.empty() ? "" : "\n") + name + std::string(width - name.size() + 2, ' ') + text_of(value);
    object[name] = json_of(value);
  }
  answer.json = dump(object);
  return answer;
}

control_answer control_table(const std::vector<std::string>& columns,
                             const std::vector<std::vector<control_value>>& rows) {
  std::vector<std::vector<std::string>> cells{columns};
  json list = json::array();
  for (const auto& row : rows) {
    json object = json::object();
    std::vector<std::string>& line = cells.emplace_back();
    for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i) {
      line.push_back(text_of(row[i]));
      object[columns[i]] = json_of(row[i]);
    }
    list.push_back(std::move(object));
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  control_answer answer;
  for (const auto& line : cells) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i] + (i + 1 < line.size() ? std::string(widths[i] - line[i].size() + 2, ' ') : "");
    }
    answer.text += (answer.text.empty() ? "" : "\n") + text;
  }
  answer.json = dump(list);
  return answer;
}

control_answer control_failure(std::string why) { return {.ok = false, .text = std::move(why), .json = {}}; }

struct control_reply::state {
  explicit state(std::function<void(control_answer)> to) : deliver(std::move(to)) {}
  ~state() { give(control_failure("the node gave no answer")); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  void give(control_answer answer) {
    if (!given.exchange(true)) {
      deliver(std::move(answer));
    }
  }

  std::function<void(control_answer)> deliver;
  std::atomic<bool> given{false};
};

control_reply::control_reply(std::function<void(control_answer)> deliver)
    : state_(std::make_shared<state>(std::move(deliver))) {}

void control_reply::operator()(control_answer answer) const { state_->give(std::move(answer)); }

control_commands::control_commands() {
  add({.name = "help",
       .usage = "",
       .help = "Lists the commands of this node.",
       .run = [this](const auto&, control_reply reply) { reply(help()); }});
}

void control_commands::add(control_command command) {
  const std::lock_guard lock(mutex_);
  std::string name = command.name;
  commands_[std::move(name)] = std::make_shared<const control_command>(std::move(command));
}

void control_commands::run(const std::string& name, const std::vector<std::string>& arguments,
                           control_reply reply) const {
  std::shared_ptr<const control_command> command;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = commands_.find(name); found != commands_.end()) {
      command = found->second;
    }
  }
  if (!command) {
    reply(control_failure("there is no such command; `godwit ctl help` lists them"));
    return;
  }
  if (arguments.size() < command->arguments_min || arguments.size() > command->arguments_max) {
    reply(control_failure("usage: godwit ctl " + name + (command->usage.empty() ? "" : " " + command->usage)));
    return;
  }
  try {
    command->run(arguments, reply);
  } catch (const std::exception&) {
    // Its words could hold what no log or terminal should.
    reply(control_failure("the command failed inside the node"));
  }
}

control_answer control_commands::help() const {
  std::vector<std::vector<control_value>> rows;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, command] : commands_) {
    rows.push_back({name + (command->usage.empty() ? "" : " " + command->usage), command->help});
  }
  return control_table({"command", "help"}, rows);
}

} // namespace godwit::node
