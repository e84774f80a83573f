#include "persistence/lmdb/storage_format.hpp"

#include <lmdb.h>

#include "persistence/lmdb/environment_error.hpp"
#include "persistence/lmdb/log_record.hpp"
#include "persistence/records/format.pb.h"

namespace godwit::persistence::lmdb {
namespace {

constexpr const char* database_name = "format";
constexpr std::string_view record_key = "format";

MDB_val value_of(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

std::string describe(const environment& env) { return "data folder " + env.folder().string() + ": "; }

/// Ends with the scope, whatever happened, and leaves nothing behind: its database handle goes, too.
struct quiet_transaction {
  explicit quiet_transaction(MDB_env* env) : code(mdb_txn_begin(env, nullptr, 0, &raw)) {}
  quiet_transaction(const quiet_transaction&) = delete;
  quiet_transaction& operator=(const quiet_transaction&) = delete;
  ~quiet_transaction() {
    if (code == 0 && raw != nullptr) {
      mdb_txn_abort(raw);
    }
  }

  MDB_txn* raw = nullptr;
  int code;
};

storage_result<void> check(const environment& env, const records::Format& record, environment_kind kind) {
  if (record.format_version() > format_version_now) {
    return fail(persistence_errc::format_unknown,
                describe(env) + "it has format " + std::to_string(record.format_version()) + " (made by " +
                  record.created_by() + "), and this program knows formats up to " +
                  std::to_string(format_version_now) + ". Start the newer version of the program on it.");
  }
  if (record.format_version() < format_version_oldest) {
    return fail(persistence_errc::format_unknown,
                describe(env) + "it has format " + std::to_string(record.format_version()) + " (made by " +
                  record.created_by() + "), and this program reads formats from " +
                  std::to_string(format_version_oldest) +
                  " on. Start a version between the two first, which brings the folder up to date.");
  }
  if (record.environment() != static_cast<std::uint32_t>(kind)) {
    return fail(persistence_errc::invalid_argument,
                describe(env) + "it is the other environment of a data folder. Were log and state swapped?");
  }
  return {};
}

} // namespace

storage_result<void> write_format(environment& env, const environment_format& format) {
  records::Format record;
  record.set_format_version(format.version);
  record.set_created_by(format.created_by);
  record.set_environment(static_cast<std::uint32_t>(format.kind));
  record.set_folder_id(format.folder_id);
  record.set_node_id(format.node.value());
  record.set_shard_count(format.shard_count);
  std::string bytes = record.SerializeAsString();
  append_crc(record_key, bytes);

  quiet_transaction txn(env.raw());
  MDB_dbi database = 0;
  MDB_val key = value_of(record_key);
  MDB_val value = value_of(bytes);
  int code = txn.code;
  if (code == 0) {
    code = mdb_dbi_open(txn.raw, database_name, MDB_CREATE, &database);
  }
  if (code == 0) {
    code = mdb_put(txn.raw, database, &key, &value, 0);
  }
  if (code == 0) {
    code = mdb_txn_commit(txn.raw);
    txn.raw = nullptr;
  }
  if (code == 0) {
    code = mdb_env_sync(env.raw(), 1);
  }
  return code == 0 ? storage_result<void>() : unexpected(env.error(code, "writing the format record"));
}

storage_result<environment_format> read_format(environment& env, environment_kind kind) {
  const quiet_transaction txn(env.raw());
  MDB_dbi database = 0;
  MDB_val key = value_of(record_key);
  MDB_val value{};
  int code = txn.code;
  if (code == 0) {
    code = mdb_dbi_open(txn.raw, database_name, 0, &database);
  }
  if (code == 0) {
    code = mdb_get(txn.raw, database, &key, &value);
  }
  if (code == MDB_NOTFOUND) {
    return fail(persistence_errc::invalid_argument,
                describe(env) + "it is no environment of a data folder, or making it was interrupted. Name another "
                                "folder, or remove this one and make it again.");
  }
  if (code != 0) {
    return unexpected(env.error(code, "reading the format record"));
  }
  const auto bytes = check_crc(record_key, {static_cast<const char*>(value.mv_data), value.mv_size});
  records::Format record;
  if (!bytes || !record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return fail(persistence_errc::corrupt, describe(env) + "its format record is damaged. " GODWIT_DAMAGED_DATA_REMEDY);
  }
  if (auto checked = check(env, record, kind); !checked) {
    return unexpected(checked.error());
  }
  return environment_format{.version = record.format_version(),
                            .created_by = record.created_by(),
                            .kind = kind,
                            .folder_id = record.folder_id(),
                            .node = node_id(record.node_id()),
                            .shard_count = static_cast<std::uint16_t>(record.shard_count())};
}

} // namespace godwit::persistence::lmdb
