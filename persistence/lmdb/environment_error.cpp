#include "persistence/lmdb/environment_error.hpp"

#include <cerrno>
#include <string>

#include <lmdb.h>

namespace godwit::persistence::lmdb {
namespace {

struct verdict {
  persistence_errc code;
  std::string_view remedy;
};

verdict judge_lmdb(int code) {
  switch (code) {
  case MDB_NOTFOUND: return {persistence_errc::not_found, "no such record."};
  case MDB_MAP_FULL:
    return {persistence_errc::no_space, "The map is at its maximum: delete data or raise the limit of the map size."};
  case MDB_INVALID:
  case MDB_CORRUPTED:
  case MDB_PAGE_NOTFOUND:
  case MDB_CURSOR_FULL: // a tree deeper than any can be
    return {persistence_errc::corrupt, "The data file is damaged. " GODWIT_DAMAGED_DATA_REMEDY};
  case MDB_VERSION_MISMATCH:
    return {persistence_errc::format_unknown,
            "The data file was written by another version of LMDB: use the version of the program that wrote it."};
  case MDB_INCOMPATIBLE:
  case MDB_BAD_VALSIZE:
  case MDB_BAD_DBI:
  case MDB_DBS_FULL:
    return {persistence_errc::corrupt, "The data file does not hold what this program writes: is it the right folder?"};
  case MDB_READERS_FULL: return {persistence_errc::busy, "Too many read transactions are open; try again later."};
  case MDB_TXN_FULL: return {persistence_errc::no_space, "The transaction is too large."};
  case MDB_PANIC:
    return {persistence_errc::io_error, "An earlier write of the environment's header failed: check the disk, then "
                                        "start the node again."};
  default: return {persistence_errc::io_error, "Start the node again; if it stays, check the disk."};
  }
}

verdict judge(int code) {
  switch (code) {
  case ENOENT: return {persistence_errc::not_found, "Is the path right, and is the disk mounted?"};
  case ENOTDIR: return {persistence_errc::invalid_argument, "The path does not name a folder."};
  case EROFS:
    return {persistence_errc::read_only, "The file system is read-only: remount it for writing (the kernel's log says "
                                         "whether an error of the disk made it so)."};
  case EACCES:
  case EPERM:
    return {persistence_errc::read_only, "The user of this process may not write there: correct owner or permissions."};
  case ENOSPC: return {persistence_errc::no_space, "The disk is full: make room; writing goes on by itself."};
  case EDQUOT: return {persistence_errc::no_space, "The disk quota is used up: raise it; writing goes on by itself."};
  case EFBIG:
    return {persistence_errc::no_space, "The file may not grow further: raise the file size limit (ulimit -f)."};
  case EMFILE:
  case ENFILE: return {persistence_errc::busy, "Too many files are open: raise the limit (ulimit -n)."};
  case ENOMEM:
    return {persistence_errc::busy,
            "Memory or address space is short: lift its limit (ulimit -v) or lower the map size."};
  case EIO:
    return {persistence_errc::io_error, "The disk failed: check it (kernel's log, SMART), then start the node again."};
  default: return judge_lmdb(code);
  }
}

} // namespace

storage_error environment_error(const std::filesystem::path& folder, int code, std::string_view doing) {
  const verdict what = judge(code);
  std::string message = "data folder " + folder.string() + ": ";
  message += mdb_strerror(code);
  message += " while ";
  message += doing;
  message += ". ";
  message += what.remedy;
  return {what.code, std::move(message)};
}

} // namespace godwit::persistence::lmdb
