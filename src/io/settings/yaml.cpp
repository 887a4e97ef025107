// SPDX-License-Identifier: MIT
#include "io/settings/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace octo::settings {

namespace {

constexpr std::uintmax_t kFileBytesMax =
    1024 * 1024;  // far above any of ours; a larger one is a mistake or an attack

struct Context;
using ImplPtr = std::shared_ptr<const Node::Impl>;

struct Context {
  Document& document;
  std::vector<ImplPtr> mappings;  // every one that was looked into
};

}  // namespace

struct Node::Impl {
  std::shared_ptr<Context> context;
  YAML::Node node;  // not defined: absent
  int line = 0;
  std::string name;  // of the key, for messages
  mutable std::set<std::string> asked;
  mutable bool noted = false;
};

namespace {

ImplPtr make(const std::shared_ptr<Context>& context, const YAML::Node& node, int line, std::string name) {
  auto impl = std::make_shared<Node::Impl>();
  impl->context = context;
  impl->node = node;
  impl->line = node.IsDefined() && node.Mark().line >= 0 ? node.Mark().line + 1 : line;
  impl->name = std::move(name);
  return impl;
}

void add_fault(const Node::Impl& at, std::string text) {
  at.context->document.faults.push_back({at.context->document.file, at.line, std::move(text)});
}

std::string what_is(const YAML::Node& node) {
  if (node.IsScalar()) return quote(node.Scalar());
  return node.IsMap() ? "a mapping" : node.IsSequence() ? "a list" : "nothing";
}

void find_unknown(const ImplPtr& mapping) {
  std::set<std::string> seen;
  const std::vector<std::string> known(mapping->asked.begin(), mapping->asked.end());
  for (const auto& entry : mapping->node) {
    const int line = entry.first.Mark().line + 1;
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    auto& document = mapping->context->document;
    if (!seen.insert(key).second)
      document.faults.push_back({document.file, line, fmt::format("key {} is there twice", quote(key))});
    if (mapping->asked.contains(key)) continue;
    const auto nearest = find_nearest(key, known);
    document.faults.push_back({document.file, line,
                               fmt::format("unknown key {} {}", quote(key),
                                           nearest ? fmt::format("(did you mean '{}'?)", *nearest)
                                                   : fmt::format("(known are: {})", join(known, ", ")))});
  }
}

}  // namespace

std::string print(const Fault& fault) {
  return fault.line > 0 ? fmt::format("{}:{}: {}", fault.file, fault.line, fault.text)
                        : fmt::format("{}: {}", fault.file, fault.text);
}

std::string print(const std::vector<Fault>& faults) {
  std::vector<std::string> lines;
  for (const Fault& fault : faults) lines.push_back(print(fault));
  return join(lines, "\n");
}

bool Node::present() const { return impl_->node.IsDefined() && !impl_->node.IsNull(); }
int Node::line() const { return impl_->line; }

Node Node::at(const std::string& key) const {
  const std::string name = impl_->name.empty() ? key : impl_->name + "." + key;
  impl_->asked.insert(key);
  if (present() && !impl_->node.IsMap() && !impl_->noted) {
    impl_->noted = true;
    add_fault(*impl_, fmt::format("{}: expected a mapping, found {}",
                                  impl_->name.empty() ? "the file" : impl_->name, what_is(impl_->node)));
  }
  if (!present() || !impl_->node.IsMap())
    return Node(make(impl_->context, YAML::Node(YAML::NodeType::Undefined), impl_->line, name));
  if (!impl_->noted) {
    impl_->noted = true;
    impl_->context->mappings.push_back(impl_);
  }
  // Not operator[]: that would add the key.
  for (const auto& entry : impl_->node) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key)
      return Node(make(impl_->context, entry.second, entry.first.Mark().line + 1, name));
  }
  return Node(make(impl_->context, YAML::Node(YAML::NodeType::Undefined), impl_->line, name));
}

std::string Node::text(std::string otherwise) const {
  if (!present()) return otherwise;
  if (impl_->node.IsScalar()) return impl_->node.Scalar();
  fault(fmt::format("{}: expected a text, found {}", impl_->name, what_is(impl_->node)));
  return otherwise;
}

bool Node::is_text() const { return present() && impl_->node.IsScalar(); }

std::int64_t Node::number(std::int64_t otherwise, std::int64_t low, std::int64_t high) const {
  if (!present()) return otherwise;
  const auto number = impl_->node.IsScalar() ? parse_number(impl_->node.Scalar()) : std::nullopt;
  if (!number || *number < low || *number > high) {
    fault(fmt::format("{}: expected a number from {} to {}, found {}", impl_->name, low, high,
                      what_is(impl_->node)));
    return otherwise;
  }
  return *number;
}

bool Node::flag(bool otherwise) const {
  if (!present()) return otherwise;
  bool value = otherwise;
  if (impl_->node.IsScalar() && YAML::convert<bool>::decode(impl_->node, value)) return value;
  fault(fmt::format("{}: expected true or false, found {}", impl_->name, what_is(impl_->node)));
  return otherwise;
}

std::vector<Node> Node::items() const {
  std::vector<Node> items;
  if (!present()) return items;
  if (!impl_->node.IsSequence()) {
    fault(fmt::format("{}: expected a list, found {}{}", impl_->name, what_is(impl_->node),
                      is_text() ? fmt::format("; write: [{}]", impl_->node.Scalar()) : ""));
    return items;
  }
  for (const auto& item : impl_->node) {
    items.emplace_back(
        make(impl_->context, item, impl_->line, fmt::format("{}[{}]", impl_->name, items.size())));
  }
  return items;
}

void Node::fault(std::string text) const { add_fault(*impl_, std::move(text)); }

void Node::obsolete(const std::string& key, std::string_view why) const {
  const Node node = at(key);
  if (!node.impl_->node.IsDefined()) return;
  impl_->context->document.warnings.push_back({impl_->context->document.file, node.line(),
                                               fmt::format("{} has no effect: {}", node.impl_->name, why)});
}

std::vector<std::string> Node::keys() const {
  std::vector<std::string> keys;
  if (!present() || !impl_->node.IsMap()) return keys;
  for (const auto& entry : impl_->node) {
    if (entry.first.IsScalar()) keys.push_back(entry.first.Scalar());
  }
  return keys;
}

Result<Document> read_yaml(const std::string& file, const std::function<void(const Node& root)>& read) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file, error);
  if (error) {
    const bool absent = error == std::errc::no_such_file_or_directory;
    return fail(absent ? ErrorCode::not_found : ErrorCode::unavailable, "read {}: {}", file, error.message());
  }
  if (bytes > kFileBytesMax)
    return fail(ErrorCode::too_large, "{} has {} bytes, {} at most", file, bytes, kFileBytesMax);
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ErrorCode::unavailable, "{} cannot be read", file);
  Document document{file, {}, {}};
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text.str());
    const YAML::Node root = documents.empty() ? YAML::Node() : documents.front();
    if (documents.size() > 1)
      document.faults.push_back(
          {file, documents[1].Mark().line + 1, "a second document begins; only one is read"});
    const auto context = std::make_shared<Context>(Context{document, {}});
    read(Node(make(context, root, 1, "")));
    for (const ImplPtr& mapping : context->mappings) find_unknown(mapping);
    context->mappings.clear();  // each holds the context
  } catch (const YAML::Exception& foreign) {
    document.faults.push_back({file, foreign.mark.line + 1, fmt::format("not YAML: {}", foreign.msg)});
  }
  sort(document.faults);
  return document;
}

void sort(std::vector<Fault>& faults) {
  std::ranges::sort(faults, {}, [](const Fault& fault) { return std::pair(fault.line, fault.text); });
}

Result<std::string> find_settings(const std::string& program, const std::string& given) {
  std::error_code ignored;
  if (!given.empty()) {
    if (std::filesystem::exists(given, ignored)) return given;
    return fail(ErrorCode::not_found, "settings file {} is not there", given);
  }
  const std::string system = fmt::format("/etc/octopoda/{0}/{0}.yaml", program),
                    here = fmt::format("./{}.yaml", program);
  for (const std::string& file : {system, here}) {
    if (std::filesystem::exists(file, ignored)) return file;
  }
  return fail(ErrorCode::not_found,
              "no settings: looked for {} and {}; give a file with -c, or make a set with: octopoda init",
              system, here);
}

}  // namespace octo::settings
