// SPDX-License-Identifier: MIT
#include "setup/fleet_record.hpp"

#include <algorithm>
#include <limits>

#include "api/json.hpp"
#include "io/files/files.hpp"
#include "io/host/host.hpp"

namespace octo::setup {

namespace {

constexpr std::size_t kRecordBytesMax = 16 * 1024 * 1024;

bool read_entry(const api::JsonReader& item, FleetRecord::Entry& entry) {
  if (!item.is_object()) return false;
  const auto name = item.find("name"), pid = item.find("pid"), start = item.find("start");
  if (!name || !pid || !start) return item.fault("name, pid and start are needed");
  std::int64_t number = 0, ticks = 0;
  const bool good = name->text(entry.name) && pid->number(number, 1, std::numeric_limits<pid_t>::max()) &&
                    start->number(ticks, 0, std::numeric_limits<std::int64_t>::max());
  entry.id = {static_cast<pid_t>(number), static_cast<std::uint64_t>(ticks)};
  return good;
}

// The one who was started by hand, from a script or by a fleet whose record was lost.
std::string part_of(const Layout& layout, const std::vector<std::string>& arguments) {
  if (arguments.size() < 3 || arguments[1] != "-c") return {};
  const std::string program = arguments[0].substr(arguments[0].rfind('/') + 1);
  if (program == "nameserver" && arguments[2] == layout.nameserver_settings()) return program;
  if (program == "brain" && arguments[2] == layout.brain_settings()) return program;
  const std::string prefix = layout.folder() + "/", suffix = "/tentacle.yaml";
  if (program != "tentacle" || !arguments[2].starts_with(prefix) || !arguments[2].ends_with(suffix))
    return {};
  const auto name = parse_node_name(
      arguments[2].substr(prefix.size(), arguments[2].size() - prefix.size() - suffix.size()));
  return name ? name->str() : std::string();
}

}  // namespace

Result<FleetRecord> load_record(const Layout& layout) {
  FleetRecord record;
  if (!files::exists(layout.record())) return record;
  const Bytes text = OCTO_TRY(files::load(layout.record(), kRecordBytesMax));
  auto document = OCTO_TRY(api::JsonDocument::parse(text).with(layout.record()));
  const api::JsonReader root = document.root();
  if (root.is_object()) {
    const auto boot = root.find("boot"), processes = root.find("processes");
    if (!boot || !processes) root.fault("boot and processes are needed");
    else if (boot->text(record.boot)) {
      processes->each_item([&](const api::JsonReader& item) {
        if (FleetRecord::Entry entry; read_entry(item, entry)) record.processes.push_back(std::move(entry));
      });
    }
  }
  if (document.fault()) return fail(Error(*document.fault()).with(layout.record()));
  return record;
}

Result<void> save_record(const Layout& layout, const FleetRecord& record) {
  api::JsonWriter json;
  json.raw("{\n  \"boot\": ");
  json.text(record.boot);
  json.raw(",\n  \"processes\": [");
  for (std::size_t i = 0; i < record.processes.size(); ++i) {
    json.raw(i == 0 ? "\n    {\"name\": " : ",\n    {\"name\": ");
    json.text(record.processes[i].name);
    json.raw(fmt::format(", \"pid\": {}, \"start\": {}}}", record.processes[i].id.pid,
                         record.processes[i].id.ticks));
  }
  json.raw("\n  ]\n}\n");
  return files::save(layout.record(), json.take());
}

std::vector<FleetRecord::Entry> find_living(const Layout& layout, const FleetRecord& record) {
  std::vector<FleetRecord::Entry> living;
  if (record.boot == host::boot_id()) {
    std::ranges::copy_if(record.processes, std::back_inserter(living),
                         [](const auto& entry) { return alive(entry.id); });
  }
  const auto ours = [&](const std::vector<std::string>& arguments, const std::string&) {
    return !part_of(layout, arguments).empty();
  };
  for (const ProcessFacts& facts : find_processes(ours)) {
    const bool known = std::ranges::any_of(living, [&](const auto& entry) { return entry.id == facts.id; });
    if (!known) living.push_back({part_of(layout, facts.arguments), facts.id});
  }
  return living;
}

}  // namespace octo::setup
