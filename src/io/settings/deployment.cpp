// SPDX-License-Identifier: MIT
// deployment.yaml and alias.yaml: every mistake of both at once.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "domain/limits.hpp"
#include "domain/manifest.hpp"
#include "io/settings/yaml.hpp"

namespace octo::settings {

namespace {

namespace fs = std::filesystem;

using Aliases = std::map<std::string, std::vector<std::string>>;

// "hello/scripts/" → "hello/scripts"; "." and "./" mean the scenario's folder itself and become "".
std::string clean(std::string_view path) {
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  }
  return join(parts, "/");
}

class Reader {
 public:
  Reader(const std::string& folder, const Aliases& aliases) : folder_(folder), aliases_(aliases) {}

  void read(const Node& root, Deployment& into) {
    into.name = name<ScenarioName>(root.at("name"), "name", parse_scenario_name);
    into.description = root.at("description").text();
    const Node apps = root.at("applications");
    if (!apps.present()) root.fault("'applications' is missing: a list with at least one application");
    for (const Node& item : apps.items()) into.apps.push_back(app(item));
    std::set<AppName> names;
    for (std::size_t i = 0; i < into.apps.size(); ++i) {
      if (!into.apps[i].name.empty() && !names.insert(into.apps[i].name).second) {
        apps.items()[i].fault(fmt::format("application {} is there twice", quote(into.apps[i].name.str())));
      }
    }
    if (apps.present() && into.apps.empty()) apps.fault("a scenario has at least one application");
  }

  std::map<NodeName, int> node_lines;

 private:
  template <class Name>
  static Name name(const Node& node, std::string_view key, Result<Name> (*parse)(std::string_view)) {
    if (!node.present()) {
      node.fault(fmt::format("'{}' is missing", key));
      return Name();
    }
    auto parsed = parse(node.text());
    if (!node.is_text()) return Name();
    if (parsed) return std::move(*parsed);
    node.fault(fmt::format("{}: {}", key, parsed.error().message()));
    return Name();
  }

  std::string path(const Node& node, std::string_view key) const {
    const std::string text = clean(node.text());
    if (node.text().starts_with('/'))
      node.fault(fmt::format("{}: {} must be relative to the scenario's folder", key, quote(node.text())));
    else if (!text.empty() && !check_path(text))
      node.fault(fmt::format("{}: {} leaves the scenario's folder", key, quote(node.text())));
    else if (!fs::is_directory(fs::path(folder_) / text, ignored_))
      node.fault(fmt::format("{}: there is no folder {}", key, quote(node.text())));
    else if (const auto link = symlink_on(text))
      node.fault(fmt::format("{}: {} is a symlink, which travels as such; name the folder itself", key,
                             quote(*link)));
    return text;
  }

  // The first part of a path below the folder that is a symlink.
  std::optional<std::string> symlink_on(const std::string& path) const {
    fs::path so_far;
    for (const fs::path& part : fs::path(path)) {
      so_far /= part;
      if (fs::is_symlink(folder_ / so_far, ignored_)) return so_far.string();
    }
    return std::nullopt;
  }

  App app(const Node& node) {
    App app;
    app.name = name<AppName>(node.at("name"), "name", parse_app_name);
    app.description = node.at("description").text();
    const Node scripts = node.at("scriptpath"), sources = node.at("sourcepath");
    if (!scripts.present()) node.fault("'scriptpath' is missing: the folder of the application's scripts");
    else app.script_path = path(scripts, "scriptpath");
    if (sources.present() && !sources.text().empty()) {
      app.source_path = path(sources, "sourcepath");
      if (app.source_path.empty()) app.source_path = ".";
    }
    read_nodes(node, app);
    const Node script = node.at("script");
    if (!script.present()) node.fault("'script' is missing: a list of targets and their files");
    for (const Node& item : script.items()) read_script(item, app, scripts.present());
    const std::string what =
        app.name.empty() ? "the application" : fmt::format("application {}", quote(app.name.str()));
    for (const char* needed : {"prepare", "start", "stop", "purge"}) {
      if (app.find(Target(needed)) == nullptr) {
        (script.present() ? script : node)
            .fault(fmt::format("{} has no script for target '{}'; add: - target: {} and its file", what,
                               needed, needed));
      }
    }
    return app;
  }

  void read_nodes(const Node& node, App& app) {
    const Node nodes = node.at("nodes");
    if (!nodes.present()) node.fault("'nodes' is missing: a list with at least one node");
    std::set<NodeName> seen;
    const auto items = nodes.items();
    for (const Node& item : items) {
      if (const std::string text = item.text(); !item.is_text()) continue;
      std::set<std::string> on_the_way;
      for (const std::string& text : expand(item, item.text(), on_the_way)) {
        auto parsed = parse_node_name(text);
        if (!parsed) {
          item.fault(fmt::format("nodes: {}", parsed.error().message()));
        } else if (seen.insert(*parsed).second) {
          app.nodes.push_back(*parsed);
          node_lines.try_emplace(*parsed, item.line());
        } else if (!item.text().starts_with('@')) {
          item.fault(fmt::format("nodes: {} is listed twice", quote(text)));
        }
      }
    }
    if (nodes.present() && !nodes.is_text() && items.empty())
      nodes.fault("an application needs at least one node");
  }

  // @x means the nodes of alias x; aliases may hold others.
  std::vector<std::string> expand(const Node& at, const std::string& text,
                                  std::set<std::string>& on_the_way) const {
    if (!text.starts_with('@')) return {text};
    const std::string alias = text.substr(1);
    const auto found = aliases_.find(alias);
    if (found == aliases_.end()) {
      std::vector<std::string> known;
      for (const auto& [each, nodes] : aliases_) known.push_back(each);
      const auto nearest = find_nearest(alias, known);
      at.fault(fmt::format("alias {} is not in alias.yaml{}", quote(text),
                           nearest ? fmt::format(" (did you mean '@{}'?)", *nearest) : ""));
      return {};
    }
    if (!on_the_way.insert(alias).second) {
      at.fault(fmt::format("alias {} leads back to itself", quote(text)));
      return {};
    }
    std::vector<std::string> nodes;
    for (const std::string& member : found->second) {
      std::vector<std::string> more = expand(at, member, on_the_way);
      nodes.insert(nodes.end(), more.begin(), more.end());
      if (nodes.size() > limits::targets_max) break;
    }
    on_the_way.erase(alias);
    return nodes;
  }

  // `placed`: it is known below which folder the script should be.
  void read_script(const Node& item, App& app, bool placed) {
    Script script;
    script.target = name<Target>(item.at("target"), "target", parse_target);
    const Node file = item.at("file"), order = item.at("order");
    script.order = order.number(0, -1'000'000, 1'000'000);
    script.align = item.at("align").flag(false);
    if (!file.present()) {
      item.fault("'file' is missing: the script's name below scriptpath");
    } else {
      script.file = clean(file.text());
      const fs::path whole = fs::path(folder_) / app.script_path / script.file;
      if (!check_path(script.file)) file.fault(fmt::format("file: {} leaves scriptpath", quote(file.text())));
      else if (placed && !fs::is_regular_file(whole, ignored_))
        file.fault(
            fmt::format("file: there is no script {}", quote(whole.lexically_relative(folder_).string())));
      else if (placed && fs::is_symlink(whole, ignored_))
        file.fault(fmt::format("file: {} is a symlink; put the script itself there",
                               quote(whole.lexically_relative(folder_).string())));
    }
    if (script.target.empty()) return;
    if (script.target.str() == "commit") {
      item.fault("target 'commit' runs no script; leave it out");
    } else if (app.find(script.target) != nullptr) {
      item.fault(fmt::format("target '{}' is there twice", script.target));
    } else {
      app.scripts.push_back(std::move(script));
    }
  }

  const std::string& folder_;
  const Aliases& aliases_;
  mutable std::error_code ignored_;
};

Aliases read_aliases(const Node& root) {
  Aliases aliases;
  for (const std::string& key : root.keys()) {
    for (const Node& item : root.at(key).items()) aliases[key].push_back(item.text());
  }
  return aliases;
}

}  // namespace

LoadedDeployment load_deployment(const std::string& folder) {
  LoadedDeployment loaded{.file = folder + (folder.ends_with('/') ? "" : "/") + "deployment.yaml"};
  const std::string alias_file = loaded.file.substr(0, loaded.file.size() - 15) + "alias.yaml";
  const auto read = [&](const std::string& file, const std::function<void(const Node& root)>& reader) {
    auto document = read_yaml(file, reader);
    if (!document) {
      loaded.faults.push_back({file, 0, document.error().message()});
      return false;
    }
    std::ranges::move(document->faults, std::back_inserter(loaded.faults));
    std::ranges::move(document->warnings, std::back_inserter(loaded.warnings));
    return true;
  };
  Aliases aliases;
  std::error_code ignored;
  if (fs::exists(alias_file, ignored) &&
      !read(alias_file, [&](const Node& root) { aliases = read_aliases(root); })) {
    return loaded;
  }
  Reader reader(folder, aliases);
  read(loaded.file, [&](const Node& root) { reader.read(root, loaded.deployment); });
  loaded.node_lines = std::move(reader.node_lines);
  if (loaded.faults.empty()) {
    // What only the whole can break: limits.
    for (std::string& text : faults_of(loaded.deployment))
      loaded.faults.push_back({loaded.file, 0, std::move(text)});
  }
  return loaded;
}

void add_unknown_nodes(LoadedDeployment& loaded, const std::set<NodeName>& known) {
  for (const auto& [node, line] : loaded.node_lines) {
    if (known.contains(node)) continue;
    loaded.faults.push_back(
        {loaded.file, line, fmt::format("no such node: {}; see them with: octl node get", node)});
  }
  sort(loaded.faults);
}

}  // namespace octo::settings
