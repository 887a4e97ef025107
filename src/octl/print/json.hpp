// SPDX-License-Identifier: MIT
// What a verb answers, as an ordered tree; printed as JSON or YAML. Members keep the order in which they are
// written.
#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.hpp"

namespace octo::octl {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(std::same_as<bool> auto value) : value_(value) {}
  Json(std::integral auto value)
    requires(!std::same_as<decltype(value), bool>)
      : value_(static_cast<std::int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  template <class Tag>
  Json(const Text<Tag>& value) : value_(value.str()) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  // Of an object: appends a member. Nothing is added for an empty optional.
  void add(std::string key, Json value);
  template <class T>
  void add(std::string key, const std::optional<T>& value) {
    if (value) add(std::move(key), Json(*value));
  }
  void add_all(const Json& members);  // of another object
  const Json* find(std::string_view key) const;
  const Array* array() const { return std::get_if<Array>(&value_); }

 private:
  friend class JsonWriter;
  friend class YamlWriter;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

// Indented by two, one member per line, '\n' at the end.
std::string print_json(const Json& json);
// On one line, without '\n'.
std::string print_json_line(const Json& json);
std::string print_yaml(const Json& json);

}  // namespace octo::octl
