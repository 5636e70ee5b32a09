/*  A C program on what messages are made of: bodies that others have too, and memory that is lent.  */
#include <zmq.h>

#include "check.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void *context;

/*  Who may have the same body: what was copied and its copies, and constants.  */
static void shared_bodies (void)
{
    static const char text[] = "constant";
    zmq_msg_t one, other, small;
    CHECK (zmq_msg_init_size (&one, 1024) == 0 && zmq_msg_init (&other) == 0);
    CHECK (zmq_msg_get (&one, ZMQ_SHARED) == 0 && zmq_msg_copy (&other, &one) == 0);
    CHECK (zmq_msg_get (&one, ZMQ_SHARED) == 1 && zmq_msg_get (&other, ZMQ_SHARED) == 1);
    CHECK (zmq_msg_init_data (&small, (void *) text, sizeof text, NULL, NULL) == 0);
    CHECK (zmq_msg_get (&small, ZMQ_SHARED) == 1 && zmq_msg_data (&small) == (void *) text);
    CHECK (zmq_msg_move (&small, &other) == 0);
    CHECK (zmq_msg_get (&small, ZMQ_SHARED) == 1 && zmq_msg_get (&other, ZMQ_SHARED) == 0);
    void *near = zmq_socket (context, ZMQ_PAIR), *far = zmq_socket (context, ZMQ_PAIR);
    CHECK (zmq_bind (near, "inproc://shared") == 0 && zmq_connect (far, "inproc://shared") == 0);
    CHECK (zmq_send (far, text, sizeof text, 0) == sizeof text);
    CHECK (zmq_msg_recv (&small, near, 0) == sizeof text && zmq_msg_get (&small, ZMQ_SHARED) == 0);
    CHECK (zmq_msg_copy (&other, &small) == 0 && zmq_msg_get (&small, ZMQ_SHARED) == 0);
    CHECK (zmq_msg_send (&one, far, 0) == 1024 && zmq_msg_close (&small) == 0);
    CHECK (zmq_close (near) == 0 && zmq_close (far) == 0);
}

/*  Counts, from whatever thread.  */
static void give_back (void *data, void *hint)
{
    free (data);
    __atomic_add_fetch ((int *) hint, 1, __ATOMIC_SEQ_CST);
}

static int given_back (int *count)
{
    return __atomic_load_n (count, __ATOMIC_SEQ_CST);
}

/*  Memory of the program, long and short: used until it is sent, and then given back, once.  */
static void lent_memory (const char *endpoint)
{
    static const size_t sizes[] = {1, 10, 255, 256, 5000, 100000};
    const int count = sizeof sizes / sizeof sizes[0];
    int freed = 0;
    void *pull = zmq_socket (context, ZMQ_PULL), *push = zmq_socket (context, ZMQ_PUSH);
    CHECK (zmq_connect (push, endpoint) == 0);
    for (int i = 0; i < count; i++) {
        zmq_msg_t msg;
        char *data = malloc (sizes[i]);
        memset (data, 'a' + i, sizes[i]);
        CHECK (zmq_msg_init_data (&msg, data, sizes[i], give_back, &freed) == 0);
        CHECK (zmq_msg_data (&msg) == data);
        CHECK (zmq_msg_send (&msg, push, 0) == (int) sizes[i]);
    }
    CHECK (given_back (&freed) == 0);
    CHECK (zmq_bind (pull, endpoint) == 0);
    for (int i = 0; i < count; i++) {
        zmq_msg_t msg;
        CHECK (zmq_msg_init (&msg) == 0 && zmq_msg_recv (&msg, pull, 0) == (int) sizes[i]);
        const char *data = zmq_msg_data (&msg);
        CHECK (data[0] == 'a' + i && data[sizes[i] - 1] == 'a' + i);
        CHECK (zmq_msg_close (&msg) == 0);
    }
    CHECK (zmq_close (push) == 0 && zmq_close (pull) == 0);
    for (int i = 0; given_back (&freed) < count && i < 1000; i++)
        zmq_poll (NULL, 0, 20);
    CHECK (given_back (&freed) == count);
}

/*  A port that nobody listens on.  */
static int free_port (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    CHECK (fd >= 0 && bind (fd, (struct sockaddr *) &address, size) == 0);
    CHECK (getsockname (fd, (struct sockaddr *) &address, &size) == 0 && close (fd) == 0);
    return ntohs (address.sin_port);
}

int main (void)
{
    char endpoint[64];
    context = zmq_ctx_new ();
    CHECK (context);
    shared_bodies ();
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", free_port ());
    lent_memory (endpoint);
    snprintf (endpoint, sizeof endpoint, "ipc://@ringmq-bodies-%d", (int) getpid ());
    lent_memory (endpoint);
    lent_memory ("inproc://lent");
    CHECK (zmq_ctx_term (context) == 0);
    puts ("bodies: all holds");
    return 0;
}
