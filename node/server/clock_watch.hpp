#pragma once

#include <functional>
#include <memory>
#include <string>

namespace godwit::cluster {
class cluster_clock;
}

namespace godwit::node {

class edge_loop;
class metric_writer;
class node_links;

/// Compares this node's clock with those of the others, about every second, and says when it is too far from them to
/// serve anybody.
class clock_watch {
public:
  /// `changed(false)`: lead nothing and let no client in; true: it may. On the loop, at the first verdict, whichever it
  /// is, and at each that differs. All of it outlives the object, which is made and destroyed by one thread while the
  /// loop runs. There is no verdict before the cluster's map is known and a majority of its voters was heard.
  /// `clock`: what the node tells its clients.
  clock_watch(edge_loop& loop, node_links& links, std::shared_ptr<cluster::cluster_clock> clock,
              std::function<void(bool right)> changed);
  ~clock_watch();
  clock_watch(const clock_watch&) = delete;
  clock_watch& operator=(const clock_watch&) = delete;

  /// In words, with the remedy; empty: the clock was compared, and is right. Any thread.
  [[nodiscard]] std::string trouble() const;
  /// There was a verdict. Any thread.
  [[nodiscard]] bool compared() const;
  void collect(metric_writer& out) const;

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace godwit::node
