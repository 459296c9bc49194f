// Thread rule: as Link.
//
// A Link that needs no daemon: the home's store, opened read-only, asked with the daemon's own requests.
#pragma once

#include <memory>

#include "shm/base/home.h"
#include "shm/base/status.h"
#include "tools/link/link.h"

namespace smiley::tools {

// A frozen view of what is stored now. kNotFound when there is no store yet; otherwise as Store::Open.
Result<std::unique_ptr<Link>> OpenStoreLink(const shm::Home& home);

}  // namespace smiley::tools
