// SPDX-License-Identifier: MIT
#include "octl/print/json.hpp"

#include <cmath>

#include "octl/print/visible.hpp"

namespace octo::octl {

void Json::add(std::string key, Json value) {
  if (!std::holds_alternative<Object>(value_)) value_ = Object{};
  std::get<Object>(value_).emplace_back(std::move(key), std::move(value));
}

void Json::add_all(const Json& members) {
  if (const auto* object = std::get_if<Object>(&members.value_)) {
    for (const auto& [name, value] : *object) add(name, value);
  }
}

const Json* Json::find(std::string_view key) const {
  if (const auto* object = std::get_if<Object>(&value_)) {
    for (const auto& [name, value] : *object) {
      if (name == key) return &value;
    }
  }
  return nullptr;
}

namespace {

// Besides what RFC 8259 demands: whatever could steer a terminal that shows the document.
std::string print_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const CodePoint point = next_code_point(text);
    if (!point.valid) out += "\\ufffd";
    else if (point.value == '"') out += "\\\"";
    else if (point.value == '\\') out += "\\\\";
    else if (point.value == '\n') out += "\\n";
    else if (point.value == '\t') out += "\\t";
    else if (point.value == '\r') out += "\\r";
    else if (steers(point.value))
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", std::uint32_t{point.value});
    else out += text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
  }
  return out += '"';
}

std::string print_double(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
}

}  // namespace

class JsonWriter {
 public:
  enum class Layout : std::uint8_t { indented, line };
  explicit JsonWriter(Layout layout) : indented_(layout == Layout::indented) {}

  void write(const Json& json, int depth) {
    if (const auto* object = std::get_if<Json::Object>(&json.value_)) {
      list('{', '}', *object, depth, [&](const auto& member) {
        out += print_string(member.first);
        out += indented_ ? ": " : ":";
        write(member.second, depth + 1);
      });
    } else if (const auto* array = std::get_if<Json::Array>(&json.value_)) {
      list('[', ']', *array, depth, [&](const Json& item) { write(item, depth + 1); });
    } else {
      out += print_scalar(json);
    }
  }
  static std::string print_scalar(const Json& json) {
    if (const auto* flag = std::get_if<bool>(&json.value_)) return *flag ? "true" : "false";
    if (const auto* number = std::get_if<std::int64_t>(&json.value_)) return fmt::format("{}", *number);
    if (const auto* real = std::get_if<double>(&json.value_)) return print_double(*real);
    if (const auto* text = std::get_if<std::string>(&json.value_)) return print_string(*text);
    return "null";
  }

  std::string out;

 private:
  template <class Items, class Write>
  void list(char open, char close, const Items& items, int depth, Write write_item) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += ',';
      first = false;
      line(depth + 1);
      write_item(item);
    }
    if (!items.empty()) line(depth);
    out += close;
  }
  void line(int depth) {
    if (!indented_) return;
    out += '\n';
    out.append(static_cast<std::size_t>(depth) * 2, ' ');
  }

  bool indented_;
};

// JSON strings are YAML strings, so only the structure differs.
class YamlWriter {
 public:
  // `begun`: the line already holds "- ", so the first member follows on it.
  void write(const Json& json, int depth, bool begun) {
    if (const auto* object = std::get_if<Json::Object>(&json.value_); object && !object->empty()) {
      for (const auto& [key, value] : *object) {
        indent(depth, begun);
        out += print_string(key) + ":";
        nested(value, depth + 1);
      }
    } else if (const auto* array = std::get_if<Json::Array>(&json.value_); array && !array->empty()) {
      for (const Json& item : *array) {
        indent(depth, begun);
        out += '-';
        out += ' ';
        write(item, depth + 1, true);
      }
    } else {
      out += scalar(json) + "\n";
    }
  }

  std::string out;

 private:
  void indent(int depth, bool& begun) {
    if (!begun) out.append(static_cast<std::size_t>(depth) * 2, ' ');
    begun = false;
  }
  void nested(const Json& value, int depth) {
    const auto* object = std::get_if<Json::Object>(&value.value_);
    const auto* array = std::get_if<Json::Array>(&value.value_);
    if ((object && !object->empty()) || (array && !array->empty())) {
      out += '\n';
      write(value, depth, false);
    } else {
      out += " " + scalar(value) + "\n";
    }
  }
  static std::string scalar(const Json& json) {
    if (std::holds_alternative<Json::Object>(json.value_)) return "{}";
    if (std::holds_alternative<Json::Array>(json.value_)) return "[]";
    return JsonWriter::print_scalar(json);
  }
};

std::string print_json(const Json& json) {
  JsonWriter writer(JsonWriter::Layout::indented);
  writer.write(json, 0);
  return std::move(writer.out) + "\n";
}

std::string print_json_line(const Json& json) {
  JsonWriter writer(JsonWriter::Layout::line);
  writer.write(json, 0);
  return std::move(writer.out);
}

std::string print_yaml(const Json& json) {
  YamlWriter writer;
  writer.write(json, 0, false);
  return std::move(writer.out);
}

}  // namespace octo::octl
