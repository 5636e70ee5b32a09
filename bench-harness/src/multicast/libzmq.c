/* A worker of `ringmq-bench --transport epgm` (and udp) that is libzmq: opens one job, then takes one step after another,
 * one line of JSON each, as those in peer.rs do. Compiled by theirs.rs when it is needed; libzmq is loaded by name, so
 * that neither its headers nor its development files have to be there.
 *
 *     libzmq-worker LIBRARY has CAPABILITY      exits with 0 if the library has it, as zmq_has() says
 *     libzmq-worker LIBRARY                     is a worker
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* From zmq.h: socket types, options, and the size of a message. */
enum { SUB = 2, XPUB = 9, RADIO = 14, DISH = 15 };
enum { SUBSCRIBE = 6, RATE = 8, RECOVERY_IVL = 9, RCVBUF = 12, LINGER = 17, RCVTIMEO = 27, SNDTIMEO = 28, XPUB_NODROP = 69 };
enum { IO_THREAD_CPU = 7 };
typedef struct { _Alignas(void *) unsigned char bytes[64]; } message;

/* What job.rs calls so, in milliseconds. */
enum { PATIENCE = 5000, QUIET = 1500, BETWEEN = 5, GREETINGS = 20 };
/* What ours.rs has, and the engine asks the kernel for. */
enum { RECOVERY = 1000, RECEIVE_BUFFER = 8 << 20 };

#define FUNCTIONS(X) \
    X(void *, zmq_ctx_new, (void)) \
    X(int, zmq_ctx_set, (void *, int, int)) \
    X(int, zmq_ctx_term, (void *)) \
    X(void *, zmq_socket, (void *, int)) \
    X(int, zmq_close, (void *)) \
    X(int, zmq_setsockopt, (void *, int, const void *, size_t)) \
    X(int, zmq_bind, (void *, const char *)) \
    X(int, zmq_connect, (void *, const char *)) \
    X(int, zmq_msg_init, (message *)) \
    X(int, zmq_msg_init_size, (message *, size_t)) \
    X(int, zmq_msg_send, (message *, void *, int)) \
    X(int, zmq_msg_recv, (message *, void *, int)) \
    X(void *, zmq_msg_data, (message *)) \
    X(size_t, zmq_msg_size, (message *)) \
    X(const char *, zmq_strerror, (int)) \
    X(int, zmq_has, (const char *)) \
    X(void, zmq_version, (int *, int *, int *))
#define DECLARE(result, name, arguments) static result (*name) arguments;
FUNCTIONS(DECLARE)
/* Those of drafts may be missing. */
static int (*zmq_join)(void *, const char *);
static int (*zmq_msg_set_group)(message *, const char *);

static size_t size;
static int udp;
static unsigned char *body;
static uint64_t sent, next;
static void *speaker, *ears[64];
static int ear_count, read_count;

static int fail(const char *what) {
    printf("{\"failed\":\"libzmq: %s: %s\"}\n", what, zmq_strerror(errno));
    fflush(stdout);
    return 0;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The text or number behind "name": in a line that our own parent wrote. */
static const char *value(const char *line, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(line, key);
    if (!at) {
        fprintf(stderr, "libzmq-worker: no %s in %s\n", name, line);
        exit(2);
    }
    return at + strlen(key);
}

static long number(const char *line, const char *name) { return strtol(value(line, name), NULL, 10); }

static char *text(const char *line, const char *name) {
    const char *from = value(line, name) + 1;
    return strndup(from, strcspn(from, "\""));
}

static int set(void *socket, int option, int value) { return zmq_setsockopt(socket, option, &value, sizeof value); }

/* Sends the body with that number. */
static int speak(uint64_t stamp) {
    message one;
    if (zmq_msg_init_size(&one, size))
        return -1;
    memcpy(body, &stamp, sizeof stamp);
    memcpy(zmq_msg_data(&one), body, size);
    if (udp && zmq_msg_set_group(&one, "g"))
        return -1;
    return zmq_msg_send(&one, speaker, 0) < 0 ? -1 : 0;
}

enum heard { NONE, GREETING, NUMBERED, WRONG, BROKEN };

/* Receives a message, and its number; in order with gaps is as it should be. */
static enum heard hear(void *ear, message *one, uint64_t *stamp) {
    if (zmq_msg_recv(one, ear, 0) < 0)
        return errno == EAGAIN ? NONE : BROKEN;
    if (zmq_msg_size(one) != size)
        return WRONG;
    memcpy(stamp, zmq_msg_data(one), sizeof *stamp);
    return *stamp == UINT64_MAX ? GREETING : NUMBERED;
}

static int open_all(const char *line) {
    char *over = text(line, "over"), *side = text(line, "side");
    int echo = value(line, "echo")[0] == 't', connects = !strcmp(side, "connect");
    udp = !strcmp(over, "udp");
    size = (size_t)number(line, "size");
    body = calloc(1, size);
    read_count = (int)(number(line, "receivers") - number(line, "stopped"));
    int app = -1, io = -1;
    sscanf(value(line, "cores"), "[%d,%d]", &app, &io);
    if (app >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET((size_t)app, &cores);
        sched_setaffinity(0, sizeof cores, &cores);
    }
    void *context = zmq_ctx_new();
    if (io >= 0 && io != app)
        zmq_ctx_set(context, IO_THREAD_CPU, io);
    if (udp && !zmq_msg_set_group)
        return errno = ENOTSUP, fail("this build has no drafts, and so no RADIO and DISH");
    if (echo || connects) {
        speaker = zmq_socket(context, udp ? RADIO : XPUB);
        if (!speaker)
            return fail("making a socket");
        if (set(speaker, XPUB_NODROP, 1) || set(speaker, SNDTIMEO, PATIENCE) || set(speaker, LINGER, PATIENCE) ||
            set(speaker, RATE, (int)number(line, "kbit_per_s")) || set(speaker, RECOVERY_IVL, RECOVERY) ||
            zmq_connect(speaker, text(line, "outgoing")))
            return fail("opening the socket that sends");
    }
    for (long at = 0; (echo || !connects) && at < number(line, "receivers"); at++) {
        void *ear = zmq_socket(context, udp ? DISH : SUB);
        if (!ear)
            return fail("making a socket");
        if (set(ear, RCVBUF, RECEIVE_BUFFER) || set(ear, RECOVERY_IVL, RECOVERY) || set(ear, LINGER, 0) ||
            set(ear, RATE, (int)number(line, "kbit_per_s")) ||
            (udp ? zmq_join(ear, "g") : zmq_setsockopt(ear, SUBSCRIBE, "", 0)) ||
            zmq_bind(ear, text(line, "incoming")))
            return fail("opening a socket that receives");
        ears[ear_count++] = ear;
    }
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    printf("{\"opened\":{\"endpoint\":\"\",\"subject\":\"libzmq %d.%d.%d\"}}\n", major, minor, patch);
    return 1;
}

static int join(void) {
    char joined[64] = {0};
    message one;
    uint64_t stamp;
    zmq_msg_init(&one);
    for (int at = 0; at < ear_count; at++)
        set(ears[at], RCVTIMEO, BETWEEN / ear_count + 1);
    for (int round = 0; round < GREETINGS; round++) {
        if (speaker && speak(UINT64_MAX))
            return fail("greeting");
        for (int at = 0; at < ear_count; at++)
            if (hear(ears[at], &one, &stamp) == GREETING)
                joined[at] = 1;
        if (!ear_count)
            nanosleep(&(struct timespec){.tv_nsec = BETWEEN * 1000000}, NULL);
    }
    int all = 1;
    for (int at = 0; at < ear_count; at++)
        all &= joined[at];
    printf("{\"ran\":{\"joined\":%s,\"tallies\":[],\"trips\":[]}}\n", all ? "true" : "false");
    return 1;
}

static int send_all(uint64_t count) {
    for (uint64_t end = sent + count; sent < end; sent++)
        if (speak(sent))
            return fail("sending");
    puts("{\"ran\":{\"joined\":true,\"tallies\":[],\"trips\":[]}}");
    return 1;
}

static int receive_all(uint64_t count) {
    if (read_count != 1)
        return errno = ENOTSUP, fail("only one of its sockets is measured");
    uint64_t end = next + count, received = 0, first = 0, last = 0, stamp;
    message one;
    zmq_msg_init(&one);
    set(ears[0], RCVTIMEO, PATIENCE);
    while (next < end) {
        enum heard heard = hear(ears[0], &one, &stamp);
        if (heard == BROKEN)
            return fail("receiving");
        if (heard == NONE)
            break;
        if (heard == WRONG || (heard == NUMBERED && stamp < next))
            return errno = EPROTO, fail("a message that was not to come");
        if (heard == GREETING)
            continue;
        next = stamp + 1;
        if (!received++) {
            first = last = now();
            set(ears[0], RCVTIMEO, QUIET);
        }
        if (received % 64 == 0 || next >= end)
            last = now();
    }
    printf("{\"ran\":{\"joined\":true,\"tallies\":[{\"received\":%llu,\"elapsed_ns\":%llu}],\"trips\":[]}}\n",
           (unsigned long long)received, (unsigned long long)(last - first));
    return 1;
}

/* Round trips, or answers. */
static int echo(uint64_t count, int asks) {
    message one;
    uint64_t stamp;
    zmq_msg_init(&one);
    set(ears[0], RCVTIMEO, PATIENCE);
    uint64_t *trips = calloc(count ? count : 1, sizeof *trips);
    for (uint64_t at = 0; at < count; at++) {
        uint64_t begun = now();
        if (asks && speak(sent++))
            return fail("asking");
        enum heard heard;
        while ((heard = hear(ears[0], &one, &stamp)) == GREETING)
            continue;
        if (heard != NUMBERED)
            return fail("waiting for the other side");
        if (!asks && speak(stamp))
            return fail("answering");
        trips[at] = now() - begun;
    }
    printf("{\"ran\":{\"joined\":true,\"tallies\":[],\"trips\":[");
    for (uint64_t at = 0; asks && at < count; at++)
        printf("%s[%llu,1]", at ? "," : "", (unsigned long long)trips[at]);
    puts("]}}");
    free(trips);
    return 1;
}

static int load(const char *name) {
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 0;
    }
#define LOAD(result, name, arguments) \
    if (!(name = (result(*) arguments)dlsym(library, #name))) { \
        fprintf(stderr, "no %s\n", #name); \
        return 0; \
    }
    FUNCTIONS(LOAD)
    zmq_join = (int (*)(void *, const char *))dlsym(library, "zmq_join");
    zmq_msg_set_group = (int (*)(message *, const char *))dlsym(library, "zmq_msg_set_group");
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 2 || !load(argv[1]))
        return 2;
    if (argc == 4 && !strcmp(argv[2], "has"))
        return zmq_has(argv[3]) ? 0 : 1;
    char *line = NULL;
    size_t room = 0;
    int answers = 0, connects = 0, good = 1;
    while (good && getline(&line, &room, stdin) > 0) {
        if (strstr(line, "\"open\"")) {
            connects = !strcmp(text(line, "side"), "connect");
            answers = value(line, "echo")[0] == 't';
            good = open_all(line);
        } else if (strstr(line, "\"join\"")) {
            good = join();
        } else {
            uint64_t count = strtoull(value(line, "measure"), NULL, 10);
            good = answers ? echo(count, connects) : connects ? send_all(count) : receive_all(count);
        }
        fflush(stdout);
    }
    /* What is on its way is sent; the context is left to the end of the process. */
    if (speaker)
        zmq_close(speaker);
    if (good && speaker)
        nanosleep(&(struct timespec){.tv_nsec = 250 * 1000000}, NULL);
    return 0;
}
