/// What the C files over the library share. C only, as the library's own header is.
#pragma once

#include <raft.h>

#include "persistence/raft/raft_library.h"

// The rules around these files were found in the source of this very version and tested against it;
// later ones change who owns which buffer. raft_version_number() is declared but not in the library.
_Static_assert(RAFT_VERSION_NUMBER == 2201, "the adapter knows libraft 0.22.1 only");

struct raft_library {
  struct raft raft;
  struct raft_tracer tracer;
  void (*trace)(void* arg, const char* text);
  void* trace_arg;
  struct raft_update update; // of the last event; its messages live in `raft` until the next one
  struct raft_library_update last;
};
