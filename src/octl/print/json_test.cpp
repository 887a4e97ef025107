// SPDX-License-Identifier: MIT
#include "octl/print/json.hpp"

#include <gtest/gtest.h>

namespace octo::octl {
namespace {

Json sample() {
  return Json::Object{{"text", "a \"b\"\n"},
                      {"number", 7},
                      {"real", 0.5},
                      {"flag", true},
                      {"none", Json()},
                      {"list", Json::Array{1, Json::Object{{"x", "y"}, {"z", Json::Array{}}}}},
                      {"empty", Json::Object{}}};
}

TEST(Json, IsIndentedWithOneMemberPerLineInTheOrderWritten) {
  EXPECT_EQ(print_json(sample()),
            "{\n  \"text\": \"a \\\"b\\\"\\n\",\n  \"number\": 7,\n  \"real\": 0.5,\n  \"flag\": true,\n  "
            "\"none\": null,\n"
            "  \"list\": [\n    1,\n    {\n      \"x\": \"y\",\n      \"z\": []\n    }\n  ],\n  \"empty\": "
            "{}\n}\n");
}

TEST(Json, FitsOnOneLine) {
  EXPECT_EQ(print_json_line(Json::Object{{"a", 1}, {"b", Json::Array{"x"}}}), R"({"a":1,"b":["x"]})");
}

TEST(Json, AsYamlKeepsItsStructure) {
  EXPECT_EQ(print_yaml(sample()),
            "\"text\": \"a \\\"b\\\"\\n\"\n\"number\": 7\n\"real\": 0.5\n\"flag\": true\n\"none\": "
            "null\n\"list\":\n  - 1\n"
            "  - \"x\": \"y\"\n    \"z\": []\n\"empty\": {}\n");
}

TEST(Json, NoStringCanSteerATerminalOrBreakTheDocument) {
  EXPECT_EQ(print_json_line(Json(std::string("\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\xff\0", 12))),
            R"("\u001b[2J\u007f\u009b\u202e\ufffd\u0000")");
  EXPECT_EQ(print_json_line(Json("größe 名")), "\"größe 名\"");
}

TEST(Json, AnAbsentOptionalAddsNothing) {
  Json json;
  json.add("a", std::optional<int>());
  json.add("b", std::optional<int>(3));
  EXPECT_EQ(print_json_line(json), R"({"b":3})");
}

}  // namespace
}  // namespace octo::octl
