# A tour of libzmq's library in Perl, by ZMQ::FFI.
use strict;
use warnings;
use ZMQ::FFI qw(ZMQ_REQ ZMQ_REP ZMQ_XPUB ZMQ_SUB ZMQ_PUSH ZMQ_PULL ZMQ_LAST_ENDPOINT ZMQ_DONTWAIT);

sub check {
    my ($is_so, $what) = @_;
    die "not so: $what\n" unless $is_so;
}

# By this name the loader finds whichever there is.
my $context = ZMQ::FFI->new(soname => 'libzmq.so.5');

# A question of two frames, and its answer.
my $rep = $context->socket(ZMQ_REP);
$rep->bind('tcp://127.0.0.1:*');
my $endpoint = $rep->get(ZMQ_LAST_ENDPOINT, 'string');
my $req = $context->socket(ZMQ_REQ);
$req->connect($endpoint);
$req->send_multipart([ 'two', 'frames' ]);
my @frames = $rep->recv_multipart();
check("@frames" eq 'two frames', 'both have come');
$rep->send('answer');
check($req->recv() eq 'answer', 'it is answered');

# What is subscribed to, and nothing else.
my ($pub, $sub) = ($context->socket(ZMQ_XPUB), $context->socket(ZMQ_SUB));
$sub->subscribe('news');
$pub->bind('inproc://news');
$sub->connect('inproc://news');
check($pub->recv() eq "\x01news", 'the subscription');
$pub->send('other');
$pub->send('news 1');
check($sub->recv() eq 'news 1', 'the news');
check(!$sub->has_pollin, 'no more of it');

# A large message.
my ($push, $pull) = ($context->socket(ZMQ_PUSH), $context->socket(ZMQ_PULL));
$pull->bind('ipc://tour.ipc');
$push->connect('ipc://tour.ipc');
$push->send('x' x 100_000);
check(length($pull->recv()) == 100_000, 'as it was');

check(!eval { $push->connect('nowhere'); 1 }, 'that is no endpoint');
$_->close() for $req, $rep, $pub, $sub, $push, $pull;
$context->destroy();
print "all is as it is with libzmq\n";
