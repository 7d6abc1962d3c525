// The classes of pegel.hpp, with a struct that `pegel gen c` prints and with documents.
#include "tank.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

int main() {
  using namespace std::chrono_literals;
  const pegel_field document[] = {{"document", "", PEGEL_JSON, 4000, 0, 0}};
  try {
    pegel_options options{};
    options.details = ROOF_TANK_1_DETAILS;
    auto created = pegel::Writer::create("roof-tank.1", ROOF_TANK_1_FIELDS, options);
    auto writer = std::move(created);
    pegel::Reader reader("roof-tank.1", ROOF_TANK_1_FIELDS, ROOF_TANK_1_DETAILS);
    roof_tank_1 record{};
    record.level = 2.5;
    pegel_publish_options publication{};
    publication.present = ROOF_TANK_1_HAS_WIND;
    uint64_t first = writer.publish(record, publication);
    record.level = 3.5;
    uint64_t second = writer.publish(record);
    auto now = reader.read<roof_tank_1>();
    auto before = reader.read_at<roof_tank_1>(first);
    auto next = reader.read_after<roof_tank_1>(first);
    std::printf("%g %g %g %d\n", now.record.level, before.record.level, next.record.level,
                (before.stamp.present & ROOF_TANK_1_HAS_SWITCH) != 0);
    std::printf("%d %d\n", reader.wait(first) == second, reader.wait(second, 1ms).has_value());
    pegel_publish_options late{};
    late.condition = PEGEL_NEWEST;
    late.sequence = first;
    try {
      writer.publish(record, late);
    } catch (const pegel::Error &error) {
      std::printf("%s %d\n", pegel_status_name(error.status()),
                  std::strstr(error.what(), "roof-tank.1") != nullptr);
    }
    auto documents = pegel::Writer::create("ahoy", document);
    documents.publish(std::string("{\"power\":21.8}"));
    std::printf("%s\n", pegel::Reader("ahoy").read<std::string>().record.c_str());
    pegel::Reader ahoy("ahoy");
    std::filesystem::resize_file(std::getenv("PEGEL_DIR") + std::string("/pegel.ahoy"), 0);
    try {
      std::printf("%d\n", static_cast<int>(ahoy.sequence()));
    } catch (const pegel::Error &error) {
      std::printf("%s\n", pegel_status_name(error.status()));
    }
    pegel::Reader absent("absent");
  } catch (const pegel::Error &error) {
    std::printf("%s\n", pegel_status_name(error.status()));
  }
}
