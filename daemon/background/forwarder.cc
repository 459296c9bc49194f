#include "daemon/background/forwarder.h"

#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "daemon/background/whole_file.h"
#include "daemon/exchange/export.h"
#include "daemon/protocol/client.h"
#include "daemon/protocol/tls_client.h"
#include "shm/base/run_id.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(200);  // while there is a job
constexpr auto kConnectTime = std::chrono::milliseconds(10'000);
constexpr auto kUnknownFor = std::chrono::seconds(60);  // a run that is unknown for so long has been deleted

}  // namespace

Forwarder::Forwarder(const shm::Home& home, Archive& archive, RunRegistry& runs, Options options)
    : dir_(home.dir / "forward"),
      archive_(archive),
      runs_(runs),
      options_(std::move(options)),
      stop_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Load();
  thread_ = std::thread([this] { Loop(); });
}

Forwarder::~Forwarder() {
  {
    const shm::MutexLock lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  (void)!write(stop_fd_, &one, sizeof one);
  wake_.NotifyAll();
  thread_.join();
  close(stop_fd_);
}

void Forwarder::Load() {
  std::error_code error;
  for (std::filesystem::directory_iterator at(dir_, error), end; !error && at != end; at.increment(error)) {
    const std::string run = at->path().filename();
    if (!shm::IsRunId(run)) continue;
    std::ifstream in(at->path());
    std::string address, token;
    std::getline(in, address);
    std::getline(in, token);
    auto parsed = ParseToken(token);
    if (!ParseAddress(address) || !parsed) {
      Say("cannot read " + at->path().string() + ": run " + run + " stays on this machine and is not sent");
      continue;
    }
    Job job;
    job.address = address;
    job.token = *parsed;
    job.known = Clock::now();
    const shm::MutexLock lock(mutex_);
    jobs_.emplace(run, std::move(job));
  }
}

Status Forwarder::Add(const std::string& run, const std::string& address, const std::string& token) {
  if (!shm::IsRunId(run)) return {Code::kInvalid, "'" + run + "' is no run id: the run cannot be sent"};
  if (const auto parsed = ParseAddress(address); !parsed) return parsed.status();
  auto parsed = ParseToken(token);
  if (!parsed) return parsed.status();
  mkdir(dir_.c_str(), 0700);
  const std::string note = address + "\n" + FormatToken(*parsed) + "\n";
  if (Status written = WriteWholeFile(dir_ / run, note, true); !written) return written;
  Job job;
  job.address = address;
  job.token = *parsed;
  job.known = Clock::now();
  {
    const shm::MutexLock lock(mutex_);
    jobs_[run] = std::move(job);
  }
  wake_.NotifyAll();
  return {};
}

void Forwarder::Forget(const std::string& run) {
  const shm::MutexLock lock(mutex_);
  unlink((dir_ / run).c_str());
  jobs_.erase(run);
}

bool Forwarder::Holds(const std::string& run) const {
  const shm::MutexLock lock(mutex_);
  return jobs_.contains(run);
}

std::vector<ForwardStatus> Forwarder::ReadStatus() const {
  const shm::MutexLock lock(mutex_);
  std::vector<ForwardStatus> all;
  for (const auto& [run, job] : jobs_) all.push_back({run, job.address, job.state, job.error, job.sent_bytes});
  return all;
}

void Forwarder::Loop() {
  while (true) {
    std::vector<std::string> due;
    {
      const shm::MutexLock lock(mutex_);
      while (!stopping_ && jobs_.empty()) wake_.Wait(mutex_);
      if (stopping_) return;
      for (const auto& [run, job] : jobs_) {
        if (job.next_try <= Clock::now()) due.push_back(run);
      }
    }
    for (const std::string& run : due) Look(run);
    const shm::MutexLock lock(mutex_);
    if (!stopping_) wake_.WaitUntil(mutex_, Clock::now() + kLookEvery);
  }
}

void Forwarder::Look(const std::string& run) {
  const auto info = archive_.FindRun(run);
  Job job;
  {
    const shm::MutexLock lock(mutex_);
    const auto found = jobs_.find(run);
    if (found == jobs_.end() || stopping_) return;
    if (info.ok()) {
      found->second.known = Clock::now();
      const bool going = info->state != RunState::kEnded;
      found->second.state = going ? ForwardStatus::State::kRecording : ForwardStatus::State::kSending;
      found->second.sent_bytes = 0;
      if (going) return;
    } else if (Clock::now() - found->second.known < kUnknownFor) {
      return;  // the run may not have begun yet
    }
    job = found->second;
  }
  if (!info.ok()) return Done(run, "was deleted before it was sent");
  const Status sent = Send(run, job);
  if (sent.ok()) {
    SMILEY_TEST_POINT("forward.sent");
    // The other machine has stored the run: it is deleted here, unless it is pinned.
    if (!info->pinned) {
      const Status deleted = runs_.Delete(run);
      if (!deleted.ok() && deleted.code() != Code::kNotFound)
        Say("run " + run + " stays on this machine, too: " + deleted.message());
    }
    return Done(run, "was sent to " + job.address);
  }
  const shm::MutexLock lock(mutex_);
  const auto found = jobs_.find(run);
  if (found == jobs_.end()) return;
  Job& now = found->second;
  now.state = ForwardStatus::State::kWaiting;
  if (sent.code() == Code::kInterrupted) return;
  if (now.error != sent.message())
    Say("run " + run + " cannot be sent to " + job.address + " now: " + sent.message());
  now.error = sent.message();
  now.pause = now.pause.count() == 0 ? options_.first_pause : std::min(2 * now.pause, options_.longest_pause);
  now.next_try = Clock::now() + now.pause;
}

void Forwarder::Done(const std::string& run, const std::string& what) {
  Forget(run);
  Say("run " + run + " " + what);
}

Status Forwarder::Send(const std::string& run, const Job& job) {
  auto producer = MakeExport(archive_, run, "smiley");
  if (!producer) return producer.status();
  const auto fd = ConnectTls(job.address, job.token, kConnectTime, stop_fd_);
  if (!fd) return fd.status();
  Client::Options options;
  options.timeout = options_.patience;
  options.interrupt_fd = stop_fd_;
  const auto client = Client::Adopt(*fd, options);
  if (Status asked = client->Send("{\"op\":\"import\"}"); !asked) return asked;
  std::string bytes;
  Status status;
  for (bool more = true; more && status.ok();) {
    const auto next = (*producer)->Step(&bytes);
    if (!next) {
      (void)client->SendFramesAbort().ok();
      return next.status();
    }
    more = *next == Producer::Next::kMore;
    for (std::size_t at = 0; at < bytes.size() && status.ok(); at += Client::kMaxFrameBytes) {
      status = client->SendFrame(std::string_view(bytes).substr(at, Client::kMaxFrameBytes));
    }
    const shm::MutexLock lock(mutex_);
    if (const auto found = jobs_.find(run); found != jobs_.end()) found->second.sent_bytes += bytes.size();
    bytes.clear();
  }
  if (status.ok()) status = client->SendFramesEnd();
  // A daemon that refuses the rest has already reported why.
  if (!status.ok() && status.code() != Code::kGone) return status;
  const auto answer = client->ReadLine();
  if (!answer) return answer.status();
  return StatusOfAnswer(*answer);
}

}  // namespace smiley::daemon
