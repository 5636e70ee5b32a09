// A tour of libzmq's library in C++, by cppzmq: kept short, and each pattern once.
#include <zmq.hpp>
#include <zmq_addon.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

static void check (bool is_so, const char *what)
{
    if (!is_so) {
        std::fprintf (stderr, "not so: %s\n", what);
        std::exit (1);
    }
}

int main ()
{
    zmq::context_t context;

    // A question of two frames, and its answer.
    zmq::socket_t rep (context, zmq::socket_type::rep);
    rep.bind ("tcp://127.0.0.1:*");
    std::thread asking ([&context, endpoint = rep.get (zmq::sockopt::last_endpoint)] {
        zmq::socket_t req (context, zmq::socket_type::req);
        req.connect (endpoint);
        std::vector<zmq::const_buffer> question = {zmq::str_buffer ("two"), zmq::str_buffer ("frames")};
        check (zmq::send_multipart (req, question).value () == 2, "both are sent");
        zmq::message_t answer;
        check (req.recv (answer).has_value () && answer.to_string () == "answer", "it is answered");
    });
    std::vector<zmq::message_t> question;
    check (zmq::recv_multipart (rep, std::back_inserter (question)).value () == 2, "both have come");
    check (question[1].to_string () == "frames", "the second frame");
    check (std::string (question[0].gets ("Socket-Type")) == "REQ", "who asks");
    rep.send (zmq::str_buffer ("answer"), zmq::send_flags::none);
    asking.join ();

    // What is subscribed to, and nothing else.
    zmq::socket_t pub (context, zmq::socket_type::xpub), sub (context, zmq::socket_type::sub);
    sub.set (zmq::sockopt::subscribe, "news");
    pub.bind ("inproc://news");
    sub.connect ("inproc://news");
    zmq::message_t frame;
    check (pub.recv (frame).has_value () && frame.to_string () == "\x01news", "the subscription");
    pub.send (zmq::str_buffer ("other"), zmq::send_flags::none);
    pub.send (zmq::str_buffer ("news 1"), zmq::send_flags::none);
    check (sub.recv (frame).has_value () && frame.to_string () == "news 1", "the news");
    check (!sub.recv (frame, zmq::recv_flags::dontwait).has_value (), "no more of it");

    // A message of the program's own memory, and a poll for it.
    zmq::socket_t push (context, zmq::socket_type::push), pull (context, zmq::socket_type::pull);
    pull.bind ("ipc://*");
    push.connect (pull.get (zmq::sockopt::last_endpoint));
    static int freed;
    std::vector<char> body (100000, 'x');
    zmq::message_t lent (body.data (), body.size (), [] (void *, void *) { ++freed; });
    check (push.send (lent, zmq::send_flags::none).value () == 100000, "all of it");
    zmq::pollitem_t items[] = {{pull, 0, ZMQ_POLLIN, 0}};
    check (zmq::poll (items, 1, std::chrono::milliseconds (20000)) == 1, "it has come");
    check (pull.recv (frame).has_value () && frame.size () == 100000, "as it was");

    // Errors are exceptions.
    try {
        push.connect ("nowhere");
        check (false, "that is no endpoint");
    } catch (const zmq::error_t &error) {
        check (error.num () == EINVAL, "why not");
    }
    for (zmq::socket_t *socket : {&rep, &pub, &sub, &push, &pull})
        socket->close ();
    context.close ();
    check (freed == 1, "the memory is given back, once");
    std::puts ("all is as it is with libzmq");
}
