#include "actors/auth/key_cache.hpp"

#include <gtest/gtest.h>

namespace godwit::actors {
namespace {

known_key_ptr key(std::uint64_t id) {
  auto made = std::make_shared<known_key>();
  made->id = auth_key_id(id);
  return made;
}

TEST(key_cache, ForgetsTheKeyUsedLongestAgo) {
  key_cache cache(2);
  cache.put(key(1));
  cache.put(key(2));
  EXPECT_NE(cache.find(auth_key_id(1)), nullptr);
  cache.put(key(3));
  EXPECT_EQ(cache.find(auth_key_id(2)), nullptr);
  EXPECT_NE(cache.find(auth_key_id(1)), nullptr);
  EXPECT_EQ(cache.size(), 2U);
}

// Were it forgotten, the next lookup would make a second one, and a login would reach one of the two only.
TEST(key_cache, KeepsAKeyThatASessionHolds) {
  key_cache cache(2);
  const known_key_ptr held = key(1);
  cache.put(held);
  cache.put(key(2));
  cache.put(key(3));
  EXPECT_EQ(cache.find(auth_key_id(1)), held);
  EXPECT_EQ(cache.size(), 2U);
}

TEST(key_cache, ADroppedKeyIsMarkedForAllWhoHoldIt) {
  key_cache cache(2);
  const known_key_ptr held = key(1);
  cache.put(held);
  cache.drop(auth_key_id(1));
  EXPECT_TRUE(held->dropped);
  EXPECT_EQ(cache.find(auth_key_id(1)), nullptr);
}

} // namespace
} // namespace godwit::actors
