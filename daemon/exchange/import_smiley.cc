// Reads the `smiley` export format: frames in the order of daemon/exchange/EXPORT.md, each checked before it is used.
#include <utility>
#include <vector>

#include "daemon/exchange/import_format.h"
#include "daemon/exchange/smiley_frames.h"
#include "daemon/store/chunk.h"
#include "shm/base/run_id.h"

namespace smiley::daemon {
namespace {

Status Damaged(const std::string& what) { return Status(Code::kDamaged, "the export is damaged: " + what); }

class SmileyImport : public ImportFormat {
 public:
  SmileyImport(Archive& archive, Store& store) : sink_(archive, store) {}

  Status Feed(std::string_view bytes) override {
    reader_.Feed(bytes);
    FrameReader::Frame frame;
    for (;;) {
      auto step = reader_.Next(&frame);
      if (!step) return step.status();
      if (*step == FrameReader::Step::kNeedMore) return Status::Ok();
      if (Status status = Take(frame); !status) return status;
    }
  }

  Result<RunInfo> Finish() override {
    if (Status status = reader_.Finish(); !status) return status;
    return sink_.Finish();
  }

 private:
  Status Take(const FrameReader::Frame& frame) {
    const bool first = reader_.totals().frames == 1 && frame.type != FrameType::kEnd;
    if (first != (frame.type == FrameType::kRun)) return Damaged("its frames are out of order");
    if (!first && static_cast<std::uint32_t>(frame.type) < latest_) return Damaged("its frames are out of order");
    latest_ = static_cast<std::uint32_t>(frame.type);
    switch (frame.type) {
      case FrameType::kRun:
        return AddDecoded(DecodeRunFrame(frame.payload), &ImportSink::Begin);
      case FrameType::kProcess:
        return AddDecoded(DecodeProcessFrame(frame.payload), &ImportSink::AddProcess);
      case FrameType::kThread:
        return AddDecoded(DecodeThreadFrame(frame.payload), &ImportSink::AddThread);
      case FrameType::kTask:
        return AddDecoded(DecodeTaskFrame(frame.payload), &ImportSink::AddTask);
      case FrameType::kSource:
        return AddDecoded(DecodeSourceFrame(frame.payload), &ImportSink::AddSource);
      case FrameType::kCatalogue:
        return TakeCatalogue(frame.payload);
      case FrameType::kChunk:
        return TakeChunk(frame.payload);
      case FrameType::kEnd:
        return TakeEnd(frame.payload);
    }
    return Damaged("a frame of unknown type");
  }

  template <typename T, typename Add>
  Status AddDecoded(Result<T> decoded, Add add) {
    if (!decoded) return decoded.status();
    return (sink_.*add)(std::move(*decoded));
  }

  Status TakeCatalogue(std::string_view payload) {
    std::vector<CatalogueEntry> entries;
    if (Status status = DecodeCatalogueFrame(payload, sink_.run().id, &entries); !status) return status;
    for (CatalogueEntry& entry : entries) {
      if (Status status = sink_.AddCatalogue(std::move(entry)); !status) return status;
    }
    return Status::Ok();
  }

  Status TakeChunk(std::string_view payload) {
    Piece piece;
    if (Status status = DecodeChunk(payload, 0, &piece); !status) return Damaged(status.message());
    return sink_.AddPiece(std::move(piece));
  }

  Status TakeEnd(std::string_view payload) {
    auto totals = DecodeEndFrame(payload);
    if (!totals) return totals.status();
    ExportTotals mine = reader_.totals();
    mine.events = sink_.events();
    mine.lost = sink_.lost();
    if (!(mine == *totals)) return Damaged("its end does not agree with what came before");
    return Status::Ok();
  }

  FrameReader reader_;
  ImportSink sink_;
  std::uint32_t latest_ = 0;
};

}  // namespace

std::unique_ptr<ImportFormat> MakeSmileyImport(Archive& archive, Store& store) {
  return std::make_unique<SmileyImport>(archive, store);
}

Result<std::optional<std::string>> PeekSmileyRun(std::string_view head) {
  FrameReader reader;
  reader.Feed(head);
  FrameReader::Frame frame;
  auto step = reader.Next(&frame);
  if (!step) return step.status();
  if (*step == FrameReader::Step::kNeedMore) return std::optional<std::string>();
  if (frame.type != FrameType::kRun) return Damaged("it does not begin with its run");
  auto run = DecodeRunFrame(frame.payload);
  if (!run) return run.status();
  if (!shm::IsRunId(run->id)) return Damaged("its run has no proper id");
  return std::optional<std::string>(run->id);
}

}  // namespace smiley::daemon
