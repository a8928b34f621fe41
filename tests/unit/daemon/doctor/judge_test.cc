#include "daemon/doctor/judge.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::doctor {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

FolderFacts GoodFolder(const std::string& path) {
  return {.path = path,
          .exists = true,
          .owner = 1'000,
          .mode = 0700,
          .file_system = "ext4",
          .free_bytes = 100'000'000'000,
          .total_bytes = 200'000'000'000,
          .free_files = 1'000'000,
          .locks = Answer::kYes,
          .process_locks = Answer::kYes,
          .rename = Answer::kYes,
          .sync = Answer::kYes,
          .hard_links = Answer::kYes,
          .reflinks = Answer::kYes,
          .symlinks = Answer::kYes,
          .case_sensitive = Answer::kYes,
          .clock_ahead = seconds(0)};
}

Facts Good() {
  Facts facts;
  facts.uid = 1'000;
  facts.state = GoodFolder("/home/mira/.local/state/batuta");
  facts.cache = GoodFolder("/home/mira/.cache/huggingface/hub");
  facts.cache_min_free_bytes = 64'000'000;
  facts.cache_used_bytes = 5'000'000'000;
  facts.network.endpoint = "https://huggingface.co";
  facts.network.host = "huggingface.co";
  facts.network.addresses = 4;
  facts.network.status = 200;
  facts.network.clock_ahead = seconds(1);
  facts.process = {.open_files = 40, .open_files_limit = 65'536};
  return facts;
}

const Check* Find(const std::vector<Check>& checks, std::string_view name) {
  const auto found = std::ranges::find(checks, name, &Check::name);
  return found == checks.end() ? nullptr : &*found;
}

TEST(Judge, WhereAllIsWellEveryCheckIsOkAndNothingIsToBeDone) {
  const std::vector<Check> checks = Judge(Good());
  std::set<std::string> names;
  for (const Check& check : checks) {
    EXPECT_EQ(check.status, CheckStatus::kOk) << check.name << ": " << check.detail;
    EXPECT_THAT(check.detail, Not(IsEmpty())) << check.name;
    EXPECT_TRUE(names.insert(check.name).second) << check.name << " comes twice";
  }
  for (const char* const name :
       {"network.proxy",    "network.ca_file",   "network.dns",       "network.hub",
        "network.clock",    "state.writable",    "state.permissions", "state.file_system",
        "state.space",      "state.locks",       "state.rename",      "state.sync",
        "cache.writable",   "cache.permissions", "cache.file_system", "cache.space",
        "cache.locks",      "cache.rename",      "cache.sync",        "cache.symlinks",
        "cache.hard_links", "cache.reflinks",    "cache.case",        "cache.quota",
        "daemon.files"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

struct Case {
  const char* what;
  std::function<void(Facts&)> change;
  const char* name;
  CheckStatus status;
  const char* hint;  // part of it
};

class JudgeCase : public testing::TestWithParam<Case> {};

TEST_P(JudgeCase, SaysWhatItMeansAndWhatToDo) {
  Facts facts = Good();
  GetParam().change(facts);
  const std::vector<Check> checks = Judge(facts);
  const Check* const check = Find(checks, GetParam().name);
  ASSERT_NE(check, nullptr) << GetParam().what;
  EXPECT_EQ(check->status, GetParam().status) << GetParam().what << ": " << check->detail;
  EXPECT_THAT(check->hint, HasSubstr(GetParam().hint)) << GetParam().what;
}

constexpr CheckStatus kOk = CheckStatus::kOk;
constexpr CheckStatus kWarn = CheckStatus::kWarn;
constexpr CheckStatus kFail = CheckStatus::kFail;

const Case kNetwork[] = {
    {"HTTP_PROXY alone does nothing for an http endpoint",
     [](Facts& facts) {
       facts.network.endpoint = "http://hub.lan";
       facts.network.proxies.has_ignored_http = true;
     },
     "network.proxy", kWarn, "http_proxy"},
    {"http_proxy alone does nothing for an https endpoint",
     [](Facts& facts) {
       facts.network.proxies.http = {"http_proxy", "http://proxy:3128"};
     },
     "network.proxy", kWarn, "HTTPS_PROXY"},
    {"a CA file that cannot be read",
     [](Facts& facts) {
       facts.network.ca_file = "/etc/ca.pem";
       facts.network.ca_trouble = "No such file or directory";
     },
     "network.ca_file", kFail, "SSL_CERT_FILE"},
    {"a CA variable of other tools",
     [](Facts& facts) { facts.network.other_ca_variable = "REQUESTS_CA_BUNDLE"; }, "network.ca_file", kWarn,
     "SSL_CERT_FILE"},
    {"no address", [](Facts& facts) { facts.network.dns_trouble = "Name or service not known"; },
     "network.dns", kFail, "resolver"},
    {"no address of the proxy",
     [](Facts& facts) {
       facts.network.proxy = "http://proxy:3128";
       facts.network.dns_trouble = "Name or service not known";
     },
     "network.dns", kFail, "correct HTTPS_PROXY"},
    {"nobody answers", [](Facts& facts) { facts.network.trouble = "connection refused"; }, "network.hub",
     kFail, "HF_ENDPOINT"},
    {"the rate limit is used up", [](Facts& facts) { facts.network.is_rate_limited = true; }, "network.hub",
     kWarn, "hf limits"},
    {"the proxy wants a password", [](Facts& facts) { facts.network.status = 407; }, "network.hub", kFail,
     "HTTPS_PROXY"},
    {"a server error", [](Facts& facts) { facts.network.status = 503; }, "network.hub", kWarn, "wait"},
    {"an answer that says 404 is an answer", [](Facts& facts) { facts.network.status = 404; }, "network.hub",
     kOk, ""},
    {"a clock that is a little off", [](Facts& facts) { facts.network.clock_ahead = seconds(-45); },
     "network.clock", kWarn, "NTP"},
    {"a clock that is wrong", [](Facts& facts) { facts.network.clock_ahead = seconds(3'600); },
     "network.clock", kFail, "certificates"},
    {"the clock just within", [](Facts& facts) { facts.network.clock_ahead = seconds(29); }, "network.clock",
     kOk, ""},
    {"nobody was called",
     [](Facts& facts) {
       facts.network.was_asked = false;
       facts.network.why_not = "as was asked for";
     },
     "network.hub", kOk, ""},
};

const Case kFolders[] = {
    {"a state folder that cannot be written", [](Facts& facts) { facts.state.trouble = "Permission denied"; },
     "state.writable", kFail, "uid 1000"},
    {"a cache that is read-only", [](Facts& facts) { facts.cache.trouble = "Read-only file system"; },
     "cache.writable", kFail, "another folder"},
    {"a folder that is still to be made", [](Facts& facts) { facts.cache.exists = false; }, "cache.writable",
     kOk, ""},
    {"another user's cache", [](Facts& facts) { facts.cache.owner = 1'001; }, "cache.permissions", kWarn,
     "chown 1000"},
    {"root's cache", [](Facts& facts) { facts.cache.owner = 0; }, "cache.permissions", kOk, ""},
    {"anybody may write", [](Facts& facts) { facts.cache.mode = 0777; }, "cache.permissions", kFail, "o-w"},
    {"others see the queue", [](Facts& facts) { facts.state.mode = 0755; }, "state.permissions", kWarn,
     "0700"},
    {"others see the cache, as they may", [](Facts& facts) { facts.cache.mode = 0755; }, "cache.permissions",
     kOk, ""},
    {"NFS below the state", [](Facts& facts) { facts.state.file_system = "nfs"; }, "state.file_system", kWarn,
     "XDG_STATE_HOME"},
    {"NFS below the cache", [](Facts& facts) { facts.cache.file_system = "nfs"; }, "cache.file_system", kWarn,
     "server"},
    {"a container's own layer", [](Facts& facts) { facts.cache.file_system = "overlay"; },
     "cache.file_system", kWarn, "volume"},
    {"FUSE", [](Facts& facts) { facts.cache.file_system = "fuse"; }, "cache.file_system", kWarn, "FUSE"},
    {"memory", [](Facts& facts) { facts.cache.file_system = "tmpfs"; }, "cache.file_system", kWarn,
     "HF_HUB_CACHE"},
    {"a file system that nobody knows", [](Facts& facts) { facts.cache.file_system = "0x1234"; },
     "cache.file_system", kOk, ""},
    {"less room than is to be left free", [](Facts& facts) { facts.cache.free_bytes = 1'000'000; },
     "cache.space", kFail, "64 MB"},
    {"little room", [](Facts& facts) { facts.cache.free_bytes = 500'000'000; }, "cache.space", kWarn,
     "max_size"},
    {"a full state folder", [](Facts& facts) { facts.state.free_bytes = 0; }, "state.space", kFail, "room"},
    {"few inodes", [](Facts& facts) { facts.cache.free_files = 12; }, "cache.space", kWarn, "inodes"},
    {"no bound of inodes", [](Facts& facts) { facts.cache.free_files.reset(); }, "cache.space", kOk, ""},
    {"locks that two descriptors share", [](Facts& facts) { facts.cache.locks = Answer::kNo; }, "cache.locks",
     kWarn, "NFS"},
    {"locks that two processes share", [](Facts& facts) { facts.state.process_locks = Answer::kNo; },
     "state.locks", kFail, "two daemons"},
    {"a rename that is none", [](Facts& facts) { facts.cache.rename = Answer::kNo; }, "cache.rename", kFail,
     "crash"},
    {"a sync that fails", [](Facts& facts) { facts.state.sync = Answer::kNo; }, "state.sync", kFail, "power"},
    {"no symlinks", [](Facts& facts) { facts.cache.symlinks = Answer::kNo; }, "cache.symlinks", kWarn,
     "twice"},
    {"no hard links", [](Facts& facts) { facts.cache.hard_links = Answer::kNo; }, "cache.hard_links", kWarn,
     "twice"},
    {"no reflinks, as on most", [](Facts& facts) { facts.cache.reflinks = Answer::kNo; }, "cache.reflinks",
     kOk, "btrfs"},
    {"capitals do not count", [](Facts& facts) { facts.cache.case_sensitive = Answer::kNo; }, "cache.case",
     kWarn, "mixed up"},
    {"a file server of another time", [](Facts& facts) { facts.cache.clock_ahead = seconds(90); },
     "cache.clock", kWarn, "NTP"},
    {"beyond the quota", [](Facts& facts) { facts.cache_quota_bytes = 1'000'000'000; }, "cache.quota", kWarn,
     "cache why"},
    {"a quota that the disk has not", [](Facts& facts) { facts.cache_quota_bytes = 900'000'000'000; },
     "cache.quota", kWarn, "200 GB"},
    {"a quota that holds", [](Facts& facts) { facts.cache_quota_bytes = 50'000'000'000; }, "cache.quota", kOk,
     ""},
    {"few descriptors", [](Facts& facts) { facts.process.open_files_limit = 256; }, "daemon.files", kWarn,
     "LimitNOFILE"},
    {"nearly all descriptors in use", [](Facts& facts) { facts.process.open_files = 60'000; }, "daemon.files",
     kWarn, "LimitNOFILE"},
    {"no limit of descriptors", [](Facts& facts) { facts.process.open_files_limit = 0; }, "daemon.files", kOk,
     ""},
};

INSTANTIATE_TEST_SUITE_P(Network, JudgeCase, testing::ValuesIn(kNetwork));
INSTANTIATE_TEST_SUITE_P(Folders, JudgeCase, testing::ValuesIn(kFolders));

TEST(Judge, WhatCannotBeTriedIsNotJudged) {
  Facts facts = Good();
  facts.cache.trouble = "Permission denied";
  for (Answer FolderFacts::*answer : {&FolderFacts::locks, &FolderFacts::process_locks, &FolderFacts::rename,
                                      &FolderFacts::sync, &FolderFacts::hard_links, &FolderFacts::reflinks,
                                      &FolderFacts::symlinks, &FolderFacts::case_sensitive}) {
    facts.cache.*answer = Answer::kUnknown;
  }
  const std::vector<Check> checks = Judge(facts);
  EXPECT_EQ(Find(checks, "cache.locks"), nullptr);
  EXPECT_EQ(Find(checks, "cache.rename"), nullptr);
}

TEST(Judge, WithoutAnAddressTheHubIsNotJudged) {
  Facts facts = Good();
  facts.network.dns_trouble = "no such name";
  EXPECT_EQ(Find(Judge(facts), "network.hub"), nullptr);
}

TEST(Judge, NoPasswordOfAProxyIsShown) {
  Facts facts = Good();
  facts.network.proxy = "http://mira:hunter2@proxy:3128";
  facts.network.proxies.https = {"HTTPS_PROXY", facts.network.proxy};
  facts.network.trouble = "connection refused";
  for (const Check& check : Judge(facts)) {
    EXPECT_THAT(check.detail + check.hint, Not(HasSubstr("hunter2"))) << check.name;
  }
}

}  // namespace
}  // namespace batuta::doctor
