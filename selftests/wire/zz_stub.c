#include "wire.h"
const struct row isn_rows[] = {{0}};
const struct row open_rows[] = {{0}};
const struct row failure_rows[] = {{0}};
const struct row keepalive_rows[] = {{0}};
const struct row timewait_rows[] = {{0}};
const struct row icmp_rows[] = {{0}};
const struct row api_rows[] = {{0}};
const struct row window_rows[] = {{0}};
const struct row ack_rows[] = {{0}};
const struct row send_rows[] = {{0}};
const struct row ip_rows[] = {{0}};
const struct row challenge_rows[] = {{0}};
const struct row orphan_rows[] = {{0}};
const struct row visible_rows[] = {{0}};
const struct row transitions_rows[] = {{0}};
const struct row matrix_rows[] = {{0}};
const struct row knobs_rows[] = {{0}};
