#include "tools/link/link_store.h"

#include <utility>

#include "daemon/query/answer.h"
#include "daemon/query/services.h"
#include "daemon/settings.h"
#include "daemon/store/abort_message.h"

namespace smiley::tools {

namespace {

using daemon::Producer;

Status NoDaemon() {
  return Status(Code::kGone, "this needs the daemon, and none is running; smiley-daemon start shows why");
}

// Without a daemon no run is being recorded.
class NoRuns final : public daemon::RunRegistry {
 public:
  Status Begin(const daemon::BeginRun&) override { return NoDaemon(); }
  Status Finish(const std::string&, std::optional<int>, std::optional<int>) override { return NoDaemon(); }
  Status Dump(const std::string&) override { return NoDaemon(); }
  void WhenDrained(const std::string&, std::chrono::milliseconds,
                   std::function<void(daemon::Drained)> done) override {
    done(daemon::Drained{});
  }
  daemon::Drained WaitDrained(const std::string&, std::chrono::milliseconds) override { return {}; }
  Status Delete(const std::string&) override { return NoDaemon(); }
  daemon::DaemonStatus ReadStatus() override { return {}; }
};

class StoreLink final : public Link {
 public:
  StoreLink(shm::Home home, std::unique_ptr<daemon::Store> store)
      : home_(std::move(home)), store_(std::move(store)), services_{home_, store_->archive(), live_,
                                                                    runs_, *store_,           0,
                                                                    {}} {}

  Result<std::string> Ask(std::string_view line) override {
    buffer_.clear();
    at_ = 0;
    done_ = false;
    bool broken = false;
    const Result<daemon::Request> request = parser_.Parse(line, &broken);
    if (!request) return request.status();
    daemon::Reply reply = daemon::AnswerRequest(services_, *request, [] {});
    if (!reply.status) return reply.status;
    stream_ = std::move(reply.stream);
    std::string answer = "{\"ok\":true";
    if (!reply.members.empty()) answer += "," + reply.members;
    return answer + "}";
  }

  Result<bool> NextLine(std::string* line) override {
    for (;;) {
      const std::size_t end = buffer_.find('\n', at_);
      if (end != std::string::npos) {
        line->assign(buffer_, at_, end - at_);
        at_ = end + 1;
        return true;
      }
      buffer_.erase(0, at_);
      at_ = 0;
      const Result<bool> more = Step();
      if (!more) return more.status();
      if (!*more) {
        *line = EndLine();
        return false;
      }
    }
  }

  Result<bool> NextFrame(std::string* bytes) override {
    for (;;) {
      buffer_.clear();
      at_ = 0;
      const Result<bool> more = Step();
      if (!more) return more.status();
      if (!buffer_.empty()) {
        bytes->swap(buffer_);
        return true;
      }
      if (!*more) {
        *bytes = EndLine();
        return false;
      }
    }
  }

  bool LineReady() override { return true; }
  int fd() const override { return -1; }

 private:
  // False: nothing was added, because the stream has ended. A stream that waits for new events ends here, because a
  // frozen view never changes.
  Result<bool> Step() {
    if (stream_ == nullptr || done_) return false;
    const std::size_t before = buffer_.size();
    const Result<Producer::Next> next = stream_->Step(&buffer_);
    if (!next) return next.status();
    done_ = *next != Producer::Next::kMore;
    return buffer_.size() != before || !done_;
  }
  std::string EndLine() const {
    const std::string members = stream_ == nullptr ? std::string() : stream_->EndMembers();
    return "{\"end\":true" + (members.empty() ? "" : "," + members) + "}";
  }

  shm::Home home_;
  std::unique_ptr<daemon::Store> store_;
  daemon::LiveFeed feed_;  // nothing is published here: the view is frozen
  daemon::LiveView live_{store_->archive(), feed_};
  NoRuns runs_;
  daemon::Services services_;
  daemon::RequestParser parser_;
  std::unique_ptr<Producer> stream_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<Link>> OpenStoreLink(const shm::Home& home) {
  daemon::Store::Options options;
  const auto settings = daemon::LoadSettings(home);
  if (!settings) return settings.status();
  options.dir = daemon::StoreDir(home, *settings);
  options.read_only = true;
  daemon::abort_message::Arm(options.dir);
  auto store = daemon::Store::Open(options);
  if (!store) return store.status();
  return std::unique_ptr<Link>(std::make_unique<StoreLink>(home, std::move(*store)));
}

}  // namespace smiley::tools
