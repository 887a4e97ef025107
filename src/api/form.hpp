// SPDX-License-Identifier: MIT
// Each record is described once (describe_*.hpp); from that come its JSON, its reader and its schema in
// openapi.json.
//
// describe(io, record) names the members in order:
//   io.required(name, member)   always written, must be there
//   io.optional(name, member)   left out when it has its default; absent or null when read: keeps it
//   io.milliseconds, io.bytes, io.told, io.when: see ObjectWriter
// Form<T> says how a single value looks. Private to this room and the clients' own files.
#pragma once
#include <concepts>
#include <limits>
#include <map>
#include <type_traits>
#include <vector>

#include "api/json.hpp"
#include "base/expects.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace octo::api {

template <class T, class Record>
concept Of = std::same_as<std::remove_const_t<T>, Record>;

// Schemas of the records met, by name.
using Schemas = std::map<std::string, std::string>;
// The name of a record in openapi.json; a record without one is written out where it is used.
template <class T>
inline constexpr std::string_view kRecordName = "";

template <class T>
T make_blank() {
  return T{};
}

template <class T>
bool has_default(const T& value) {
  if constexpr (requires { value.empty(); }) return value.empty();
  else if constexpr (requires { value.has_value(); }) return !value.has_value();
  else return value == T{};
}

template <class T>
struct Form;

class ObjectWriter {
 public:
  explicit ObjectWriter(JsonWriter& json) : json_(json) { json_.raw("{"); }
  ~ObjectWriter() { json_.raw("}"); }
  ObjectWriter(const ObjectWriter&) = delete;

  template <class T>
  void required(std::string_view name, const T& value) {
    begin(name);
    Form<T>::write(json_, value);
  }
  template <class T>
  void optional(std::string_view name, const T& value) {
    if (!has_default(value)) required(name, value);
  }
  void milliseconds(std::string_view name, const std::optional<Span>& span) {
    if (span) required(name, std::int64_t{std::chrono::floor<std::chrono::milliseconds>(*span).count()});
  }
  // As text under one name when it is UTF-8, else as base64 under another.
  void bytes(std::string_view name, std::string_view name64, const Bytes& value) {
    if (is_utf8(value)) required(name, value);
    else required(name64, print_base64(value));
  }
  // Left out when there are none.
  void optional_bytes(std::string_view name, std::string_view name64, const Bytes& value) {
    if (!value.empty()) bytes(name, name64, value);
  }
  // Follows from other members: written, never read.
  template <class T>
  void told(std::string_view name, const T& value) {
    required(name, value);
  }
  // Members that are there only then.
  bool when(bool condition) const { return condition; }

 private:
  void begin(std::string_view name) {
    if (!first_) json_.raw(",");
    first_ = false;
    json_.text(name);
    json_.raw(":");
  }
  JsonWriter& json_;
  bool first_ = true;
};

class ObjectReader {
 public:
  explicit ObjectReader(const JsonReader& json) : json_(json) {}

  template <class T>
  void required(std::string_view name, T& into) {
    if (const auto member = json_.find(name)) Form<T>::read(*member, into);
    else json_.fault_at(name, "missing");
  }
  template <class T>
  void optional(std::string_view name, T& into) {
    if (const auto member = json_.find(name); member && !member->is_null()) Form<T>::read(*member, into);
  }
  void milliseconds(std::string_view name, std::optional<Span>& into) {
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max() / 1'000'000;
    const auto member = json_.find(name);
    std::int64_t count = 0;
    if (member && !member->is_null() && member->number(count, 0, kMax))
      into = std::chrono::milliseconds(count);
  }
  void bytes(std::string_view name, std::string_view name64, Bytes& into) {
    const auto member64 = json_.find(name64);
    if (!member64) return required(name, into);
    std::string text;
    if (!member64->text(text)) return;
    if (auto decoded = parse_base64(text)) into = std::move(*decoded);
    else member64->fault("expected base64");
  }
  void optional_bytes(std::string_view name, std::string_view name64, Bytes& into) {
    if (json_.find(name) || json_.find(name64)) bytes(name, name64, into);
  }
  template <class T>
  void told(std::string_view, const T&) {}
  bool when(bool condition) const { return condition; }

 private:
  const JsonReader& json_;
};

// Draws the schema instead of a value.
class ObjectSketch {
 public:
  explicit ObjectSketch(Schemas& schemas) : schemas_(schemas) {}

  template <class T>
  void required(std::string_view name, const T&) {
    add(name, Form<T>::schema(schemas_), !conditional_);
  }
  template <class T>
  void optional(std::string_view name, const T&) {
    add(name, Form<T>::schema(schemas_), false);
  }
  void milliseconds(std::string_view name, const std::optional<Span>&) {
    add(name, R"({"type":"integer","minimum":0})", false);
  }
  void bytes(std::string_view name, std::string_view name64, const Bytes&) {
    add(name, R"({"type":"string"})", false);
    add(name64, R"({"type":"string","contentEncoding":"base64"})", false);
  }
  void optional_bytes(std::string_view name, std::string_view name64, const Bytes& value) {
    bytes(name, name64, value);
  }
  template <class T>
  void told(std::string_view name, const T& value) {
    required(name, value);
  }
  bool when(bool) { return conditional_ = true; }

  std::string take() const;

 private:
  void add(std::string_view name, std::string schema, bool required);
  Schemas& schemas_;
  std::string properties_, required_;
  bool conditional_ = false;
};

// A record.
template <class T>
struct Form {
  static void write(JsonWriter& json, const T& value) {
    ObjectWriter object(json);
    describe(object, value);
  }
  static void read(const JsonReader& json, T& into) {
    if (!json.is_object()) return;
    ObjectReader object(json);
    describe(object, into);
  }
  static std::string schema(Schemas& schemas) {
    const auto draw = [&] {
      ObjectSketch sketch(schemas);
      const T blank = make_blank<T>();
      describe(sketch, blank);
      return sketch.take();
    };
    if constexpr (kRecordName<T>.empty()) return draw();
    const std::string name(kRecordName<T>);
    if (schemas.try_emplace(name).second) schemas[name] = draw();
    return fmt::format(R"({{"$ref":"#/components/schemas/{}"}})", name);
  }
};

template <>
struct Form<std::string> {
  static void write(JsonWriter& json, const std::string& value) { json.text(value); }
  static void read(const JsonReader& json, std::string& into) { json.text(into); }
  static std::string schema(Schemas&) { return R"({"type":"string"})"; }
};
template <>
struct Form<bool> {
  static void write(JsonWriter& json, bool value) { json.boolean(value); }
  static void read(const JsonReader& json, bool& into) { json.boolean(into); }
  static std::string schema(Schemas&) { return R"({"type":"boolean"})"; }
};
template <>
struct Form<double> {
  static void write(JsonWriter& json, double value) { json.fraction(value); }
  static void read(const JsonReader& json, double& into) { json.fraction(into); }
  static std::string schema(Schemas&) { return R"({"type":"number"})"; }
};
template <std::integral T>
struct Form<T> {
  using Widest = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
  static constexpr std::int64_t kLow =
      std::is_signed_v<T> ? static_cast<std::int64_t>(std::numeric_limits<T>::min()) : 0;
  static constexpr std::int64_t kHigh = sizeof(T) == 8
                                            ? std::numeric_limits<std::int64_t>::max()
                                            : static_cast<std::int64_t>(std::numeric_limits<T>::max());
  static void write(JsonWriter& json, T value) { json.number(static_cast<Widest>(value)); }
  static void read(const JsonReader& json, T& into) {
    std::int64_t value = 0;
    if (json.number(value, kLow, kHigh)) into = static_cast<T>(value);
  }
  static std::string schema(Schemas&) {
    return std::is_signed_v<T> ? R"({"type":"integer"})" : R"({"type":"integer","minimum":0})";
  }
};

// Values told as a checked string: `print(value)`, `parse(text) -> Result<T>`.
template <class T, auto print, auto parse>
struct TextForm {
  static void write(JsonWriter& json, const T& value) { json.text(print(value)); }
  static void read(const JsonReader& json, T& into) {
    std::string text;
    if (!json.text(text)) return;
    if (auto parsed = parse(text)) into = std::move(*parsed);
    else json.fault(parsed.error().message());
  }
  static std::string schema(Schemas&) { return R"({"type":"string"})"; }
};

// Items of an array; a record that is one is made by make_blank.
template <class T>
struct Form<std::vector<T>> {
  static void write(JsonWriter& json, const std::vector<T>& items) {
    json.raw("[");
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) json.raw(",");
      Form<T>::write(json, items[i]);
    }
    json.raw("]");
  }
  static void read(const JsonReader& json, std::vector<T>& into) {
    json.each_item([&](const JsonReader& item) { Form<T>::read(item, into.emplace_back(make_blank<T>())); });
  }
  static std::string schema(Schemas& schemas) {
    return fmt::format(R"({{"type":"array","items":{}}})", Form<T>::schema(schemas));
  }
};
template <class T>
struct Form<std::optional<T>> {
  static void write(JsonWriter& json, const std::optional<T>& value) { Form<T>::write(json, *value); }
  static void read(const JsonReader& json, std::optional<T>& into) {
    Form<T>::read(json, into.emplace(make_blank<T>()));
  }
  static std::string schema(Schemas& schemas) { return Form<T>::schema(schemas); }
};

template <class T>
std::string encode_as(const T& value) {
  JsonWriter json;
  Form<T>::write(json, value);
  return json.take();
}
template <class T>
Result<T> decode_as(std::string_view text) {
  auto document = OCTO_TRY(JsonDocument::parse(text));
  T value = make_blank<T>();
  Form<T>::read(document.root(), value);
  if (document.fault()) return Failure(*document.fault());
  return value;
}

}  // namespace octo::api
