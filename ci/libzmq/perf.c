/*  What users of libzmq measure with, on whichever libzmq.so.5 the loader finds:

        perf local_thr ENDPOINT SIZE COUNT      receives what remote_thr sends; messages a second
        perf remote_thr ENDPOINT SIZE COUNT
        perf local_lat ENDPOINT SIZE COUNT      answers what remote_lat asks
        perf remote_lat ENDPOINT SIZE COUNT     microseconds one way: half of a round trip
        perf inproc_thr SIZE COUNT              the same between two threads
        perf inproc_lat SIZE COUNT
        perf inproc_burst SIZE COUNT            one thread, 500 sends in a row and then 500 receives; ns a message

    Each message that is sent is made anew, and each receive is into the same zmq_msg_t, as in the programs of these
    names that come with libzmq. inproc_burst sends from memory of its own, as bench-harness/examples/count.rs does
    it in Rust. Prints one number.  */
#include <zmq.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf (stderr, "perf: line %d: %s: %s\n", __LINE__, #condition,                     \
                     zmq_strerror (zmq_errno ()));                                                \
            exit (1);                                                                             \
        }                                                                                         \
    } while (0)

static void *context;
static const char *endpoint = "inproc://perf";
static size_t size;
static long count;

static void *open_bound (int type)
{
    void *socket = zmq_socket (context, type);
    CHECK (socket && zmq_bind (socket, endpoint) == 0);
    return socket;
}

static void *open_connected (int type)
{
    void *socket = zmq_socket (context, type);
    CHECK (socket && zmq_connect (socket, endpoint) == 0);
    return socket;
}

static void receive (void *socket, zmq_msg_t *msg)
{
    CHECK (zmq_msg_recv (msg, socket, 0) == (int) size);
}

/*  The clock runs from the first message on.  */
static void pull (void *socket)
{
    zmq_msg_t msg;
    CHECK (zmq_msg_init (&msg) == 0);
    receive (socket, &msg);
    void *watch = zmq_stopwatch_start ();
    for (long i = 1; i < count; i++)
        receive (socket, &msg);
    unsigned long us = zmq_stopwatch_stop (watch);
    CHECK (zmq_msg_close (&msg) == 0);
    printf ("%.0f\n", (double) (count - 1) * 1e6 / (double) (us ? us : 1));
    CHECK (zmq_close (socket) == 0);
}

static void push (void *socket)
{
    for (long i = 0; i < count; i++) {
        zmq_msg_t msg;
        CHECK (zmq_msg_init_size (&msg, size) == 0);
        CHECK (zmq_msg_send (&msg, socket, 0) == (int) size);
    }
    CHECK (zmq_close (socket) == 0);
}

static void answer (void *socket)
{
    zmq_msg_t msg;
    CHECK (zmq_msg_init (&msg) == 0);
    for (long i = 0; i < count; i++) {
        receive (socket, &msg);
        CHECK (zmq_msg_send (&msg, socket, 0) == (int) size);
    }
    CHECK (zmq_close (socket) == 0);
}

static void ask (void *socket)
{
    zmq_msg_t msg;
    CHECK (zmq_msg_init_size (&msg, size) == 0);
    memset (zmq_msg_data (&msg), 0, size);
    void *watch = zmq_stopwatch_start ();
    for (long i = 0; i < count; i++) {
        CHECK (zmq_msg_send (&msg, socket, 0) == (int) size);
        receive (socket, &msg);
    }
    unsigned long us = zmq_stopwatch_stop (watch);
    CHECK (zmq_msg_close (&msg) == 0);
    printf ("%.3f\n", (double) us / (double) count / 2);
    CHECK (zmq_close (socket) == 0);
}

/*  Fewer than the high-water mark.  */
enum { ROW = 500 };

/*  What the operation burst of bench-harness/examples/count.rs does, by the functions that correspond.  */
static void burst (void)
{
    int patience_ms = 60000;
    void *here = open_bound (ZMQ_PULL), *there = open_connected (ZMQ_PUSH);
    CHECK (zmq_setsockopt (here, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms) == 0);
    char *body = malloc (size + 1);
    CHECK (body);
    memset (body, 7, size);
    zmq_msg_t msg;
    CHECK (zmq_msg_init (&msg) == 0);
    void *watch = zmq_stopwatch_start ();
    for (long left = count; left > 0; left -= ROW) {
        long now = left < ROW ? left : ROW;
        for (long i = 0; i < now; i++)
            CHECK (zmq_send (there, body, size, 0) == (int) size);
        for (long i = 0; i < now; i++)
            receive (here, &msg);
    }
    unsigned long us = zmq_stopwatch_stop (watch);
    printf ("%.3f\n", (double) us * 1e3 / (double) count);
    CHECK (zmq_msg_close (&msg) == 0);
    free (body);
    CHECK (zmq_close (there) == 0 && zmq_close (here) == 0);
}

static void *other_push (void *unused)
{
    push (open_connected (ZMQ_PUSH));
    return unused;
}

static void *other_answer (void *unused)
{
    answer (open_connected (ZMQ_REP));
    return unused;
}

/*  One side here, the other one on a thread.  */
static void both (void (*here) (void *), int type, void *(*there) (void *))
{
    pthread_t thread;
    void *socket = open_bound (type);
    CHECK (pthread_create (&thread, NULL, there, NULL) == 0);
    here (socket);
    CHECK (pthread_join (thread, NULL) == 0);
}

int main (int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    int within = !strncmp (role, "inproc_", 7);
    if (argc != (within ? 4 : 5)) {
        fprintf (stderr, "usage: perf local_thr|remote_thr|local_lat|remote_lat ENDPOINT SIZE COUNT,"
                         " or perf inproc_thr|inproc_lat|inproc_burst SIZE COUNT\n");
        return 2;
    }
    if (!within)
        endpoint = argv[2];
    size = strtoul (argv[argc - 2], NULL, 10);
    count = strtol (argv[argc - 1], NULL, 10);
    context = zmq_ctx_new ();
    CHECK (context && count > 0);
    if (!strcmp (role, "local_thr"))
        pull (open_bound (ZMQ_PULL));
    else if (!strcmp (role, "remote_thr"))
        push (open_connected (ZMQ_PUSH));
    else if (!strcmp (role, "local_lat"))
        answer (open_bound (ZMQ_REP));
    else if (!strcmp (role, "remote_lat"))
        ask (open_connected (ZMQ_REQ));
    else if (!strcmp (role, "inproc_thr"))
        both (pull, ZMQ_PULL, other_push);
    else if (!strcmp (role, "inproc_lat"))
        both (ask, ZMQ_REQ, other_answer);
    else if (!strcmp (role, "inproc_burst"))
        burst ();
    else {
        fprintf (stderr, "perf: there is no role %s\n", role);
        return 2;
    }
    CHECK (zmq_ctx_term (context) == 0);
    return 0;
}
