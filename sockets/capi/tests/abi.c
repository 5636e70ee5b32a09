/*  A C program on libzmq's interface: compiled against whatever zmq.h it is given, linked with whatever
    library it finds, and satisfied with either if they agree.  */
#include <zmq.h>

#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void *context;

static void layouts (void)
{
    CHECK (sizeof (zmq_msg_t) == 64);
    CHECK (offsetof (zmq_pollitem_t, socket) == 0);
    CHECK (offsetof (zmq_pollitem_t, fd) == sizeof (void *));
    CHECK (offsetof (zmq_pollitem_t, events) == sizeof (void *) + sizeof (int));
    CHECK (offsetof (zmq_pollitem_t, revents) == sizeof (void *) + sizeof (int) + sizeof (short));
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    CHECK (ZMQ_MAKE_VERSION (major, minor, patch) >= ZMQ_MAKE_VERSION (4, 3, 4));
    CHECK (zmq_ctx_get (context, ZMQ_MSG_T_SIZE) == 64);
}

static void contexts (void)
{
    void *own = zmq_ctx_new ();
    CHECK (own);
    CHECK (zmq_ctx_get (own, ZMQ_IO_THREADS) == 1);
    CHECK (zmq_ctx_get (own, ZMQ_MAX_SOCKETS) == 1023);
    CHECK (zmq_ctx_get (own, ZMQ_BLOCKY) == 1);
    CHECK (zmq_ctx_set (own, ZMQ_IO_THREADS, 2) == 0);
    CHECK (zmq_ctx_get (own, ZMQ_IO_THREADS) == 2);
    CHECK (zmq_ctx_set (own, ZMQ_MAX_SOCKETS, 1) == 0);
    FAILS (zmq_ctx_set (own, ZMQ_IO_THREADS, -1), EINVAL);
    FAILS (zmq_ctx_set (own, 1000, 1), EINVAL);
    FAILS (zmq_ctx_get (own, 1000), EINVAL);
    FAILS (zmq_ctx_set (NULL, ZMQ_IO_THREADS, 1), EFAULT);
    void *socket = zmq_socket (own, ZMQ_PAIR);
    CHECK (socket);
    CHECK (!zmq_socket (own, ZMQ_PAIR) && zmq_errno () == EMFILE);
    CHECK (zmq_close (socket) == 0);
    FAILS (zmq_close (socket), ENOTSOCK);
    CHECK (!zmq_socket (context, 99) && zmq_errno () == EINVAL);
    CHECK (zmq_ctx_shutdown (own) == 0);
    CHECK (!zmq_socket (own, ZMQ_PAIR) && zmq_errno () == ETERM);
    CHECK (zmq_ctx_term (own) == 0);
    FAILS (zmq_ctx_term (NULL), EFAULT);
    CHECK (!zmq_socket (NULL, ZMQ_PAIR) && zmq_errno () == EFAULT);
}

static int freed;

static void count_free (void *data, void *hint)
{
    CHECK (hint == &freed);
    free (data);
    freed++;
}

static void messages (void)
{
    zmq_msg_t one, two;
    CHECK (zmq_msg_init (&one) == 0 && zmq_msg_size (&one) == 0);
    CHECK (zmq_msg_close (&one) == 0);
    FAILS (zmq_msg_close (&one), EFAULT);
    size_t sizes[] = {0, 1, 33, 62, 63, 64, 1000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK (zmq_msg_init_size (&one, sizes[i]) == 0);
        CHECK (zmq_msg_size (&one) == sizes[i]);
        memset (zmq_msg_data (&one), 'a' + (int) i, sizes[i]);
        CHECK (zmq_msg_init (&two) == 0);
        CHECK (zmq_msg_copy (&two, &one) == 0);
        CHECK (zmq_msg_size (&two) == sizes[i]);
        CHECK (memcmp (zmq_msg_data (&one), zmq_msg_data (&two), sizes[i]) == 0);
        CHECK (zmq_msg_move (&two, &one) == 0);
        CHECK (zmq_msg_size (&one) == 0 && zmq_msg_size (&two) == sizes[i]);
        CHECK (zmq_msg_close (&one) == 0 && zmq_msg_close (&two) == 0);
    }
    for (int copies = 0; copies < 3; copies++) {
        freed = 0;
        CHECK (zmq_msg_init_data (&one, malloc (10), 10, count_free, &freed) == 0);
        zmq_msg_t held[3];
        for (int i = 0; i < copies; i++) {
            CHECK (zmq_msg_init (&held[i]) == 0 && zmq_msg_copy (&held[i], &one) == 0);
        }
        CHECK (zmq_msg_close (&one) == 0);
        for (int i = 0; i < copies; i++) {
            CHECK (freed == 0);
            CHECK (zmq_msg_close (&held[i]) == 0);
        }
        CHECK (freed == 1);
    }
    CHECK (zmq_msg_init (&one) == 0);
    CHECK (zmq_msg_get (&one, ZMQ_MORE) == 0 && zmq_msg_more (&one) == 0);
    FAILS (zmq_msg_get (&one, 1000), EINVAL);
    FAILS (zmq_msg_set (&one, ZMQ_MORE, 1), EINVAL);
    CHECK (!zmq_msg_gets (&one, "Socket-Type") && zmq_errno () == EINVAL);
    CHECK (zmq_msg_close (&one) == 0);
}

/*  Two sockets over a transport.  */
static void join (int bound, int connected, const char *endpoint, void **near, void **far)
{
    char last[256];
    size_t size = sizeof last;
    *near = zmq_socket (context, bound);
    *far = zmq_socket (context, connected);
    CHECK (*near && *far);
    int patience = 30000;
    CHECK (zmq_setsockopt (*near, ZMQ_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK (zmq_setsockopt (*far, ZMQ_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK (zmq_bind (*near, endpoint) == 0);
    CHECK (zmq_getsockopt (*near, ZMQ_LAST_ENDPOINT, last, &size) == 0);
    CHECK (size == strlen (last) + 1);
    CHECK (zmq_connect (*far, last) == 0);
}

static void transfers (const char *endpoint)
{
    void *near, *far;
    char buffer[10];
    join (ZMQ_PAIR, ZMQ_PAIR, endpoint, &near, &far);
    CHECK (zmq_send (far, "hello", 5, ZMQ_SNDMORE) == 5);
    CHECK (zmq_send_const (far, "a longer one", 12, 0) == 12);
    CHECK (zmq_recv (near, buffer, sizeof buffer, 0) == 5 && memcmp (buffer, "hello", 5) == 0);
    int more;
    size_t size = sizeof more;
    CHECK (zmq_getsockopt (near, ZMQ_RCVMORE, &more, &size) == 0 && more == 1);
    /*  Cut off, and told of how long it was.  */
    CHECK (zmq_recv (near, buffer, 4, 0) == 12 && memcmp (buffer, "a lo", 4) == 0);
    CHECK (zmq_getsockopt (near, ZMQ_RCVMORE, &more, &size) == 0 && more == 0);
    FAILS (zmq_recv (near, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);

    zmq_msg_t msg;
    freed = 0;
    char *data = malloc (100000);
    memset (data, 'x', 100000);
    CHECK (zmq_msg_init_data (&msg, data, 100000, count_free, &freed) == 0);
    CHECK (zmq_msg_send (&msg, near, 0) == 100000);
    CHECK (zmq_msg_size (&msg) == 0 && zmq_msg_close (&msg) == 0);
    CHECK (zmq_msg_init (&msg) == 0 && zmq_msg_recv (&msg, far, 0) == 100000);
    CHECK (((char *) zmq_msg_data (&msg))[99999] == 'x');
    if (strncmp (endpoint, "tcp", 3) == 0) {
        CHECK (strcmp (zmq_msg_gets (&msg, "Socket-Type"), "PAIR") == 0);
        CHECK (strcmp (zmq_msg_gets (&msg, "Peer-Address"), "127.0.0.1") == 0);
    }
    CHECK (zmq_msg_close (&msg) == 0);

    zmq_pollitem_t items[] = {{near, 0, ZMQ_POLLIN, 0}, {far, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0}};
    CHECK (zmq_poll (items, 2, 0) == 1 && items[0].revents == 0);
    CHECK (items[1].revents == ZMQ_POLLOUT);
    CHECK (zmq_send (far, "", 0, 0) == 0);
    CHECK (zmq_poll (items, 1, -1) == 1 && items[0].revents == ZMQ_POLLIN);
    int events, fd;
    size = sizeof events;
    CHECK (zmq_getsockopt (near, ZMQ_EVENTS, &events, &size) == 0);
    CHECK (events == (ZMQ_POLLIN | ZMQ_POLLOUT));
    size = sizeof fd;
    CHECK (zmq_getsockopt (near, ZMQ_FD, &fd, &size) == 0 && fd >= 0);
    CHECK (zmq_recv (near, buffer, sizeof buffer, 0) == 0);
    zmq_pollitem_t watched[] = {{NULL, fd, ZMQ_POLLIN, 0}};
    CHECK (zmq_send (far, "again", 5, 0) == 5);
    size = sizeof events;
    do {
        CHECK (zmq_getsockopt (near, ZMQ_EVENTS, &events, &size) == 0);
    } while (!(events & ZMQ_POLLIN) && zmq_poll (watched, 1, 30000) == 1);
    CHECK (events & ZMQ_POLLIN);
    CHECK (zmq_recv (near, buffer, sizeof buffer, ZMQ_DONTWAIT) == 5);
    CHECK (zmq_close (near) == 0 && zmq_close (far) == 0);
}

static void mistakes (void)
{
    void *socket = zmq_socket (context, ZMQ_SUB);
    char byte = 0;
    int number = 5;
    size_t size;
    FAILS (zmq_send (socket, "x", 1, 0), ENOTSUP);
    FAILS (zmq_bind (socket, "nowhere"), EINVAL);
    FAILS (zmq_bind (socket, "foo://bar"), EPROTONOSUPPORT);
    FAILS (zmq_connect (socket, "tcp://"), EINVAL);
    FAILS (zmq_disconnect (socket, "tcp://127.0.0.1:1"), ENOENT);
    FAILS (zmq_unbind (socket, "tcp://127.0.0.1:1"), ENOENT);
    FAILS (zmq_setsockopt (socket, 5000, &number, sizeof number), EINVAL);
    FAILS (zmq_setsockopt (socket, ZMQ_LINGER, &byte, sizeof byte), EINVAL);
    FAILS (zmq_setsockopt (socket, ZMQ_TYPE, &number, sizeof number), EINVAL);
    size = sizeof number;
    FAILS (zmq_getsockopt (socket, 5000, &number, &size), EINVAL);
    size = sizeof byte;
    FAILS (zmq_getsockopt (socket, ZMQ_LINGER, &byte, &size), EINVAL);
    CHECK (zmq_close (socket) == 0);
    /*  What is no socket is never followed.  */
    long nothing = 5;
    void *wrong[] = {NULL, socket, context, &nothing};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FAILS (zmq_close (wrong[i]), ENOTSOCK);
        FAILS (zmq_send (wrong[i], "x", 1, 0), ENOTSOCK);
        FAILS (zmq_recv (wrong[i], &byte, 1, 0), ENOTSOCK);
        FAILS (zmq_connect (wrong[i], "inproc://x"), ENOTSOCK);
        size = sizeof number;
        FAILS (zmq_getsockopt (wrong[i], ZMQ_TYPE, &number, &size), ENOTSOCK);
    }
    void *req = zmq_socket (context, ZMQ_REQ);
    FAILS (zmq_recv (req, &byte, 1, 0), EFSM);
    CHECK (zmq_close (req) == 0);
    FAILS (zmq_poll (NULL, 1, 0), EFAULT);
    CHECK (zmq_poll (NULL, 0, 0) == 0);
}

static void *serve (void *socket)
{
    return (void *) (size_t) (zmq_proxy (socket, socket, NULL) == -1 && zmq_errno () == ETERM);
}

static void proxies (void)
{
    void *own = zmq_ctx_new ();
    void *echo = zmq_socket (own, ZMQ_REP), *client = zmq_socket (own, ZMQ_REQ), *ended;
    CHECK (zmq_bind (echo, "inproc://echo") == 0 && zmq_connect (client, "inproc://echo") == 0);
    pthread_t thread;
    CHECK (pthread_create (&thread, NULL, serve, echo) == 0);
    char answer[4];
    CHECK (zmq_send (client, "echo", 4, 0) == 4 && zmq_recv (client, answer, 4, 0) == 4);
    CHECK (zmq_ctx_shutdown (own) == 0);
    CHECK (pthread_join (thread, &ended) == 0 && ended);
    CHECK (zmq_close (echo) == 0 && zmq_close (client) == 0 && zmq_ctx_term (own) == 0);
    FAILS (zmq_proxy (NULL, NULL, NULL), EFAULT);
}

static void monitors (void)
{
    void *near = zmq_socket (context, ZMQ_PULL), *far = zmq_socket (context, ZMQ_PUSH);
    CHECK (zmq_socket_monitor (near, "inproc://events", ZMQ_EVENT_ALL) == 0);
    FAILS (zmq_socket_monitor (near, "tcp://127.0.0.1:*", ZMQ_EVENT_ALL), EPROTONOSUPPORT);
    void *events = zmq_socket (context, ZMQ_PAIR);
    CHECK (zmq_connect (events, "inproc://events") == 0);
    char last[256], address[256];
    size_t size = sizeof last;
    CHECK (zmq_bind (near, "tcp://127.0.0.1:*") == 0);
    CHECK (zmq_getsockopt (near, ZMQ_LAST_ENDPOINT, last, &size) == 0);
    CHECK (zmq_connect (far, last) == 0);
    int accepted = -1;
    uint16_t expected[] = {ZMQ_EVENT_LISTENING, ZMQ_EVENT_ACCEPTED, ZMQ_EVENT_HANDSHAKE_SUCCEEDED};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        unsigned char event[6];
        uint16_t number;
        CHECK (zmq_recv (events, event, sizeof event, 0) == 6);
        memcpy (&number, event, sizeof number);
        CHECK (number == expected[i]);
        /*  Of what listens and of what came in, the value is the descriptor.  */
        uint32_t descriptor;
        memcpy (&descriptor, event + 2, sizeof descriptor);
        struct sockaddr_storage where;
        socklen_t room = sizeof where;
        if (i < 2)
            CHECK (getsockname ((int) descriptor, (struct sockaddr *) &where, &room) == 0);
        if (i == 1)
            accepted = (int) descriptor;
        int length = zmq_recv (events, address, sizeof address, 0);
        CHECK (length == (int) strlen (last) && memcmp (address, last, length) == 0);
    }
    zmq_msg_t msg;
    CHECK (zmq_send (far, "whence", 6, 0) == 6);
    CHECK (zmq_msg_init (&msg) == 0 && zmq_msg_recv (&msg, near, 0) == 6);
    CHECK (zmq_msg_get (&msg, ZMQ_SRCFD) == accepted);
    CHECK (zmq_msg_close (&msg) == 0);
    CHECK (zmq_socket_monitor (near, NULL, 0) == 0);
    CHECK (zmq_close (near) == 0 && zmq_close (far) == 0 && zmq_close (events) == 0);
}

/*  Values in every form that libzmq reads, and sizes as it wants them.  */
static void forms_of_options (void)
{
    void *req = zmq_socket (context, ZMQ_REQ);
    char public[41], secret[41];
    unsigned char key[32];
    CHECK (zmq_curve_keypair (public, secret) == 0 && zmq_z85_decode (key, public));
    CHECK (zmq_setsockopt (req, ZMQ_CURVE_PUBLICKEY, public, 41) == 0);
    CHECK (zmq_setsockopt (req, ZMQ_CURVE_PUBLICKEY, public, 40) == 0);
    CHECK (zmq_setsockopt (req, ZMQ_CURVE_PUBLICKEY, key, 32) == 0);
    FAILS (zmq_setsockopt (req, ZMQ_CURVE_PUBLICKEY, public, 39), EINVAL);
    char text[41];
    size_t size = 41;
    CHECK (zmq_getsockopt (req, ZMQ_CURVE_PUBLICKEY, text, &size) == 0 && !strcmp (text, public));
    size = 32;
    CHECK (zmq_getsockopt (req, ZMQ_CURVE_PUBLICKEY, text, &size) == 0 && !memcmp (text, key, 32));
    int value = 12345;
    CHECK (zmq_z85_encode (text, key, 0) == text && !*text);
    int raw = 1, type = 0;
    void *router = zmq_socket (context, ZMQ_ROUTER);
    size = sizeof type;
    CHECK (zmq_setsockopt (router, 41, &raw, sizeof raw) == 0); /* ZMQ_ROUTER_RAW */
    CHECK (zmq_getsockopt (router, ZMQ_TYPE, &type, &size) == 0 && type == ZMQ_ROUTER);
    FAILS (zmq_setsockopt (req, 41, &raw, sizeof raw), EINVAL);
    CHECK (zmq_close (router) == 0);
    const char *proxy = "127.0.0.1", *network = "192.0.2.0/24";
    CHECK (zmq_setsockopt (req, ZMQ_SOCKS_PROXY, proxy, strlen (proxy)) == 0);
    CHECK (zmq_setsockopt (req, ZMQ_SOCKS_PROXY, NULL, 0) == 0);
    CHECK (zmq_setsockopt (req, ZMQ_TCP_ACCEPT_FILTER, network, strlen (network)) == 0);
    FAILS (zmq_setsockopt (req, ZMQ_TCP_ACCEPT_FILTER, "nowhere", 7), EINVAL);
    CHECK (zmq_setsockopt (req, ZMQ_TCP_ACCEPT_FILTER, NULL, 0) == 0);
    CHECK (zmq_setsockopt (req, ZMQ_IPC_FILTER_UID, &value, sizeof value) == 0);
    CHECK (zmq_setsockopt (req, ZMQ_IPC_FILTER_UID, NULL, 0) == 0);
    FAILS (zmq_setsockopt (req, ZMQ_IPC_FILTER_UID, &value, 1), EINVAL);
    CHECK (zmq_setsockopt (req, ZMQ_HEARTBEAT_TTL, &value, sizeof value) == 0);
    size = sizeof value;
    CHECK (zmq_getsockopt (req, ZMQ_HEARTBEAT_TTL, &value, &size) == 0 && value == 12300);
    value = 7;
    CHECK (zmq_setsockopt (req, ZMQ_INVERT_MATCHING, &value, sizeof value) == 0);
    value = 1;
    CHECK (zmq_setsockopt (req, ZMQ_CONFLATE, &value, sizeof value) == 0);
    size = sizeof value;
    CHECK (zmq_getsockopt (req, ZMQ_CONFLATE, &value, &size) == 0 && value == 1);
    int64_t most = -2, larger[2];
    CHECK (zmq_setsockopt (req, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0);
    size = sizeof larger;
    FAILS (zmq_getsockopt (req, ZMQ_MAXMSGSIZE, larger, &size), EINVAL);
    FAILS (zmq_getsockopt (req, ZMQ_LINGER, larger, &size), EINVAL);
    CHECK (zmq_getsockopt (req, ZMQ_EVENTS, larger, &size) == 0 && size == sizeof (int));
    CHECK (zmq_close (req) == 0);
}

/*  What is no descriptor is told; errors are the ones that libzmq tells.  */
static void small_print (void)
{
    zmq_msg_t msg;
    CHECK (zmq_msg_init (&msg) == 0);
    FAILS (zmq_msg_get (&msg, ZMQ_SRCFD), EINVAL);
    CHECK (zmq_msg_close (&msg) == 0);
    zmq_pollitem_t items[] = {{ NULL, -1, ZMQ_POLLIN, 0 }, { NULL, 99999, ZMQ_POLLOUT, 0 }};
    CHECK (zmq_poll (items, 1, 1) == 0 && zmq_poll (items, 2, -1) == 1);
    CHECK (items[0].revents == 0 && items[1].revents == ZMQ_POLLERR);
    void *own = zmq_ctx_new (), *pull = zmq_socket (own, ZMQ_PULL);
    FAILS (zmq_unbind (pull, "nowhere"), EINVAL);
    FAILS (zmq_unbind (pull, "tcp://127.0.0.1:9"), ENOENT);
    FAILS (zmq_socket_monitor (pull, "nowhere", ZMQ_EVENT_ALL), EINVAL);
    FAILS (zmq_connect (pull, "udp://127.0.0.1:9"), ENOCOMPATPROTO);
    CHECK (zmq_ctx_set (own, ZMQ_IPV6, 2) == 0 && zmq_ctx_get (own, ZMQ_IPV6) == 1);
    CHECK (zmq_ctx_shutdown (own) == 0);
    int none = 0;
    FAILS (zmq_setsockopt (pull, ZMQ_LINGER, &none, sizeof none), ETERM);
    CHECK (zmq_close (pull) == 0 && zmq_ctx_term (own) == 0);
}

/*  A socket of the system's, bound before the library has it.  */
static void lent (void)
{
    int listener = socket (AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in where = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
    CHECK (listener >= 0 && bind (listener, (struct sockaddr *) &where, sizeof where) == 0);
    CHECK (listen (listener, 10) == 0);
    socklen_t room = sizeof where;
    CHECK (getsockname (listener, (struct sockaddr *) &where, &room) == 0);
    void *pull = zmq_socket (context, ZMQ_PULL), *push = zmq_socket (context, ZMQ_PUSH);
    CHECK (zmq_setsockopt (pull, ZMQ_USE_FD, &listener, sizeof listener) == 0);
    CHECK (zmq_bind (pull, "tcp://*:*") == 0);
    char expected[64], last[64], byte;
    size_t size = sizeof last;
    snprintf (expected, sizeof expected, "tcp://127.0.0.1:%d", ntohs (where.sin_port));
    CHECK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, last, &size) == 0 && !strcmp (last, expected));
    CHECK (zmq_connect (push, last) == 0 && zmq_send (push, "a", 1, 0) == 1);
    CHECK (zmq_recv (pull, &byte, 1, 0) == 1 && byte == 'a');
    CHECK (zmq_close (pull) == 0 && zmq_close (push) == 0);
}

/*  Bytes to and from a peer that speaks no ZMTP, played by another STREAM. What a ROUTER is that is raw does the
    same.  */
static void streams (int type)
{
    void *server = zmq_socket (context, type);
    int raw = 1;
    CHECK (type == ZMQ_STREAM || zmq_setsockopt (server, ZMQ_ROUTER_RAW, &raw, sizeof raw) == 0);
    void *client = zmq_socket (context, ZMQ_STREAM);
    char where[256], id[256], peer[256], bytes[64];
    size_t size = sizeof where, id_size = sizeof id;
    int ms = 20000;
    CHECK (zmq_setsockopt (server, ZMQ_RCVTIMEO, &ms, sizeof ms) == 0);
    CHECK (zmq_setsockopt (client, ZMQ_RCVTIMEO, &ms, sizeof ms) == 0);
    CHECK (zmq_bind (server, "tcp://127.0.0.1:*") == 0);
    CHECK (zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, where, &size) == 0);
    CHECK (zmq_connect (client, where) == 0);
    CHECK (zmq_getsockopt (client, ZMQ_ROUTING_ID, id, &id_size) == 0 && id_size == 5);
    /*  That the other one is there.  */
    CHECK (zmq_recv (client, peer, sizeof peer, 0) == 5 && memcmp (peer, id, 5) == 0);
    CHECK (zmq_recv (client, bytes, sizeof bytes, 0) == 0);
    CHECK (zmq_recv (server, peer, sizeof peer, 0) == 5);
    CHECK (zmq_recv (server, bytes, sizeof bytes, 0) == 0);
    CHECK (zmq_send (client, id, 5, ZMQ_SNDMORE) == 5 && zmq_send (client, "hello", 5, 0) == 5);
    CHECK (zmq_recv (server, bytes, sizeof bytes, 0) == 5 && memcmp (bytes, peer, 5) == 0);
    CHECK (zmq_recv (server, bytes, sizeof bytes, 0) == 5 && memcmp (bytes, "hello", 5) == 0);
    CHECK (zmq_send (server, peer, 5, ZMQ_SNDMORE) == 5 && zmq_send (server, "too", 3, 0) == 3);
    CHECK (zmq_recv (client, bytes, sizeof bytes, 0) == 5 && memcmp (bytes, id, 5) == 0);
    CHECK (zmq_recv (client, bytes, sizeof bytes, 0) == 3 && memcmp (bytes, "too", 3) == 0);
    if (type == ZMQ_STREAM)
        FAILS (zmq_send (server, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH);
    /*  No bytes are the end.  */
    CHECK (zmq_send (server, peer, 5, ZMQ_SNDMORE) == 5 && zmq_send (server, "", 0, 0) == 0);
    CHECK (zmq_recv (client, bytes, sizeof bytes, 0) == 5 && memcmp (bytes, id, 5) == 0);
    CHECK (zmq_recv (client, bytes, sizeof bytes, 0) == 0);
    CHECK (zmq_close (server) == 0 && zmq_close (client) == 0);
}

static int called;

static void count_call (int id, void *argument)
{
    CHECK (argument == &called && id > 0);
    called++;
}

static void others (void)
{
    void *timers = zmq_timers_new ();
    CHECK (timers && zmq_timers_timeout (timers) == -1);
    int soon = zmq_timers_add (timers, 0, count_call, &called);
    int later = zmq_timers_add (timers, 1000000, count_call, &called);
    CHECK (soon > 0 && later > soon && zmq_timers_timeout (timers) == 0);
    CHECK (zmq_timers_execute (timers) == 0 && called == 1);
    CHECK (zmq_timers_cancel (timers, soon) == 0);
    FAILS (zmq_timers_cancel (timers, soon), EINVAL);
    long left = zmq_timers_timeout (timers);
    CHECK (left > 0 && left <= 1000000);
    CHECK (zmq_timers_destroy (&timers) == 0 && !timers);
    FAILS (zmq_timers_destroy (&timers), EFAULT);

    void *counter = zmq_atomic_counter_new ();
    CHECK (zmq_atomic_counter_inc (counter) == 0 && zmq_atomic_counter_inc (counter) == 1);
    CHECK (zmq_atomic_counter_value (counter) == 2);
    CHECK (zmq_atomic_counter_dec (counter) == 1 && zmq_atomic_counter_dec (counter) == 0);
    zmq_atomic_counter_destroy (&counter);
    CHECK (!counter);

    void *watch = zmq_stopwatch_start ();
    unsigned long between = zmq_stopwatch_intermediate (watch);
    CHECK (zmq_stopwatch_stop (watch) >= between);

    uint8_t bytes[8] = {0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B}, back[8];
    char text[41], secret[41], public[41];
    CHECK (zmq_z85_encode (text, bytes, 8) == text && strcmp (text, "HelloWorld") == 0);
    CHECK (zmq_z85_decode (back, text) == back && memcmp (back, bytes, 8) == 0);
    CHECK (!zmq_z85_encode (text, bytes, 7) && zmq_errno () == EINVAL);
    CHECK (!zmq_z85_decode (back, "Hello\"orld") && zmq_errno () == EINVAL);
    if (zmq_has ("curve")) {
        CHECK (zmq_curve_keypair (text, secret) == 0 && zmq_curve_public (public, secret) == 0);
        CHECK (strcmp (text, public) == 0);
    }
    CHECK (zmq_has ("ipc") == 1 && zmq_has ("nothing") == 0);
    CHECK (strcmp (zmq_strerror (ETERM), "Context was terminated") == 0);
    CHECK (zmq_strerror (EINVAL) != NULL);
}

int main (void)
{
    context = zmq_ctx_new ();
    CHECK (context);
    layouts ();
    contexts ();
    messages ();
    transfers ("inproc://transfers");
    transfers ("tcp://127.0.0.1:*");
    transfers ("ipc://*");
    mistakes ();
    proxies ();
    monitors ();
    lent ();
    forms_of_options ();
    small_print ();
    streams (ZMQ_STREAM);
    streams (ZMQ_ROUTER);
    others ();
    CHECK (zmq_ctx_term (context) == 0);
    puts ("all is as libzmq does it");
    return 0;
}
