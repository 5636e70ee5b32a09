/* libzmq's side of ci/versus-libzmq: one-way throughput, PUSH to PULL.
 *
 *   thr bind    ENDPOINT SIZE COUNT CORE     receives, and prints messages a second
 *   thr connect ENDPOINT SIZE COUNT CORE     sends
 *
 * The same job as `ringmq-bench throughput --role`: a tenth of the count as a warm-up, every
 * message numbered and checked, the time taken by the receiver from the first message to the
 * last. The whole process runs on the given core, as ringmq's thread and I/O thread do; -1
 * leaves that to the scheduler. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

/* A peer that says nothing for so long is gone, ms. */
enum { PATIENCE_MS = 60000 };

static void fail(const char *what)
{
    fprintf(stderr, "thr: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void pin(int core)
{
    cpu_set_t set;
    if (core < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    /* Threads that libzmq starts later inherit this. */
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("thr: sched_setaffinity");
        exit(1);
    }
}

static void send_all(void *socket, size_t size, uint64_t first, uint64_t end)
{
    for (uint64_t seq = first; seq < end; seq++) {
        zmq_msg_t message;
        if (zmq_msg_init_size(&message, size) != 0)
            fail("zmq_msg_init_size");
        memset(zmq_msg_data(&message), 0, size);
        memcpy(zmq_msg_data(&message), &seq, sizeof seq);
        if (zmq_msg_send(&message, socket, 0) < 0)
            fail("zmq_msg_send");
    }
}

/* Answers the seconds from the first message to the last. */
static double receive_all(void *socket, size_t size, uint64_t first, uint64_t end)
{
    double start = 0;
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (uint64_t seq = first; seq < end; seq++) {
        uint64_t got;
        if (zmq_msg_recv(&message, socket, 0) < 0)
            fail("zmq_msg_recv");
        if (zmq_msg_size(&message) != size) {
            fprintf(stderr, "thr: a message of %zu bytes\n", zmq_msg_size(&message));
            exit(1);
        }
        memcpy(&got, zmq_msg_data(&message), sizeof got);
        if (got != seq) {
            fprintf(stderr, "thr: message %" PRIu64 " instead of %" PRIu64 "\n", got, seq);
            exit(1);
        }
        if (seq == first)
            start = now();
    }
    zmq_msg_close(&message);
    return now() - start;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: thr bind|connect ENDPOINT SIZE COUNT CORE\n");
        return 2;
    }
    const int binds = strcmp(argv[1], "bind") == 0;
    const size_t size = strtoull(argv[3], NULL, 10);
    const uint64_t count = strtoull(argv[4], NULL, 10), warm_up = count / 10;
    const int patience = PATIENCE_MS;
    if (size < sizeof(uint64_t) || count < 10) {
        fprintf(stderr, "thr: a message holds its number, and there are ten at least\n");
        return 2;
    }
    pin(atoi(argv[5]));
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, binds ? ZMQ_PULL : ZMQ_PUSH);
    if (socket == NULL)
        fail("zmq_socket");
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &patience, sizeof patience);
    if ((binds ? zmq_bind(socket, argv[2]) : zmq_connect(socket, argv[2])) != 0)
        fail(argv[2]);
    if (binds) {
        receive_all(socket, size, 0, warm_up);
        const double seconds = receive_all(socket, size, warm_up, warm_up + count);
        printf("%.0f\n", (double) (count - 1) / seconds);
    } else {
        send_all(socket, size, 0, warm_up + count);
    }
    /* Closing sends what is still on its way. */
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
