// SPDX-License-Identifier: MIT
#include "api/json.hpp"

#include <boost/json/src.hpp>
#include <cmath>

#include "base/text.hpp"

namespace octo::api {

namespace {

// RFC 8259 section 7: what must be escaped, and nothing else.
void append_escaped(std::string& out, std::string_view text) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; };
  while (!text.empty()) {
    const auto special = std::ranges::find_if_not(text, plain);
    out.append(text.begin(), special);
    text.remove_prefix(static_cast<std::size_t>(special - text.begin()));
    if (text.empty()) return;
    switch (text.front()) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(text.front()));
    }
    text.remove_prefix(1);
  }
}

std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t size = 1;
    while (size < 4 && size < text.size() && !is_utf8(text.substr(0, size))) ++size;
    const bool good = is_utf8(text.substr(0, size));
    out += good ? text.substr(0, size) : "\xef\xbf\xbd";
    text.remove_prefix(good ? size : 1);
  }
  return out;
}

}  // namespace

void JsonWriter::text(std::string_view value) {
  out_ += '"';
  append_escaped(out_, is_utf8(value) ? value : repaired(value));
  out_ += '"';
}

void JsonWriter::fraction(double value) {
  if (!std::isfinite(value)) value = 0;
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

bool JsonReader::text(std::string& into) const {
  const auto* string = at_->if_string();
  if (string == nullptr) return fault("expected a string");
  into.assign(string->data(), string->size());
  return true;
}

bool JsonReader::number(std::int64_t& into, std::int64_t low, std::int64_t high) const {
  const auto* number = at_->if_int64();
  if (number == nullptr && !at_->is_uint64()) return fault("expected a whole number");
  if (number == nullptr || *number < low || *number > high) {
    return fault(fmt::format("expected a number from {} to {}", low, high));
  }
  into = *number;
  return true;
}

bool JsonReader::fraction(double& into) const {
  if (!at_->is_number()) return fault("expected a number");
  into = at_->to_number<double>();
  return true;
}

bool JsonReader::boolean(bool& into) const {
  const bool* flag = at_->if_bool();
  if (flag == nullptr) return fault("expected true or false");
  into = *flag;
  return true;
}

bool JsonReader::is_null() const { return at_->is_null(); }
bool JsonReader::is_object() const { return at_->is_object() || fault("expected an object"); }
std::string JsonReader::raw() const { return boost::json::serialize(*at_); }

std::optional<JsonReader> JsonReader::find(std::string_view name) const {
  const auto* member = at_->get_object().if_contains(name);
  if (member == nullptr) return std::nullopt;
  return JsonReader(*member, *this, name, 0);
}

bool JsonReader::each_member(const std::function<void(std::string_view, const JsonReader&)>& see) const {
  if (!is_object()) return false;
  for (const auto& member : at_->get_object()) {
    const std::string_view name(member.key().data(), member.key().size());
    see(name, JsonReader(member.value(), *this, name, 0));
  }
  return true;
}

bool JsonReader::each_item(const std::function<void(const JsonReader&)>& see) const {
  const auto* array = at_->if_array();
  if (array == nullptr) return fault("expected an array");
  for (std::size_t i = 0; i < array->size(); ++i) see(JsonReader((*array)[i], *this, {}, i));
  return true;
}

std::string JsonReader::where() const {
  if (up_ == nullptr) return "";
  const std::string above = up_->where();
  if (name_.empty()) return fmt::format("{}[{}]", above, index_);
  return above.empty() ? std::string(name_) : fmt::format("{}.{}", above, name_);
}

bool JsonReader::fault(std::string_view what) const {
  if (*fault_) return false;
  const std::string place = where();
  *fault_ = Error(ErrorCode::invalid_argument, fmt::format("{}: {}", place.empty() ? "JSON" : place, what));
  return false;
}

bool JsonReader::fault_at(std::string_view member, std::string_view what) const {
  return JsonReader(*at_, *this, member, 0).fault(what);
}

JsonDocument::JsonDocument(std::unique_ptr<boost::json::value> value) : value_(std::move(value)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
  boost::json::error_code error;
  boost::json::parser parser;  // depth at most 32, UTF-8 checked
  try {
    const std::size_t used = parser.write(text.data(), text.size(), error);
    if (error) return fail(ErrorCode::invalid_argument, "not JSON: {} at byte {}", error.message(), used);
    return JsonDocument(std::make_unique<boost::json::value>(parser.release()));
  } catch (const std::exception& foreign) {
    return fail(ErrorCode::internal, "parse JSON: {}", foreign.what());
  }
}

}  // namespace octo::api
