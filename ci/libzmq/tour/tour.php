<?php
// A tour of libzmq's library in PHP, by php-zmq.

function check($is_so, $what)
{
    if (!$is_so) {
        fwrite(STDERR, "not so: $what\n");
        exit(1);
    }
}

$context = new ZMQContext(1, false);

// A question of two frames, and its answer.
$rep = $context->getSocket(ZMQ::SOCKET_REP);
$rep->bind('tcp://127.0.0.1:*');
$req = $context->getSocket(ZMQ::SOCKET_REQ);
$req->connect($rep->getSockOpt(ZMQ::SOCKOPT_LAST_ENDPOINT));
$req->sendMulti(['two', 'frames']);
check($rep->recvMulti() === ['two', 'frames'], 'both have come');
$rep->send('answer');
check($req->recv() === 'answer', 'it is answered');

// What is subscribed to, and nothing else.
$pub = $context->getSocket(ZMQ::SOCKET_XPUB);
$sub = $context->getSocket(ZMQ::SOCKET_SUB);
$sub->setSockOpt(ZMQ::SOCKOPT_SUBSCRIBE, 'news');
$pub->bind('inproc://news');
$sub->connect('inproc://news');
check($pub->recv() === "\x01news", 'the subscription');
$pub->send('other');
$pub->send('news 1');
check($sub->recv() === 'news 1', 'the news');
check($sub->recv(ZMQ::MODE_DONTWAIT) === false, 'no more of it');

// A large message, and a poll for it.
$pull = $context->getSocket(ZMQ::SOCKET_PULL);
$push = $context->getSocket(ZMQ::SOCKET_PUSH);
$pull->bind('ipc://tour.ipc');
$push->connect('ipc://tour.ipc');
$push->send(str_repeat('x', 100000));
$poll = new ZMQPoll();
$poll->add($pull, ZMQ::POLL_IN);
$readable = $writable = [];
check($poll->poll($readable, $writable, 20000) === 1, 'it has come');
check(strlen($pull->recv()) === 100000, 'as it was');

try {
    $push->connect('nowhere');
    check(false, 'that is no endpoint');
} catch (ZMQSocketException $error) {
    check($error->getCode() === 22, 'why not');
}
echo "all is as it is with libzmq\n";
