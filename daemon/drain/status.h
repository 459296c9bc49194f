// Thread rule: for the drainer's thread.
//
// The drainer's part of the daemon's status: runs that are going on, rings, and what holds the recording up.
#pragma once

#include "daemon/drain/pipeline.h"
#include "daemon/drain/run_book.h"
#include "daemon/drain/segment_set.h"
#include "daemon/live/live_archive.h"
#include "daemon/run/registry.h"
#include "daemon/store/store.h"

namespace smiley::daemon {

// Fills runs, rings, lost, in_flight_bytes, problem and bottleneck.
DaemonStatus DescribeDrain(const RunBook& runs, const SegmentSet& segments, LiveArchive& archive,
                           const Pipeline& pipeline, Store& store);

}  // namespace smiley::daemon
