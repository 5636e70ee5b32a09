/*  A C program on what libzmq calls its draft: the sockets whose messages have one frame, pollers that are kept,
    and signals, which end what waits.  */
#define ZMQ_BUILD_DRAFT_API
#include <zmq.h>

#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static void *context;

static void *open_socket (int type)
{
    void *socket = zmq_socket (context, type);
    CHECK (socket);
    int ms = 20000;
    CHECK (zmq_setsockopt (socket, ZMQ_RCVTIMEO, &ms, sizeof ms) == 0);
    CHECK (zmq_setsockopt (socket, ZMQ_SNDTIMEO, &ms, sizeof ms) == 0);
    return socket;
}

/*  Binds one and connects the other.  */
static void join (void *bound, void *connected, const char *endpoint)
{
    char where[256];
    size_t size = sizeof where;
    CHECK (zmq_bind (bound, endpoint) == 0);
    CHECK (zmq_getsockopt (bound, ZMQ_LAST_ENDPOINT, where, &size) == 0);
    CHECK (zmq_connect (connected, where) == 0);
}

static void send_to (void *socket, uint32_t routing_id, const char *text)
{
    zmq_msg_t msg;
    CHECK (zmq_msg_init_buffer (&msg, text, strlen (text)) == 0);
    CHECK (zmq_msg_set_routing_id (&msg, routing_id) == 0);
    CHECK (zmq_msg_send (&msg, socket, 0) == (int) strlen (text));
    CHECK (zmq_msg_close (&msg) == 0);
}

static uint32_t receive (void *socket, const char *text)
{
    zmq_msg_t msg;
    CHECK (zmq_msg_init (&msg) == 0);
    CHECK (zmq_msg_recv (&msg, socket, 0) == (int) strlen (text));
    CHECK (!memcmp (zmq_msg_data (&msg), text, strlen (text)));
    uint32_t routing_id = zmq_msg_routing_id (&msg);
    CHECK (zmq_msg_close (&msg) == 0);
    return routing_id;
}

static void clients_and_servers (void)
{
    void *server = open_socket (ZMQ_SERVER);
    void *client = open_socket (ZMQ_CLIENT);
    join (server, client, "tcp://127.0.0.1:*");
    CHECK (zmq_send (client, "question", 8, 0) == 8);
    uint32_t number = receive (server, "question");
    CHECK (number);
    send_to (server, number, "answer");
    CHECK (receive (client, "answer") == 0);
    FAILS (zmq_send (client, "a", 1, ZMQ_SNDMORE), EINVAL);
    zmq_msg_t msg;
    CHECK (zmq_msg_init_buffer (&msg, "kept", 4) == 0);
    FAILS (zmq_msg_set_routing_id (&msg, 0), EINVAL);
    CHECK (zmq_msg_set_routing_id (&msg, number + 1 ? number + 1 : 1) == 0);
    FAILS (zmq_msg_send (&msg, server, 0), EHOSTUNREACH);
    CHECK (zmq_msg_size (&msg) == 4 && zmq_msg_close (&msg) == 0);
    int on, fd;
    size_t size = sizeof on;
    CHECK (zmq_getsockopt (server, ZMQ_THREAD_SAFE, &on, &size) == 0 && on == 1);
    size = sizeof fd;
    FAILS (zmq_getsockopt (server, ZMQ_FD, &fd, &size), EINVAL);
    CHECK (zmq_disconnect_peer (server, number) == 0);
    FAILS (zmq_disconnect_peer (server, number), EHOSTUNREACH);
    FAILS (zmq_disconnect_peer (client, number), ENOTSUP);
    CHECK (zmq_close (server) == 0 && zmq_close (client) == 0);
}

static void groups (void)
{
    void *radio = open_socket (ZMQ_RADIO);
    void *dish = open_socket (ZMQ_DISH);
    CHECK (zmq_join (dish, "jazz") == 0);
    FAILS (zmq_join (dish, "jazz"), EINVAL);
    FAILS (zmq_leave (dish, "news"), EINVAL);
    FAILS (zmq_join (radio, "jazz"), ENOTSUP);
    join (radio, dish, "inproc://stations");
    zmq_msg_t msg;
    CHECK (zmq_msg_init_buffer (&msg, "so what", 7) == 0);
    CHECK (!strcmp (zmq_msg_group (&msg), ""));
    CHECK (zmq_msg_set_group (&msg, "jazz") == 0);
    CHECK (!strcmp (zmq_msg_group (&msg), "jazz"));
    char longest[ZMQ_GROUP_MAX_LENGTH + 2] = { 0 };
    memset (longest, 'x', ZMQ_GROUP_MAX_LENGTH + 1);
    FAILS (zmq_msg_set_group (&msg, longest), EINVAL);
    CHECK (!strcmp (zmq_msg_group (&msg), "jazz"));
    CHECK (zmq_msg_send (&msg, radio, 0) == 7);
    CHECK (zmq_msg_init (&msg) == 0 && zmq_msg_recv (&msg, dish, 0) == 7);
    CHECK (!strcmp (zmq_msg_group (&msg), "jazz"));
    CHECK (zmq_msg_close (&msg) == 0);
    /* Who knows where the body is may go on writing there. */
    CHECK (zmq_msg_init_size (&msg, 200) == 0);
    char *body = zmq_msg_data (&msg);
    CHECK (zmq_msg_set_group (&msg, "jazz") == 0);
    memset (body, 'b', 200);
    CHECK (zmq_msg_data (&msg) == body && zmq_msg_size (&msg) == 200);
    CHECK (zmq_msg_send (&msg, radio, 0) == 200);
    CHECK (zmq_msg_init (&msg) == 0 && zmq_msg_recv (&msg, dish, 0) == 200);
    CHECK (((char *) zmq_msg_data (&msg))[199] == 'b');
    CHECK (zmq_msg_close (&msg) == 0);
    CHECK (zmq_leave (dish, "jazz") == 0);
    FAILS (zmq_send (dish, "a", 1, 0), ENOTSUP);
    FAILS (zmq_recv (radio, longest, 1, 0), ENOTSUP);
    CHECK (zmq_close (radio) == 0 && zmq_close (dish) == 0);
}

static void peers (void)
{
    void *alice = open_socket (ZMQ_PEER);
    void *bob = open_socket (ZMQ_PEER);
    CHECK (zmq_bind (bob, "inproc://bob") == 0);
    uint32_t to_bob = zmq_connect_peer (alice, "inproc://bob");
    CHECK (to_bob);
    send_to (alice, to_bob, "how are you?");
    send_to (bob, receive (bob, "how are you?"), "well");
    CHECK (receive (alice, "well") == to_bob);
    void *client = open_socket (ZMQ_CLIENT);
    CHECK (zmq_connect_peer (client, "inproc://bob") == 0 && zmq_errno () == ENOTSUP);
    void *router = open_socket (ZMQ_ROUTER);
    void *dealer = open_socket (ZMQ_DEALER);
    FAILS (zmq_socket_get_peer_state (router, "d", 1), EHOSTUNREACH);
    FAILS (zmq_socket_get_peer_state (dealer, "d", 1), ENOTSUP);
    CHECK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "d", 1) == 0);
    join (router, dealer, "inproc://router");
    CHECK (zmq_send (dealer, "a", 1, 0) == 1);
    char byte;
    CHECK (zmq_recv (router, &byte, 1, 0) == 1 && zmq_recv (router, &byte, 1, 0) == 1);
    CHECK (zmq_socket_get_peer_state (router, "d", 1) == ZMQ_POLLOUT);
    CHECK (zmq_close (alice) == 0 && zmq_close (bob) == 0 && zmq_close (client) == 0);
    CHECK (zmq_close (router) == 0 && zmq_close (dealer) == 0);
}

static void pollers (void)
{
    void *poller = zmq_poller_new ();
    CHECK (poller && zmq_poller_size (poller) == 0);
    void *push = open_socket (ZMQ_PUSH);
    void *pull = open_socket (ZMQ_PULL);
    join (pull, push, "tcp://127.0.0.1:*");
    int ends[2];
    CHECK (pipe (ends) == 0);
    zmq_poller_event_t events[3];
    FAILS (zmq_poller_wait_all (poller, events, 3, -1), EFAULT);
    FAILS (zmq_poller_wait (poller, events, 0), EAGAIN);
    CHECK (zmq_poller_add (poller, pull, &pull, ZMQ_POLLIN) == 0);
    FAILS (zmq_poller_add (poller, pull, NULL, ZMQ_POLLIN), EINVAL);
    FAILS (zmq_poller_add (poller, push, NULL, 16), EINVAL);
    FAILS (zmq_poller_add (poller, NULL, NULL, ZMQ_POLLIN), ENOTSOCK);
    CHECK (zmq_poller_add_fd (poller, ends[0], &ends, ZMQ_POLLIN) == 0);
    FAILS (zmq_poller_add_fd (poller, -1, NULL, ZMQ_POLLIN), EBADF);
    CHECK (zmq_poller_size (poller) == 2);
    FAILS (zmq_poller_wait (poller, events, 0), EAGAIN);
    CHECK (events[0].socket == NULL && events[0].user_data == NULL && events[0].events == 0);
    CHECK (zmq_send (push, "a", 1, 0) == 1);
    CHECK (zmq_poller_wait (poller, events, 20000) == 0);
    CHECK (events[0].socket == pull && events[0].user_data == &pull);
    CHECK (events[0].events == ZMQ_POLLIN);
    CHECK (write (ends[1], "b", 1) == 1);
    CHECK (zmq_poller_wait_all (poller, events, 3, 20000) == 2);
    int at = events[0].socket ? 1 : 0;
    CHECK (events[at].fd == ends[0] && events[at].user_data == &ends);
    CHECK (zmq_poller_remove_fd (poller, ends[0]) == 0);
    FAILS (zmq_poller_remove_fd (poller, ends[0]), EINVAL);
    CHECK (zmq_poller_modify (poller, pull, 0) == 0);
    FAILS (zmq_poller_modify (poller, push, 0), EINVAL);
    FAILS (zmq_poller_wait (poller, events, 10), EAGAIN);
    FAILS (zmq_poller_fd (poller, &at), EINVAL);
    CHECK (zmq_poller_remove (poller, pull) == 0 && zmq_poller_size (poller) == 0);
    void *destroyed = poller;
    CHECK (zmq_poller_destroy (&poller) == 0 && poller == NULL);
    FAILS (zmq_poller_destroy (&destroyed), EFAULT);
    FAILS (zmq_poller_size (destroyed), EFAULT);
    CHECK (zmq_close (push) == 0 && zmq_close (pull) == 0);
    close (ends[0]);
    close (ends[1]);
}

static volatile sig_atomic_t signals_seen;

static void note_signal (int number)
{
    (void) number;
    signals_seen++;
}

/*  From now on a signal comes every few milliseconds: one that comes before the wait has begun ends nothing.  */
static void alarm_every (long microseconds)
{
    struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };
    CHECK (setitimer (ITIMER_REAL, &timer, NULL) == 0);
}

/*  The end of a context: it waits for what is open, and for what was sent.  */
static void ends (void)
{
    void *own = zmq_ctx_new ();
    void *push = zmq_socket (own, ZMQ_PUSH);
    char where[64];
    snprintf (where, sizeof where, "ipc://@ringmq-drafts-%d", (int) getpid ());
    CHECK (push && zmq_connect (push, where) == 0 && zmq_send (push, "late", 4, 0) == 4);
    FAILS (zmq_ctx_term (own), EINTR);
    FAILS (zmq_send (push, "a", 1, 0), ETERM);
    CHECK (zmq_close (push) == 0);
    FAILS (zmq_ctx_term (own), EINTR);
    void *pull = open_socket (ZMQ_PULL);
    CHECK (zmq_bind (pull, where) == 0);
    char text[4];
    int received;
    do
        received = zmq_recv (pull, text, sizeof text, 0);
    while (received < 0 && zmq_errno () == EINTR);
    CHECK (received == 4 && !memcmp (text, "late", 4) && zmq_close (pull) == 0);
    int ended;
    do
        ended = zmq_ctx_term (own);
    while (ended < 0 && zmq_errno () == EINTR);
    CHECK (ended == 0);
}

static void signals (void)
{
    void *pull = open_socket (ZMQ_PULL);
    void *push = open_socket (ZMQ_PUSH);
    CHECK (zmq_bind (pull, "tcp://127.0.0.1:*") == 0);
    char byte;
    zmq_pollitem_t item = { pull, 0, ZMQ_POLLIN, 0 };
    zmq_poller_event_t event;
    void *poller = zmq_poller_new ();
    CHECK (zmq_poller_add (poller, pull, NULL, ZMQ_POLLIN) == 0);
    /*  Only this thread is to have them.  */
    struct sigaction action = { .sa_handler = note_signal, .sa_flags = SA_RESTART };
    CHECK (sigaction (SIGALRM, &action, NULL) == 0);
    alarm_every (5000);
    FAILS (zmq_recv (pull, &byte, 1, 0), EINTR);
    FAILS (zmq_poll (&item, 1, -1), EINTR);
    FAILS (zmq_poller_wait (poller, &event, -1), EINTR);
    FAILS (zmq_send (push, "a", 1, 0), EINTR);
    CHECK (signals_seen >= 4);
    ends ();
    sigset_t all;
    sigfillset (&all);
    CHECK (zmq_ppoll (&item, 1, 30, &all) == 0);
    alarm_every (0);
    /*  Nothing is the worse for it.  */
    char where[256];
    size_t size = sizeof where;
    CHECK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, where, &size) == 0);
    CHECK (zmq_connect (push, where) == 0 && zmq_send (push, "a", 1, 0) == 1);
    CHECK (zmq_recv (pull, &byte, 1, 0) == 1 && byte == 'a');
    CHECK (zmq_poller_destroy (&poller) == 0);
    CHECK (zmq_close (pull) == 0 && zmq_close (push) == 0);
}

/*  A number of 64 bits in a frame of its own.  */
static uint64_t number (void *socket)
{
    uint64_t value;
    CHECK (zmq_recv (socket, &value, sizeof value, 0) == sizeof value);
    return value;
}

static void address (void *socket, const char *expected)
{
    char text[256];
    int length = zmq_recv (socket, text, sizeof text - 1, 0);
    CHECK (length >= 0 && length < (int) sizeof text);
    text[length] = 0;
    CHECK (expected ? !strcmp (text, expected) : !strncmp (text, "tcp://127.0.0.1:", 16));
}

static void monitors_of_the_second_form (void)
{
    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    const char *where = "inproc://second form";
    FAILS (zmq_socket_monitor_versioned (pull, where, ZMQ_EVENT_ALL, 3, ZMQ_PAIR), EINVAL);
    FAILS (zmq_socket_monitor_versioned (pull, where, ZMQ_EVENT_ALL, 2, ZMQ_REP), EINVAL);
    FAILS (zmq_socket_monitor_versioned (pull, where, ZMQ_EVENT_ALL_V2, 1, ZMQ_PAIR), EINVAL);
    FAILS (zmq_socket_monitor_pipes_stats (pull), EINVAL);
    CHECK (zmq_socket_monitor_versioned (pull, where, ZMQ_EVENT_ALL_V2, 2, ZMQ_PUSH) == 0);
    FAILS (zmq_socket_monitor_pipes_stats (pull), EAGAIN);
    void *events = open_socket (ZMQ_PULL);
    CHECK (zmq_connect (events, where) == 0);
    join (pull, push, "tcp://127.0.0.1:*");
    char bound[256];
    size_t size = sizeof bound;
    CHECK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, bound, &size) == 0);
    const uint64_t expected[] = {ZMQ_EVENT_LISTENING, ZMQ_EVENT_ACCEPTED, ZMQ_EVENT_HANDSHAKE_SUCCEEDED};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        CHECK (number (events) == expected[i]);
        CHECK (number (events) == 1);
        number (events);
        address (events, bound);
        address (events, i ? NULL : "");
    }
    CHECK (zmq_send (push, "waits", 5, 0) == 5);
    int ready = 0;
    while (!(ready & ZMQ_POLLIN)) {
        size = sizeof ready;
        CHECK (zmq_getsockopt (pull, ZMQ_EVENTS, &ready, &size) == 0);
    }
    CHECK (zmq_socket_monitor_pipes_stats (pull) == 0);
    CHECK (number (events) == ZMQ_EVENT_PIPES_STATS && number (events) == 2);
    CHECK (number (events) == 0 && number (events) == 1);
    address (events, bound);
    address (events, NULL);
    CHECK (zmq_close (pull) == 0 && zmq_close (push) == 0 && zmq_close (events) == 0);
}

static void options_of_contexts (void)
{
    void *own = zmq_ctx_new ();
    int threads = 2;
    CHECK (zmq_ctx_set_ext (own, ZMQ_IO_THREADS, &threads, sizeof threads) == 0);
    FAILS (zmq_ctx_set_ext (own, ZMQ_IO_THREADS, &threads, 3), EINVAL);
    FAILS (zmq_ctx_set_ext (own, ZMQ_IO_THREADS, NULL, sizeof threads), EFAULT);
    CHECK (zmq_ctx_get (own, ZMQ_IO_THREADS) == 2);
    CHECK (zmq_ctx_set_ext (own, ZMQ_THREAD_NAME_PREFIX, "market", 6) == 0);
    FAILS (zmq_ctx_set_ext (own, ZMQ_THREAD_NAME_PREFIX, "seventeen letters", 17), EINVAL);
    char prefix[32];
    size_t size = sizeof prefix;
    CHECK (zmq_ctx_get_ext (own, ZMQ_THREAD_NAME_PREFIX, prefix, &size) == 0);
    CHECK (size == 6 && !memcmp (prefix, "market", 6));
    size = sizeof threads;
    CHECK (zmq_ctx_get_ext (own, ZMQ_MAX_SOCKETS, &threads, &size) == 0 && threads == 1023);
    size = 2;
    FAILS (zmq_ctx_get_ext (own, ZMQ_MAX_SOCKETS, &threads, &size), EINVAL);
    CHECK (zmq_ctx_term (own) == 0);
}

/*  What a peer is told first, and what is received of it last.  */
static void first_and_last_words (void)
{
    void *router = open_socket (ZMQ_ROUTER), *dealer = open_socket (ZMQ_DEALER);
    int both = ZMQ_NOTIFY_CONNECT | ZMQ_NOTIFY_DISCONNECT, wrong = 4;
    CHECK (zmq_setsockopt (router, ZMQ_ROUTER_NOTIFY, &both, sizeof both) == 0);
    FAILS (zmq_setsockopt (router, ZMQ_ROUTER_NOTIFY, &wrong, sizeof wrong), EINVAL);
    FAILS (zmq_setsockopt (dealer, ZMQ_ROUTER_NOTIFY, &both, sizeof both), EINVAL);
    CHECK (zmq_setsockopt (router, ZMQ_DISCONNECT_MSG, "gone", 4) == 0);
    FAILS (zmq_setsockopt (dealer, ZMQ_DISCONNECT_MSG, "gone", 4), EINVAL);
    CHECK (zmq_setsockopt (dealer, ZMQ_HICCUP_MSG, "lost", 4) == 0);
    CHECK (zmq_setsockopt (dealer, ZMQ_HELLO_MSG, "ready", 5) == 0);
    CHECK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "worker", 6) == 0);
    join (router, dealer, "tcp://127.0.0.1:*");
    const char *expected[] = {"", "ready", "", "gone"};
    for (int i = 0; i < 4; i++) {
        char id[16], body[16];
        if (i == 2)
            CHECK (zmq_close (dealer) == 0);
        CHECK (zmq_recv (router, id, sizeof id, 0) == 6 && !memcmp (id, "worker", 6));
        int length = (int) strlen (expected[i]);
        CHECK (zmq_recv (router, body, sizeof body, 0) == length && !memcmp (body, expected[i], length));
    }
    CHECK (zmq_close (router) == 0);
}

int main (void)
{
    context = zmq_ctx_new ();
    CHECK (context);
    first_and_last_words ();
    clients_and_servers ();
    groups ();
    peers ();
    pollers ();
    signals ();
    monitors_of_the_second_form ();
    options_of_contexts ();
    CHECK (zmq_ctx_term (context) == 0);
    puts ("drafts: all holds");
    return 0;
}
