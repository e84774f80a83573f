#include "node/control/control_wire.hpp"

#include <nlohmann/json.hpp>

namespace godwit::node {
namespace {

using json = nlohmann::ordered_json;

/// nlohmann's parser recurses; our lines are two deep, and an answer's document a little more.
constexpr int depth_max = 32;

json parse(std::string_view line) {
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= depth_max; };
  return json::parse(line.begin(), line.end(), shallow, false);
}

std::string dump(const json& value) { return value.dump(-1, ' ', true, json::error_handler_t::replace) + "\n"; }

} // namespace

std::string request_line(const control_request& request) {
  return dump({{"command", request.command}, {"arguments", request.arguments}});
}

std::string answer_line(const control_answer& answer) {
  json document;
  if (answer.json.empty()) {
    document = {{"text", answer.text}};
  } else {
    document = json::parse(answer.json, nullptr, false);
    if (document.is_discarded()) {
      document = nullptr;
    }
  }
  return dump({{"ok", answer.ok}, {"text", answer.text}, {"json", std::move(document)}});
}

std::optional<control_request> parse_request(std::string_view line) {
  const json document = parse(line);
  if (!document.is_object()) {
    return std::nullopt;
  }
  const auto command = document.find("command");
  const auto arguments = document.find("arguments");
  if (command == document.end() || !command->is_string() || arguments == document.end() || !arguments->is_array()) {
    return std::nullopt;
  }
  control_request request{.command = command->get<std::string>(), .arguments = {}};
  for (const json& each : *arguments) {
    if (!each.is_string()) {
      return std::nullopt;
    }
    request.arguments.push_back(each.get<std::string>());
  }
  return request;
}

std::optional<control_answer> parse_answer(std::string_view line) {
  const json document = parse(line);
  if (!document.is_object()) {
    return std::nullopt;
  }
  const auto ok = document.find("ok");
  const auto text = document.find("text");
  const auto body = document.find("json");
  if (ok == document.end() || !ok->is_boolean() || text == document.end() || !text->is_string() ||
      body == document.end()) {
    return std::nullopt;
  }
  return control_answer{.ok = ok->get<bool>(), .text = text->get<std::string>(), .json = body->dump(2)};
}

} // namespace godwit::node
