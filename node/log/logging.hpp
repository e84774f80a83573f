#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "cluster/base/log.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

enum class line_format : std::uint8_t { logfmt, json };

struct logging_options {
  std::filesystem::path file; ///< empty: standard error
  line_format format = line_format::logfmt;
  std::size_t queue_lines_max = 8192; ///< lines that wait for the writer; beyond, the oldest are lost
};

/// The process's log: formats lines where they are made and leaves the writing to a thread of its own, so
/// that a slow disk or terminal never holds a loop. What is lost is counted.
///
/// Lines are installed as the sink of godwit::log while the object lives.
class logging {
public:
  /// Error: one line with the file and the remedy.
  static expected<std::unique_ptr<logging>, std::string> start(const logging_options& options);

  /// Writes what waits.
  ~logging();
  logging(const logging&) = delete;
  logging& operator=(const logging&) = delete;

  /// Opens the file anew, after another program has moved it away. The old one stays in use when that
  /// fails. Any thread.
  void reopen();
  /// Blocks until every line made so far is written.
  void flush();
  /// Lines that were lost because the queue was full.
  [[nodiscard]] std::uint64_t lost() const;

private:
  struct parts;
  explicit logging(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

/// One line without its end. logfmt: `ts=2026-01-31T12:00:00.123Z level=info component=gateway what=…`.
std::string format_line(const log::record& line, line_format format);

} // namespace godwit::node
