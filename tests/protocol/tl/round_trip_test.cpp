#include <gtest/gtest.h>

#include <set>

#include "protocol/tl/methods.hpp"
#include "protocol/tl/objects.hpp"
#include "tests/protocol/tl/sampler.hpp"
#include "tests/protocol/tl/schema_files.hpp"

namespace godwit::tl {
namespace {

using schema::definition;

/// The layers of a line at which something may differ: where its ranges begin and end, and those that the
/// known clients speak.
std::set<int> layers_to_try(const definition& line) {
  std::set<int> layers;
  for (const auto& [first, last] : line.layers) {
    layers.insert({first, last});
    for (const int layer : {135, 144, 152, 198, 221, 227, 228, 229}) {
      if (first <= layer && layer <= last) {
        layers.insert(layer);
      }
    }
  }
  return layers;
}

std::string stored(const object& value, int layer) {
  std::string out;
  writer to(out);
  value.store(to, layer);
  return to.ok() ? out : "failed: " + std::string(to_string(to.error()));
}

box<object> parsed(const definition& line, const std::string& bytes, tl_errc& error) {
  reader in(bytes);
  box<object> made;
  if (line.is_function) {
    auto read = fetch_function(in);
    made = read ? std::move(*read) : nullptr;
  } else {
    made = fetch_object(in);
    (void)in.finish();
  }
  error = in.error();
  return made;
}

int try_line(const definition& line, int layer, sampler& dice) {
  const auto bytes = dice.line(line, layer);
  if (!bytes) {
    return 0;
  }
  tl_errc error{};
  const auto made = parsed(line, *bytes, error);
  EXPECT_TRUE(made != nullptr && error == tl_errc{}) << line.place << " at " << layer << ": " << to_string(error);
  if (made == nullptr || line.is_alternative) {
    return 1; // an ALT line is understood and never written
  }
  EXPECT_TRUE(made->known_at(layer)) << line.place << " at " << layer;
  EXPECT_EQ(stored(*made, layer), *bytes) << line.place << " " << line.name << " at " << layer;
  return 1;
}

// What the generated code reads and writes again is the same, bit for bit, for every line of the schema at
// every layer that it can differ at. The bytes come from an interpreter of the schema, with random values
// and random optional fields.
TEST(tl_round_trip, EveryLineComesBackAsItWasAtEveryLayer) {
  const schema::model& api = api_model();
  sampler dice(api, 20240501);
  std::size_t lines = 0;
  std::size_t samples = 0;
  for (const schema::unit& file : api.units) {
    for (const definition& line : file.definitions) {
      ++lines;
      int done = 0;
      for (const int layer : layers_to_try(line)) {
        for (int i = 0; i < 20; ++i) {
          done += try_line(line, layer, dice);
        }
      }
      EXPECT_GT(done, 0) << line.place << ": nothing could be made of it";
      samples += static_cast<std::size_t>(done);
      if (::testing::Test::HasFailure()) {
        return; // one line is enough to look at
      }
    }
  }
  RecordProperty("samples", static_cast<int>(samples));
  EXPECT_GT(lines, 500U);
  EXPECT_GT(samples, 20 * lines);
}

// The same for MTProto's own constructors and functions, which have no layers.
TEST(tl_round_trip, EveryServiceMessageComesBackAsItWas) {
  sampler dice(mt_model(), 77);
  for (const schema::unit& file : mt_model().units) {
    for (const definition& line : file.definitions) {
      for (int i = 0; i < 50; ++i) {
        const auto bytes = dice.line(line, 0);
        ASSERT_TRUE(bytes);
        reader in(*bytes);
        const auto made = mt::fetch_object(in);
        ASSERT_TRUE(in.finish()) << line.place << ": " << to_string(in.error());
        EXPECT_EQ(stored(*made, 0), *bytes) << line.place;
      }
    }
  }
}

// A name exists exactly at the layers that its lines list, and is not written at any other.
TEST(tl_round_trip, ANameIsStoredAtItsLayersAlone) {
  const schema::model& api = api_model();
  sampler dice(api, 5);
  std::size_t refused = 0;
  for (const schema::record& each : api.records) {
    const definition& line = *each.variants.front().source;
    const auto bytes = dice.line(line, line.layers.back().second);
    if (!bytes || line.is_alternative) {
      continue;
    }
    tl_errc error{};
    const auto made = parsed(line, *bytes, error);
    ASSERT_TRUE(made) << line.place;
    for (int layer = schema::first_layer; layer <= schema::last_layer; ++layer) {
      const bool current = std::any_of(each.variants.begin(), each.variants.end(),
                                       [&](const schema::variant& v) { return is_current(*v.source, layer); });
      ASSERT_EQ(made->known_at(layer), current) << each.name << " at " << layer;
      if (!current) {
        ASSERT_EQ(stored(*made, layer), "failed: unknown constructor") << each.name << " at " << layer;
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000U);
}

} // namespace
} // namespace godwit::tl
