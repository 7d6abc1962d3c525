/* Reads board `inverter-114181807700` until the end of its input, and counts what must never
 * happen. */

#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <pegel.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

struct inverter {
  char serial[12], model[8];
  int64_t measured;
  double string_voltage[2], string_current[2], string_power[2];
  uint32_t string_energy_total[2], string_energy_daily[2];
  double string_irradiation[2];
  double ac_voltage, ac_current, ac_power, ac_reactive_power, ac_frequency;
  double temperature, powerfactor, yield_total, yield_today, efficiency;
  uint32_t event_count;
  double limit;
};

/* Whether sums and quotients fit the numbers that they were made of. */
static int is_whole(const struct inverter *now) {
  double power = now->string_power[0] + now->string_power[1];
  return memcmp(now->serial, "114181807700", 12) == 0 &&
         now->yield_total == (double)now->string_energy_total[0] + now->string_energy_total[1] &&
         now->yield_today == (double)now->string_energy_daily[0] + now->string_energy_daily[1] &&
         (power == 0 || fabs(now->efficiency - 100 * now->ac_power / power) < 0.006);
}

int main(void) {
  uint64_t reads = 0, torn = 0, backwards = 0, sequence = 0;
  char failed[2048] = "";
  pegel_reader *reader;
  if (pegel_reader_open("inverter-114181807700", &reader) != PEGEL_OK) {
    fprintf(stderr, "%s\n", pegel_error_message());
    return 1;
  }
  struct pollfd input = {.fd = 0, .events = POLLIN};
  /* A thousandth of a second between two reads leaves the machine to the others. */
  while (poll(&input, 1, 1) == 0) {
    struct inverter now;
    pegel_stamp stamp = {.size = sizeof stamp};
    if (pegel_reader_read(reader, &now, sizeof now, &stamp) != PEGEL_OK) {
      snprintf(failed, sizeof failed, "\"%.1000s\"", pegel_error_message());
      continue;
    }
    reads++;
    torn += !is_whole(&now);
    backwards += stamp.sequence < sequence;
    sequence = stamp.sequence;
  }
  pegel_reader_close(reader);
  printf("{\"reads\": %" PRIu64 ", \"torn\": %" PRIu64 ", \"backwards\": %" PRIu64
         ", \"sequence\": %" PRIu64 ", \"failed\": [%s]}\n",
         reads, torn, backwards, sequence, failed);
  return 0;
}
