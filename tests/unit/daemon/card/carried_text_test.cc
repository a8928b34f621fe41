#include "daemon/card/carried_text.h"

#include <string>

#include <gtest/gtest.h>

namespace batuta::card {
namespace {

TEST(CarriedTextTest, OrdinaryTextGoesOnOneLine) {
  EXPECT_EQ(CarriedText("  Predicts\r\n the\tlevel of a river. "), "Predicts the level of a river.");
  EXPECT_EQ(CarriedText("acme/otter-7b"), "acme/otter-7b");
  EXPECT_EQ(CarriedText("pass@1"), "pass@1");
  EXPECT_EQ(CarriedText("and/or, https://example.org/run/17"), "and/or, https://example.org/run/17");
  EXPECT_EQ(CarriedText("km/h"), "km/h");
}

TEST(CarriedTextTest, PlacesOfThisMachineAreNotTold) {
  for (const char* text : {"/home/mira/run", "~/run", "see /home/mira/run", "file:///srv/x",
                           "C:\\Users\\mira", "data=/mnt/disk", "x:/root/y", "\\\\server\\share",
                           "../../etc/passwd", "d:/models", "['/data/a.json']", "s3mount/Users/mira"}) {
    EXPECT_EQ(CarriedText(text), "") << text;
  }
}

TEST(CarriedTextTest, SecretsAreNotTold) {
  EXPECT_EQ(CarriedText("https://mira:word@example.org/x"), "");
  EXPECT_EQ(CarriedText(std::string("use hf") + "_abcdefghijklmnopqrstuvwxyz012345"), "");
  EXPECT_EQ(CarriedUrl("https://example.org/x?key=1"), "");
  EXPECT_EQ(CarriedUrl("javascript:alert(1)"), "");
  EXPECT_EQ(CarriedUrl("https://example.org/run/17"), "https://example.org/run/17");
}

TEST(CarriedTextTest, WhatCannotBeShownIsNotTold) {
  EXPECT_EQ(CarriedText("bell\a"), "");
  EXPECT_EQ(CarriedText("\xff"), "");
  EXPECT_EQ(CarriedText(std::string(201, 'a')), "");
}

TEST(CarriedTextTest, NamesThatSpeakOfSecretsPlacesAndPeople) {
  for (const char* name :
       {"hub_token", "API_KEY", "output_dir", "data_path", "username", "wandb_project", "run_name"}) {
    EXPECT_FALSE(IsCarriedName(name)) << name;
  }
  for (const char* name : {"learning_rate", "optim", "lr_scheduler_type", "criterion"}) {
    EXPECT_TRUE(IsCarriedName(name)) << name;
  }
}

}  // namespace
}  // namespace batuta::card
