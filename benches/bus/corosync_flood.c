/* A flooding client of Corosync's closed process groups, for benches/bus/run: what `ringfort flood` is for Ringfort.
 *
 * Sends as fast as it may (or at a rate), receives everything, and prints one JSON line: messages a second that it
 * received between warmup and end, and one-way latencies of the stamped messages. All clients run on one host, so one
 * monotonic clock serves all. Not a test of correctness: it counts, and checks lengths.
 *
 *   corosync_flood GROUP BYTES MEMBERS WARMUP_S SECONDS [RATE]
 */
#define _GNU_SOURCE
#include <corosync/cpg.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#define MOST 1000000

static uint64_t received, stamps;
static uint32_t *latencies_us;
static size_t members, size;
static int measuring, wrong;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void deliver(cpg_handle_t h, const struct cpg_name *g, uint32_t node, uint32_t pid, void *message, size_t length)
{
    (void)h, (void)g, (void)node, (void)pid;
    received++;
    if (length != size)
        wrong = 1;
    uint64_t stamp;
    memcpy(&stamp, message, sizeof stamp);
    if (measuring && stamp != 0 && stamps < MOST)
        latencies_us[stamps++] = (uint32_t)((now_ns() - stamp) / 1000);
}

static void confchg(cpg_handle_t h, const struct cpg_name *g, const struct cpg_address *all, size_t count,
                    const struct cpg_address *left, size_t left_count, const struct cpg_address *joined, size_t joined_count)
{
    (void)h, (void)g, (void)all, (void)left, (void)left_count, (void)joined, (void)joined_count;
    members = count;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return fprintf(stderr, "corosync_flood GROUP BYTES MEMBERS WARMUP_S SECONDS [RATE]\n"), 2;
    size = strtoul(argv[2], NULL, 10);
    size_t expected = strtoul(argv[3], NULL, 10);
    double warmup = atof(argv[4]), seconds = atof(argv[5]), rate = argc > 6 ? atof(argv[6]) : 0;
    if (size < sizeof(uint64_t))
        return fprintf(stderr, "at least 8 bytes\n"), 2;
    latencies_us = calloc(MOST, sizeof *latencies_us);
    char *message = calloc(1, size);
    struct cpg_name group;
    group.length = strlen(argv[1]);
    memcpy(group.value, argv[1], group.length);
    cpg_callbacks_t callbacks = {.cpg_deliver_fn = deliver, .cpg_confchg_fn = confchg};
    cpg_handle_t cpg;
    if (cpg_initialize(&cpg, &callbacks) != CS_OK || cpg_join(cpg, &group) != CS_OK)
        return fprintf(stderr, "no corosync here\n"), 1;
    int fd;
    cpg_fd_get(cpg, &fd);
    uint64_t give_up = now_ns() + 30000000000u;
    while (members < expected) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, 100);
        cpg_dispatch(cpg, CS_DISPATCH_ALL);
        if (now_ns() > give_up)
            return fprintf(stderr, "%zu of %zu members after 30 s\n", members, expected), 1;
    }
    uint64_t begin = now_ns(), start = begin + (uint64_t)(warmup * 1e9), end = start + (uint64_t)(seconds * 1e9);
    uint64_t sent = 0, before = 0, now;
    struct iovec piece = {.iov_base = message, .iov_len = size};
    while ((now = now_ns()) < end) {
        if (!measuring && now >= start)
            measuring = 1, before = received, start = now;
        int blocked = 0;
        for (int burst = 0; burst < 16 && !blocked; burst++) {
            if (rate > 0 && (double)(now - begin) * rate / 1e9 < (double)sent)
                break;
            uint64_t stamp = rate > 0 || sent % 64 == 0 ? now_ns() : 0;
            memcpy(message, &stamp, sizeof stamp);
            if (cpg_mcast_joined(cpg, CPG_TYPE_AGREED, &piece, 1) == CS_OK)
                sent++;
            else
                blocked = 1;
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        struct timespec wait = {.tv_nsec = rate > 0 ? 50000 : (blocked ? 1000000 : 0)};
        if (ppoll(&p, 1, &wait, NULL) > 0)
            cpg_dispatch(cpg, CS_DISPATCH_ALL);
    }
    double took = (double)(now - start) / 1e9;
    qsort(latencies_us, stamps, sizeof *latencies_us, ascending);
    uint32_t p50 = stamps ? latencies_us[stamps / 2] : 0, p99 = stamps ? latencies_us[stamps * 99 / 100] : 0;
    printf("{\"messages_per_s\": %.0f, \"p50_us\": %u, \"p99_us\": %u, \"wrong\": %d}\n", (double)(received - before) / took,
           p50, p99, wrong);
    fflush(stdout);
    /* The others may still be measuring what comes through this daemon. */
    uint64_t linger = now_ns() + 1500000000u;
    while (now_ns() < linger) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) > 0)
            cpg_dispatch(cpg, CS_DISPATCH_ALL);
    }
    return 0;
}
