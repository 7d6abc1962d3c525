// Publishes one record by the struct that `pegel gen c` prints, and prints the one that it reads.
#include "tank.h"

#include <stdio.h>
#include <string.h>

static int fail(void) {
  fprintf(stderr, "%s\n", pegel_error_message());
  return 1;
}

int main(void) {
  roof_tank_1 record;
  pegel_options options;
  pegel_publish_options publication;
  pegel_stamp stamp;
  pegel_writer *writer;
  pegel_reader *reader;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.details = ROOF_TANK_1_DETAILS;
  if (pegel_writer_create("roof-tank.1", ROOF_TANK_1_FIELDS, ROOF_TANK_1_FIELD_COUNT, &options,
                          &writer) != PEGEL_OK)
    return fail();
  memset(&record, 0, sizeof record);
  record.level = 1.5;
  record.flags[2] = 1;
  record.big = 7;
  record.switch_ = -9;
  memcpy(record.names[1], "x\xc3\xa4yz", 5);
  memset(&publication, 0, sizeof publication);
  publication.size = sizeof publication;
  publication.present = ROOF_TANK_1_HAS_SWITCH;
  if (pegel_writer_publish_on(writer, &publication, &record, sizeof record, NULL) != PEGEL_OK)
    return fail();
  pegel_writer_close(writer);

  memset(&stamp, 0, sizeof stamp);
  stamp.size = sizeof stamp;
  if (pegel_reader_open_as("roof-tank.1", ROOF_TANK_1_FIELDS, ROOF_TANK_1_FIELD_COUNT,
                           ROOF_TANK_1_DETAILS, &reader) !=
          PEGEL_OK ||
      pegel_reader_read(reader, &record, sizeof record, &stamp) != PEGEL_OK)
    return fail();
  printf("%g %d %d %d %.5s %d\n", record.level, record.flags[0], record.flags[2],
         record.switch_, record.names[1],
         (stamp.present & ROOF_TANK_1_HAS_WIND) != 0);
  pegel_reader_close(reader);
  return 0;
}
