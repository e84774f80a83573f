#pragma once

namespace godwit::persistence::lmdb {

/// Data is read through memory maps: a page that the disk cannot deliver, or that lies behind the end
/// of a file cut off meanwhile, arrives as a signal that ends the process. This installs handlers for
/// SIGBUS and SIGSEGV that say on standard error which data file it was; then the process ends as it
/// would have without them. Faults elsewhere pass through in silence. Any thread; once is enough.
void install_fault_report();

} // namespace godwit::persistence::lmdb
