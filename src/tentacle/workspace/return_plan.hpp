// SPDX-License-Identifier: MIT
// What going back to a version comes to: the tree that is wanted, with the modes and empty folders that git
// does not know, what of the present one goes, and what counts as brought by a bundle afterwards. Private to
// the room.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "io/files/beneath.hpp"
#include "io/files/files.hpp"
#include "io/vcs/vcs.hpp"

namespace octo::tentacle {

class ReturnPlan final : public files::Contents {
 public:
  struct Known {
    std::vector<vcs::VersionedFile> target;   // of the version to go back to
    std::vector<vcs::VersionedFile> present;  // of the newest: what the folder holds now
    Manifest owned_then;                      // what bundles had brought when the target was made
    Manifest owned_now;                       // and by now
  };
  static Result<ReturnPlan> make(const vcs::Repository& repository, const std::string& folder, Known known);

  Manifest wanted, replaces, owned;

  // The contents of `wanted`.
  Result<bool> same(const ManifestEntry& entry, const files::Descriptor& file) override;
  Result<void> write(const ManifestEntry& entry, const files::Descriptor& file) override;

 private:
  ReturnPlan(const vcs::Repository& repository, files::Descriptor root, Known known);
  Result<void> want_files();
  Result<void> want_folders();
  void list_replaced();
  void list_owned();
  Result<unsigned> mode_of(const vcs::VersionedFile& file) const;
  Result<bool> holds(const vcs::VersionedFile& file, const ManifestEntry& entry) const;

  const vcs::Repository& repository_;
  files::Descriptor root_;
  Known known_;
  std::map<std::string, ManifestEntry> then_, tree_;
  std::map<std::string, std::string> blobs_;  // by path of `wanted`
};

}  // namespace octo::tentacle
