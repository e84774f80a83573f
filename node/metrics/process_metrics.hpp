#pragma once

namespace godwit::node {

class metric_writer;

/// Memory, processor time, open files, threads and start time of this process, as the kernel tells them.
void collect_process_metrics(metric_writer& out);

} // namespace godwit::node
