/* One end of a throughput measurement on libzmq: PUSH to PULL, every message numbered and checked.
 *
 *   thr bind    ENDPOINT SIZE COUNT    receives; prints messages a second
 *   thr connect ENDPOINT SIZE COUNT    sends
 *
 * The clock runs from the first message to the last, at the receiver, as in ringmq-bench.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

static void fail(const char *what)
{
    fprintf(stderr, "thr: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void receive(void *socket, size_t size, uint64_t count)
{
    zmq_msg_t message;
    double start = 0;
    zmq_msg_init(&message);
    for (uint64_t number = 0; number < count; number++) {
        uint64_t got;
        if (zmq_msg_recv(&message, socket, 0) < 0)
            fail("receive");
        if (zmq_msg_size(&message) != size) {
            fprintf(stderr, "thr: message %llu is torn\n", (unsigned long long)number);
            exit(1);
        }
        memcpy(&got, zmq_msg_data(&message), sizeof got);
        if (got != number) {
            fprintf(stderr, "thr: message %llu is out of order\n", (unsigned long long)number);
            exit(1);
        }
        if (number == 0)
            start = now();
    }
    printf("%.0f\n", (double)(count - 1) / (now() - start));
    zmq_msg_close(&message);
}

static void send_all(void *socket, size_t size, uint64_t count)
{
    char *body = calloc(1, size);
    if (!body)
        fail("memory");
    for (uint64_t number = 0; number < count; number++) {
        memcpy(body, &number, sizeof number);
        if (zmq_send(socket, body, size, 0) < 0)
            fail("send");
    }
    free(body);
}

int main(int argc, char **argv)
{
    if (argc != 5 || strtoul(argv[3], NULL, 10) < sizeof(uint64_t)) {
        fprintf(stderr, "usage: thr bind|connect ENDPOINT SIZE COUNT (SIZE of 8 or more)\n");
        return 2;
    }
    int binds = strcmp(argv[1], "bind") == 0;
    size_t size = strtoul(argv[3], NULL, 10);
    uint64_t count = strtoull(argv[4], NULL, 10);
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, binds ? ZMQ_PULL : ZMQ_PUSH);
    if (!socket)
        fail("socket");
    if ((binds ? zmq_bind(socket, argv[2]) : zmq_connect(socket, argv[2])) < 0)
        fail(argv[2]);
    if (binds)
        receive(socket, size, count);
    else
        send_all(socket, size, count);
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
