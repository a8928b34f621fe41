#include "client/connection/socket_search.h"

#include <map>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

Environment Variables(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(PlanSocketSearchTest, TriesTheUsersSocketThenTheSystems) {
  ASSERT_OK_AND_ASSIGN(
      const SocketSearch search,
      PlanSocketSearch(Variables({{"HOME", "/home/mira"}, {"XDG_RUNTIME_DIR", "/run/user/7"}}), ""));

  ASSERT_EQ(search.places.size(), 2u);
  EXPECT_EQ(search.places[0].address.path(), "/run/user/7/batuta/batutad.sock");
  EXPECT_EQ(search.places[1].address.path(), "/run/batuta/batutad.sock");
  EXPECT_TRUE(search.places[1].is_system);
  EXPECT_EQ(search.spawn_at->path(), "/run/user/7/batuta/batutad.sock");
}

TEST(PlanSocketSearchTest, WhatIsNamedIsTheOnlyPlaceAndTheFlagIsStronger) {
  const Environment environment = Variables({{"HOME", "/home/mira"}, {"BATUTA_SOCKET", "/tmp/a.sock"}});
  ASSERT_OK_AND_ASSIGN(const SocketSearch by_variable, PlanSocketSearch(environment, ""));
  ASSERT_OK_AND_ASSIGN(const SocketSearch by_flag, PlanSocketSearch(environment, "/tmp/b.sock"));

  ASSERT_EQ(by_variable.places.size(), 1u);
  EXPECT_EQ(by_variable.places[0].address.path(), "/tmp/a.sock");
  EXPECT_TRUE(by_variable.is_explicit);
  EXPECT_EQ(by_flag.places[0].address.path(), "/tmp/b.sock");
}

TEST(PlanSocketSearchTest, AMalformedNameIsAUsageError) {
  EXPECT_THAT(PlanSocketSearch(Variables({{"HOME", "/h"}}), "relative.sock"),
              HasReason(reason::kInvalidArgument));
  EXPECT_THAT(
      PlanSocketSearch(Variables({{"HOME", "/h"}, {"BATUTA_SOCKET", "/" + std::string(200, 'x')}}), ""),
      HasReason(reason::kInvalidArgument));
}

TEST(PlanSocketSearchTest, AUsersPlaceThatIsTooLongLeavesTheSystems) {
  ASSERT_OK_AND_ASSIGN(
      const SocketSearch search,
      PlanSocketSearch(Variables({{"HOME", "/h"}, {"XDG_RUNTIME_DIR", "/" + std::string(120, 'x')}}), ""));

  ASSERT_EQ(search.places.size(), 1u);
  EXPECT_TRUE(search.places[0].is_system);
  EXPECT_FALSE(search.user_place.ok());
  EXPECT_FALSE(search.spawn_at.has_value());
}

TEST(IsTrustedPeerTest, OwnUserRootAndTheSystemAccountAtItsPlace) {
  const struct {
    uid_t peer;
    bool is_system_place;
    bool is_trusted;
  } rows[] = {{1000, false, true}, {0, false, true},    {1001, false, false}, {990, false, false},
              {990, true, true},   {1001, true, false}, {0, true, true}};

  for (const auto& row : rows) {
    EXPECT_EQ(IsTrustedPeer(row.peer, 1000, row.is_system_place, 990), row.is_trusted) << row.peer;
  }
  EXPECT_FALSE(IsTrustedPeer(1001, 1000, true, std::nullopt));
}

SocketSearch::Place PlaceAt(const std::filesystem::path& path) {
  return {*SocketAddress::Parse(path.native()), false};
}

TEST(ConnectToTest, SaysThatNobodyListens) {
  const TempFolder folder;

  const auto missing = ConnectTo(PlaceAt(folder / "none.sock"));

  EXPECT_THAT(missing, HasReason(reason::kDaemonUnreachable));
  EXPECT_THAT(missing, HasMessage(::testing::HasSubstr("none.sock")));
}

TEST(ConnectToTest, ASocketThatItsOwnerLeftIsNobody) {
  const TempFolder folder;
  const SocketSearch::Place place = PlaceAt(folder / "left.sock");
  const sockaddr_un address = place.address.native();
  {
    const UniqueFd left(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(left.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  EXPECT_THAT(ConnectTo(place), HasReason(reason::kDaemonUnreachable));
}

TEST(ConnectToTest, ConnectsToOnesOwn) {
  const TempFolder folder;
  const SocketSearch::Place place = PlaceAt(folder / "own.sock");
  const sockaddr_un address = place.address.native();
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);

  EXPECT_THAT(ConnectTo(place), IsOk());
}

}  // namespace
}  // namespace batuta::client
