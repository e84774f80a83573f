#include "node/log/logging.hpp"

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>

#include "node/log/line_sink.hpp"

namespace godwit::node {
namespace {

constexpr std::chrono::seconds flush_time_max{5};

} // namespace

struct logging::parts final : public log::sink {
  parts(const logging_options& options, std::shared_ptr<line_sink> into)
      : format(options.format),
        out(std::move(into)),
        pool(std::make_shared<spdlog::details::thread_pool>(options.queue_lines_max, 1)),
        logger(
          std::make_shared<spdlog::async_logger>("godwit", out, pool, spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_level(spdlog::level::trace);
    // The library would print to standard error, and the log may be there.
    logger->set_error_handler([this](const std::string&) { failed.fetch_add(1, std::memory_order_relaxed); });
  }

  void write(const log::record& line) noexcept override {
    try {
      logger->log(spdlog::level::info, spdlog::string_view_t(format_line(line, format)));
    } catch (...) {
      failed.fetch_add(1, std::memory_order_relaxed);
    }
  }

  line_format format;
  std::shared_ptr<line_sink> out;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<std::uint64_t> failed{0};
};

expected<std::unique_ptr<logging>, std::string> logging::start(const logging_options& options) {
  try {
    auto sink = std::make_shared<line_sink>(options.file.string());
    if (!sink->good()) {
      return unexpected("log file " + options.file.string() +
                        " cannot be opened: " + std::generic_category().message(errno) +
                        ". Name a file in a folder that exists and can be written, or none for standard error.");
    }
    return std::unique_ptr<logging>(new logging(std::make_unique<parts>(options, std::move(sink))));
  } catch (const std::exception& error) {
    return unexpected(std::string("the log cannot start: ") + error.what());
  }
}

logging::logging(std::unique_ptr<parts> made) : parts_(std::move(made)) { log::install(parts_.get()); }

logging::~logging() { log::install(nullptr); }

void logging::reopen() {
  parts_->out->ask_to_reopen();
  flush();
}

void logging::flush() {
  const std::uint64_t before = parts_->out->flushes();
  try {
    parts_->pool->post_flush(std::shared_ptr(parts_->logger), spdlog::async_overflow_policy::block);
  } catch (...) {
    return;
  }
  parts_->out->wait_for_flush(before, flush_time_max);
}

std::uint64_t logging::lost() const {
  return parts_->pool->overrun_counter() + parts_->out->lost() + parts_->failed.load(std::memory_order_relaxed);
}

} // namespace godwit::node
