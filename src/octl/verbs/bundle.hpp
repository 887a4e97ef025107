// SPDX-License-Identifier: MIT
// A scenario's folder as the Brain wants it: what belongs to the deployment, cut into chunks, of which the
// missing are sent.
#pragma once
#include <map>
#include <string>

#include "domain/deployment.hpp"
#include "domain/manifest.hpp"
#include "octl/session.hpp"

namespace octo::octl {

struct Bundle {
  std::string folder;
  Manifest manifest;
  Sha256 id;  // hash of the encoded manifest
  // Where each chunk is; a chunk that occurs often is read from one place.
  struct Place {
    std::string path;
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
  };
  std::map<Sha256, Place> chunks;
};

// deployment.yaml, alias.yaml, and the script and source folders of every app; nothing else of the folder.
Result<Bundle> read_bundle(const std::string& folder, const Deployment& deployment);
// Asks what is missing and sends that, a few connections side by side when it is much.
Async<Result<void>> upload(Session& session, const Bundle& bundle);

}  // namespace octo::octl
