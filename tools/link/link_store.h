// Thread rule: as for Link.
//
// A Link without a daemon: it opens the store of the home read-only and answers the daemon's requests itself.
#pragma once

#include <memory>

#include "shm/base/home.h"
#include "shm/base/status.h"
#include "tools/link/link.h"

namespace smiley::tools {

// Opens a frozen view of the store. kNotFound: there is no store yet. Other errors are those of Store::Open.
Result<std::unique_ptr<Link>> OpenStoreLink(const shm::Home& home);

}  // namespace smiley::tools
