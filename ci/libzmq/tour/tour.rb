# A tour of libzmq's library in Ruby, by ffi-rzmq.
require 'ffi-rzmq'

def check(is_so, what)
  abort "not so: #{what} (#{ZMQ::Util.error_string})" unless is_so
end

context = ZMQ::Context.new

# A question of two frames, and its answer.
rep = context.socket(ZMQ::REP)
check rep.bind('tcp://127.0.0.1:*').zero?, 'it is bound'
endpoint = []
check rep.getsockopt(ZMQ::LAST_ENDPOINT, endpoint).zero?, 'where it is'
req = context.socket(ZMQ::REQ)
check req.connect(endpoint.first.delete("\0")).zero?, 'it is connected'
check req.send_strings(%w[two frames]) >= 0, 'both are sent'
frames = []
check rep.recv_strings(frames) >= 0 && frames == %w[two frames], 'both have come'
check rep.send_string('answer') >= 0, 'it is answered'
answer = +''
check req.recv_string(answer) >= 0 && answer == 'answer', 'the answer'

# What is subscribed to, and nothing else.
pub = context.socket(ZMQ::XPUB)
sub = context.socket(ZMQ::SUB)
check sub.setsockopt(ZMQ::SUBSCRIBE, 'news').zero?, 'it subscribes'
check pub.bind('inproc://news').zero? && sub.connect('inproc://news').zero?, 'both are there'
check pub.recv_string(answer) >= 0 && answer == "\x01news", 'the subscription'
pub.send_string('other')
pub.send_string('news 1')
check sub.recv_string(answer) >= 0 && answer == 'news 1', 'the news'
check sub.recv_string(answer, ZMQ::DONTWAIT) == -1 && ZMQ::Util.errno == ZMQ::EAGAIN, 'no more of it'

# A large message, and a poll for it.
pull = context.socket(ZMQ::PULL)
push = context.socket(ZMQ::PUSH)
check pull.bind('ipc://tour.ipc').zero?, 'it is bound'
check push.connect('ipc://tour.ipc').zero?, 'it is connected'
check push.send_string('x' * 100_000) >= 0, 'all of it'
poller = ZMQ::Poller.new
poller.register_readable(pull)
check poller.poll(20_000) == 1 && poller.readables == [pull], 'it has come'
check pull.recv_string(answer) >= 0 && answer.size == 100_000, 'as it was'

check push.connect('nowhere') == -1 && ZMQ::Util.errno == Errno::EINVAL::Errno, 'that is no endpoint'
[req, rep, pub, sub, push, pull].each { |socket| check socket.close.zero?, 'it is closed' }
check context.terminate.zero?, 'it is over'
puts 'all is as it is with libzmq'
