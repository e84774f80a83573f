#pragma once

namespace godwit::node {

/// How the program ends; documented in docs/operating.md. Scripts and units rely on it: never renumber.
enum class exit_code : int {
  ok = 0,
  failure = 1,     ///< anything without a number of its own
  usage = 2,       ///< wrong command line
  config = 3,      ///< the configuration is refused
  data_folder = 4, ///< the data folder is empty, foreign, damaged, in use, or its disk failed
  address = 5,     ///< an address or port cannot be listened on
  no_node = 6,     ///< ctl: no node answers
};

} // namespace godwit::node
