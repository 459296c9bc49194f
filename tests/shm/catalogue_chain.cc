#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <map>
#include <thread>

#include "shm/base/test_point.h"
#include "shm/catalogue.h"
#include "tests/shm/ring_support.h"

using namespace smiley;
using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

// The catalogue segments of a home with one process, by index.
std::map<std::uint32_t, std::shared_ptr<Segment>> Chain(const Home& home) {
  std::map<std::uint32_t, std::shared_ptr<Segment>> chain;
  for (const auto& found : Segment::List(home)) {
    auto segment = OpenAgain(home, found);
    if (segment->header().kind == SegmentKind::kCatalogue) chain[segment->header().index] = segment;
  }
  return chain;
}

std::string Payload(std::uint32_t id) { return std::string(1 + id * 37 % 900, static_cast<char>('a' + id % 26)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(catalogue_chain)

BOOST_AUTO_TEST_CASE(records_come_back_in_order_over_several_segments) {
  TemporaryHome home;
  auto writer = CatalogueWriter::Create(OwnerIn(*home), "process");
  BOOST_REQUIRE(writer.ok());
  constexpr std::uint32_t kRecords = 8000;
  for (std::uint32_t id = 1; id <= kRecords; ++id)
    BOOST_REQUIRE((*writer)->Append(RecordType::kString, id, Payload(id)));
  const auto chain = Chain(*home);
  BOOST_TEST(chain.size() >= 3u);
  std::uint32_t next = 0;
  for (std::uint32_t index = 0; index < chain.size(); ++index) {
    CatalogueReader reader(chain.at(index), 0);
    CatalogueReader::Record record;
    CatalogueReader::Step step;
    while ((step = reader.Next(&record)) == CatalogueReader::Step::kRecord) {
      if (next == 0) {
        BOOST_CHECK(record.type == RecordType::kProcess);
        BOOST_TEST(record.payload == "process");
      } else {
        BOOST_CHECK(record.type == RecordType::kString);
        BOOST_REQUIRE(record.id == next);
        BOOST_REQUIRE(record.payload == Payload(next));
      }
      ++next;
    }
    const bool last = index + 1 == chain.size();
    BOOST_CHECK(step == (last ? CatalogueReader::Step::kEmpty : CatalogueReader::Step::kSealed));
    BOOST_TEST(reader.position() == chain.at(index)->header().committed.load());
  }
  BOOST_TEST(next == kRecords + 1);
  (*writer)->Close();
  for (const auto& [index, segment] : chain) BOOST_CHECK(segment->header().state.load() == SegmentState::kClosed);
}

BOOST_AUTO_TEST_CASE(a_record_larger_than_a_segment_gets_one_of_its_own_size) {
  TemporaryHome home;
  auto writer = CatalogueWriter::Create(OwnerIn(*home), "p");
  BOOST_REQUIRE(writer.ok());
  const std::string large(3'000'001, 'x');
  BOOST_REQUIRE((*writer)->Append(RecordType::kSource, 1, large));
  BOOST_REQUIRE((*writer)->Append(RecordType::kString, 1, ""));
  BOOST_TEST(!(*writer)->Append(RecordType::kSource, 2, std::string(kMaxRecordBytes + 1, 'x')));
  const auto chain = Chain(*home);
  BOOST_REQUIRE(chain.size() == 2u);
  CatalogueReader reader(chain.at(1), 0);
  CatalogueReader::Record record;
  BOOST_CHECK(reader.Next(&record) == CatalogueReader::Step::kRecord);
  BOOST_TEST((record.payload == large));
  BOOST_CHECK(reader.Next(&record) == CatalogueReader::Step::kRecord);
  BOOST_TEST(record.payload.empty());
}

BOOST_AUTO_TEST_CASE(a_damaged_record_costs_itself) {
  TemporaryHome home;
  auto writer = CatalogueWriter::Create(OwnerIn(*home), "process");
  BOOST_REQUIRE(writer.ok());
  for (std::uint32_t id = 1; id <= 3; ++id) BOOST_REQUIRE((*writer)->Append(RecordType::kString, id, "0123456789"));
  const auto segment = Chain(*home).at(0);
  const std::size_t first = sizeof(RecordHeader) + 8, size = sizeof(RecordHeader) + 16;
  const auto read_ids = [&] {
    std::string seen;
    CatalogueReader reader(segment, 0);
    CatalogueReader::Record record;
    for (;;) {
      switch (reader.Next(&record)) {
        case CatalogueReader::Step::kRecord:
          seen += std::to_string(record.id);
          continue;
        case CatalogueReader::Step::kDamaged:
          seen += 'x';
          continue;
        default:
          return seen;
      }
    }
  };
  BOOST_TEST(read_ids() == "0123");
  segment->data()[first + size + 20] ^= 1;  // in the payload of record 2
  BOOST_TEST(read_ids() == "01x3");
  segment->data()[first + size + 20] ^= 1;
  segment->data()[first + size + 8] ^= 1;  // the id of record 2
  BOOST_TEST(read_ids() == "01x3");
  segment->data()[first + size + 8] ^= 1;
  std::memset(segment->data() + first + size, 0xff, 4);  // its size: the next record cannot be found
  BOOST_TEST(read_ids() == "01x");
}

BOOST_AUTO_TEST_CASE(killed_between_writing_and_publishing_shows_the_record_or_not) {
  for (const char* point : {"catalogue.record_written:500", "catalogue.published:500", "catalogue.sealed"}) {
    TemporaryHome home;
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      ArmTestPoints(point);
      auto writer = CatalogueWriter::Create(OwnerIn(*home), "process");
      for (std::uint32_t id = 1; id < 100'000; ++id) (*writer)->Append(RecordType::kString, id, Payload(id));
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    BOOST_REQUIRE(WIFSIGNALED(status));
    const auto chain = Chain(*home);
    std::uint32_t count = 0;
    CatalogueReader::Step step{};
    for (std::uint32_t index = 0; index < chain.size(); ++index) {
      CatalogueReader reader(chain.at(index), 0);
      CatalogueReader::Record record;
      while ((step = reader.Next(&record)) == CatalogueReader::Step::kRecord) BOOST_REQUIRE(record.id == count++);
    }
    BOOST_CHECK(step == CatalogueReader::Step::kEmpty);
    if (std::string(point) == "catalogue.record_written:500") BOOST_TEST(count == 499u);
    if (std::string(point) == "catalogue.published:500") BOOST_TEST(count == 500u);
    if (std::string(point) == "catalogue.sealed") BOOST_TEST(chain.size() == 2u);
  }
}

BOOST_AUTO_TEST_CASE(a_reader_beside_threads_that_write_sees_whole_records_only) {
  TemporaryHome home;
  auto writer = CatalogueWriter::Create(OwnerIn(*home), "process");
  BOOST_REQUIRE(writer.ok());
  CatalogueReader reader(Chain(*home).at(0), 0);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 500; ++i) {
        const std::uint32_t id = t * 1000 + i;
        (*writer)->Append(RecordType::kString, id, Payload(id));
      }
    });
  }
  std::map<std::uint32_t, int> seen;
  const Deadline deadline;
  while (seen.size() < 1500 && deadline.left()) {
    CatalogueReader::Record record;
    const auto step = reader.Next(&record);
    BOOST_REQUIRE(step != CatalogueReader::Step::kDamaged);
    if (step != CatalogueReader::Step::kRecord) {
      std::this_thread::yield();
      continue;
    }
    if (record.type == RecordType::kProcess) continue;
    BOOST_REQUIRE(record.payload == Payload(record.id));
    BOOST_REQUIRE(++seen[record.id] == 1);
  }
  for (auto& thread : threads) thread.join();
  BOOST_TEST(seen.size() == 1500u);
}

BOOST_AUTO_TEST_CASE(a_forked_child_forgets_and_the_parent_goes_on) {
  TemporaryHome home;
  auto writer = CatalogueWriter::Create(OwnerIn(*home), "process");
  BOOST_REQUIRE(writer.ok());
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    (*writer)->Abandon();
    const bool appended = (*writer)->Append(RecordType::kString, 1, "child");
    (*writer)->Close();
    _exit(appended ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  const auto segment = Chain(*home).at(0);
  BOOST_CHECK(segment->header().state.load() == SegmentState::kLive);
  BOOST_TEST((*writer)->Append(RecordType::kString, 1, "parent"));
  (*writer)->CountUnrecorded(2, 30);
  (*writer)->CountUnrecorded(1, 4);
  BOOST_TEST(segment->header().unrecorded_threads.load() == 3u);
  BOOST_TEST(segment->header().unrecorded_events.load() == 34u);
}

BOOST_AUTO_TEST_SUITE_END()
