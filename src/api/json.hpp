// SPDX-License-Identifier: MIT
// JSON as the records need it: a writer that appends, and a reader that knows where it stands, so that a
// fault says "nodes[3]: expected a string". Boost.JSON parses, in json.cpp alone. For this room and the
// clients' own files.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace boost::json {
class value;
}

namespace octo::api {

class JsonWriter {
 public:
  void text(std::string_view value);  // bytes that are not UTF-8 become U+FFFD
  void number(std::int64_t value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
  void number(std::uint64_t value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
  void fraction(double value);
  void boolean(bool value) { out_ += value ? "true" : "false"; }
  void raw(std::string_view json) { out_ += json; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// One value of a parsed document. A read that fails keeps the document's first fault and answers false.
class JsonReader {
 public:
  bool text(std::string& into) const;
  bool number(std::int64_t& into, std::int64_t low, std::int64_t high) const;
  bool fraction(double& into) const;
  bool boolean(bool& into) const;
  bool is_null() const;
  bool is_object() const;  // a fault when it is not
  std::string raw() const;

  // Member of an object; call is_object() first.
  std::optional<JsonReader> find(std::string_view name) const;
  bool each_member(const std::function<void(std::string_view name, const JsonReader&)>& see) const;
  bool each_item(const std::function<void(const JsonReader&)>& see) const;

  // "<where>: <what>".
  bool fault(std::string_view what) const;
  bool fault_at(std::string_view member, std::string_view what) const;

 private:
  friend class JsonDocument;
  JsonReader(const boost::json::value& at, std::optional<Error>& fault) : at_(&at), fault_(&fault) {}
  JsonReader(const boost::json::value& at, const JsonReader& up, std::string_view name, std::size_t index)
      : at_(&at), fault_(up.fault_), up_(&up), name_(name), index_(index) {}
  std::string where() const;

  const boost::json::value* at_;
  std::optional<Error>* fault_;
  const JsonReader* up_ = nullptr;
  std::string_view name_;  // of a member; empty: an item
  std::size_t index_ = 0;
};

class JsonDocument {
 public:
  static Result<JsonDocument> parse(std::string_view text);
  JsonDocument(JsonDocument&&) noexcept;
  ~JsonDocument();
  JsonReader root() { return {*value_, fault_}; }
  const std::optional<Error>& fault() const { return fault_; }

 private:
  explicit JsonDocument(std::unique_ptr<boost::json::value> value);
  std::unique_ptr<boost::json::value> value_;
  std::optional<Error> fault_;
};

}  // namespace octo::api
