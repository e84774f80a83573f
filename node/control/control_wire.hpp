#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/control/control_commands.hpp"

/// The two lines that cross the control socket.
namespace godwit::node {

struct control_request {
  std::string command;
  std::vector<std::string> arguments;
};

/// With the end of the line.
std::string request_line(const control_request& request);
std::string answer_line(const control_answer& answer);

/// Without it; nothing when it is not such a line.
std::optional<control_request> parse_request(std::string_view line);
std::optional<control_answer> parse_answer(std::string_view line);

} // namespace godwit::node
